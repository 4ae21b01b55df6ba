/**
 * Ctrl-C and its relatives: the first one asks politely, the second one ends the process at once.
 *
 *     running ── first signal ──▶ stopping (the command leaves its swarms) ── second ──▶ process.exit
 */
import { EXIT_CODES } from '../errors.js';

/** Why a command has to stop. A closed pipe is `p2p list | head`: nobody reads any more. `exit` is that word, typed. */
export type StopReason = 'SIGINT' | 'SIGTERM' | 'closed-pipe' | 'exit';

/** Exit status of a command that was stopped before it was done. */
export function stopExitCode(reason: StopReason): number {
  switch (reason) {
    case 'SIGINT':
      return EXIT_CODES.sigint;
    case 'SIGTERM':
      return EXIT_CODES.sigterm;
    case 'closed-pipe':
      return EXIT_CODES.complete;
    case 'exit':
      return EXIT_CODES.incomplete;
    default:
      return reason satisfies never;
  }
}

/** Thrown by a command that was stopped before it was done. */
export class Interrupted extends Error {
  readonly reason: StopReason;
  readonly exitCode: number;

  /** @param exitCode by the reason when left out */
  constructor(reason: StopReason, exitCode: number = stopExitCode(reason)) {
    super(`stopped by ${reason}`);
    this.reason = reason;
    this.exitCode = exitCode;
  }
}

/** Asks whatever command runs to stop. */
let requestStop: ((reason: StopReason) => void) | undefined;

/** Listens for signals from its making until `close`; at most one at a time. */
export class StopSignal {
  /** Resolves with the first reason; never rejects. */
  readonly requested: Promise<StopReason>;
  #reason: StopReason | undefined;
  #resolve: (reason: StopReason) => void = () => {};
  /** The first request is told to the command, the second ends the process. */
  readonly #request = (reason: StopReason): void => {
    if (this.#reason === undefined) {
      this.#reason = reason;
      this.#resolve(reason);
    } else if (reason !== 'closed-pipe') {
      process.exit(stopExitCode(reason));
    }
  };
  readonly #onSigint = (): void => this.#request('SIGINT');
  readonly #onSigterm = (): void => this.#request('SIGTERM');

  constructor() {
    this.requested = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    process.on('SIGINT', this.#onSigint);
    process.on('SIGTERM', this.#onSigterm);
    // The terminal window was closed: leave cleanly, as if by `kill`.
    process.on('SIGHUP', this.#onSigterm);
    requestStop = this.#request;
  }

  get reason(): StopReason | undefined {
    return this.#reason;
  }

  /** Stops the command as the first signal does. Once it is stopping this changes nothing. */
  requestExit(): void {
    if (this.#reason === undefined) this.#request('exit');
  }

  /** The result of `work`, unless a stop is requested first. @throws {Interrupted} */
  async unlessStopped<T>(work: Promise<T>): Promise<T> {
    const stopped = this.requested.then((reason): never => {
      throw new Interrupted(reason);
    });
    return await Promise.race([work, stopped]);
  }

  /** Waits so long, or until a stop is requested. */
  async within(durationMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const wait = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, durationMs);
    });
    await Promise.race([wait, this.requested]);
    clearTimeout(timer);
  }

  close(): void {
    process.off('SIGINT', this.#onSigint);
    process.off('SIGTERM', this.#onSigterm);
    process.off('SIGHUP', this.#onSigterm);
    if (requestStop === this.#request) requestStop = undefined;
  }
}

/**
 * Makes a closed stdout or stderr end the process quietly: through the command that runs, so that it leaves its swarms,
 * or at once when none does. Output that cannot be written for another reason, such as a full disk, ends it with a word.
 */
export function stopOnClosedPipes(): void {
  const onError = (error: NodeJS.ErrnoException): void => {
    if (error.code !== 'EPIPE' && error.code !== 'EIO') {
      process.stderr.write(`Error: cannot write the output: ${error.message}\n`);
      process.exit(EXIT_CODES.disk);
    }
    if (requestStop) requestStop('closed-pipe');
    else process.exit(process.exitCode ?? EXIT_CODES.complete);
  };
  // Before oclif's listener, which throws what is no closed pipe.
  process.stdout.prependListener('error', onError);
  process.stderr.prependListener('error', onError);
}
