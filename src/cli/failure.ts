/** Any thrown thing as what the user is told and what the process exits with: the one place for both. */
import { EXIT_CODES, P2pError, type ErrorCode, type ErrorDetails } from '../errors.js';
import { adviceFor } from './advice.js';
import { Interrupted, stopExitCode } from './stop-signal.js';
import { stripOclifFrame, toUsageError } from './usage-error.js';

export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: ErrorDetails;
  readonly exitCode: number;
  /** What to do about it, a sentence; undefined when the message says it. */
  readonly advice: string | undefined;
  /** For our own bugs, shown with `P2P_DEBUG` or `DEBUG` alone. */
  readonly stack: string | undefined;
}

/**
 * @param thrown what a command threw
 * @param commandName such as `peer seed`, for the hint at its help; empty when none was found
 * @returns undefined when there is nothing to say: `this.exit(0)`, or nobody reads any more
 */
export function toFailure(thrown: unknown, commandName: string): Failure | undefined {
  if (thrown instanceof Interrupted) return interruption(thrown);
  const error = thrown instanceof P2pError ? thrown : toUsageError(thrown);
  if (error === 'exit') return undefined;
  if (error === undefined) return bug(thrown);
  return {
    code: error.code,
    message: stripOclifFrame(error.message),
    details: error.details,
    exitCode: exitCodeOf(error),
    advice: adviceFor(error, commandName),
    stack: error.exitCode === EXIT_CODES.ourBug ? error.stack : undefined,
  };
}

/** A stopped download carries its own exit code, since it is incomplete and was stopped. */
function exitCodeOf(error: P2pError): number {
  const { stoppedBy } = error.details;
  const isStopped = stoppedBy === 'SIGINT' || stoppedBy === 'SIGTERM' || stoppedBy === 'exit';
  return isStopped ? stopExitCode(stoppedBy) : error.exitCode;
}

function interruption({ reason }: Interrupted): Failure | undefined {
  if (reason === 'closed-pipe') return undefined;
  return {
    code: 'P2P_INCOMPLETE',
    message: `stopped by ${reason}`,
    details: { stoppedBy: reason },
    exitCode: stopExitCode(reason),
    advice: undefined,
    stack: undefined,
  };
}

function bug(thrown: unknown): Failure {
  const message = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
  return {
    code: 'P2P_BUG',
    message,
    details: {},
    exitCode: EXIT_CODES.ourBug,
    advice: 'This is a mistake in p2p, not yours. Please report it with the stack that P2P_DEBUG=1 shows.',
    stack: thrown instanceof Error ? thrown.stack : undefined,
  };
}
