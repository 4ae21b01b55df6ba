/** What to do about an error: one sentence a code, for those whose message cannot know the command line. */
import type { ErrorCode, P2pError } from '../errors.js';

const ADVICE: Partial<Record<ErrorCode, string>> = {
  P2P_PORT_TAKEN: 'Choose another with --port, or let the system choose with --port 0.',
  P2P_TARGET_NOT_FOUND: `'p2p list' shows what the tracker knows; -i HOST names another tracker.`,
  P2P_TARGET_AMBIGUOUS: 'Name one of them by its info hash.',
  P2P_NOBODY_ANSWERED: 'Does the tracker run (p2p tracker start), and is its host the one given with -i?',
  P2P_TRACKER_UNREACHABLE: `Does the tracker run (p2p tracker start), and is its host the one given with -i?`,
  P2P_TARGET_EXISTS: 'Move it away, choose another folder with --output, or replace it with --force.',
  P2P_PART_OF_ANOTHER_TORRENT: 'Move the .part away or choose another folder with --output.',
  P2P_DISK_FULL: 'Free some space or choose another folder with --output; what was fetched is kept.',
  P2P_COPY_IN_USE: 'Another p2p process writes this copy; wait for it or stop it.',
  P2P_STATE_UNUSABLE: 'Name another state folder with --state DIR or P2P_STATE.',
  P2P_STATE_NEWER: 'A newer p2p wrote it: use that one, or another state folder with --state DIR.',
  P2P_METAINFO_UNKNOWN_HASHES: 'A plugin may know them: p2p plugins install NAME, or --hash-plugin MODULE for one run.',
  P2P_HASH_UNKNOWN: `'p2p hashes' lists what there is; plugins add more.`,
  P2P_REFUSED: 'Give the token with --token FILE or P2P_TOKEN.',
};

const POINTS_TO_HELP: ReadonlySet<ErrorCode> = new Set(['P2P_USAGE', 'P2P_OPTION_INVALID', 'P2P_MAGNET_INVALID']);

/**
 * @param commandName such as `peer seed`; empty when the error came before a command was found
 * @returns a sentence or two; undefined when the message says all
 */
export function adviceFor(error: P2pError, commandName: string): string | undefined {
  if (POINTS_TO_HELP.has(error.code)) return `'p2p ${commandName === '' ? '' : `${commandName} `}--help' explains.`;
  return ADVICE[error.code];
}
