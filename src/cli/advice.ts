/** What to do about an error, where its message cannot know: a sentence that names flags of the command line. */
import type { ErrorCode, P2pError } from '../errors.js';

const ADVICE: Partial<Record<ErrorCode, string>> = {
  P2P_TRACKER_UNREACHABLE: 'Does the tracker run (p2p tracker start), and is its host the one that -i names?',
  P2P_STATE_UNUSABLE: 'Another state folder can be named with --state DIR or P2P_STATE.',
  P2P_METAINFO_UNKNOWN_HASHES: 'A plugin may know them: p2p plugins install NAME, or --hash-plugin MODULE for one run.',
  P2P_HASH_UNKNOWN: "'p2p hashes' lists what there is; plugins add more.",
};

const POINTS_TO_HELP: ReadonlySet<ErrorCode> = new Set(['P2P_USAGE', 'P2P_OPTION_INVALID']);
const NEEDS_TOKEN: ReadonlySet<unknown> = new Set([401, 403]);

/**
 * @param commandName such as `peer seed`; empty when the error came before a command was found
 * @returns a sentence; undefined when the message says all
 */
export function adviceFor(error: P2pError, commandName: string): string | undefined {
  if (POINTS_TO_HELP.has(error.code)) return `'p2p ${commandName === '' ? '' : `${commandName} `}--help' explains.`;
  if (error.code === 'P2P_REFUSED' && NEEDS_TOKEN.has(error.details['status'])) {
    return 'Give its secret with --token FILE or P2P_TOKEN.';
  }
  return ADVICE[error.code];
}
