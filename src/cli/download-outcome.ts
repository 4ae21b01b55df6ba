/** Why a download is not complete, said so that the user knows what to do. */
import type { TransferOutcome, TransferSnapshot } from '../engine/engine-types.js';
import { P2pError, type ErrorCode } from '../errors.js';
import { countOf, formatPieces } from './format-pieces.js';
import { printable } from './printable.js';
import type { StopReason } from './stop-signal.js';

/** Outcomes whose message can be said better with the swarm's figures at hand. */
const TOLD_BY_FIGURES: ReadonlySet<ErrorCode> = new Set(['P2P_INCOMPLETE', 'P2P_NOBODY_ANSWERED']);

/**
 * @param stoppedBy set when a signal ended it
 * @returns undefined for a complete download, or one that never began
 */
export function downloadOutcomeError(
  outcome: TransferOutcome | undefined,
  stoppedBy: StopReason | undefined,
): P2pError | undefined {
  if (outcome === undefined || outcome.state === 'complete') return undefined;
  const { snapshot, error } = outcome;
  const code = error?.code ?? 'P2P_INCOMPLETE';
  if (error !== undefined && !TOLD_BY_FIGURES.has(code)) return P2pError.fromValue(error);
  const { missingEverywhere, missingEverywhereCount, pieceCount, verifiedPieces } = snapshot.swarm;
  return new P2pError(code, `${standing(snapshot)}${reason(snapshot, outcome, stoppedBy)}${kept(snapshot)}`, {
    ...error?.details,
    ...{ pieceCount, verifiedPieces, missingEverywhere, missingEverywhereCount },
  });
}

function standing({ name, swarm }: TransferSnapshot): string {
  return `${printable(name)} is incomplete: ${swarm.verifiedPieces} of ${countOf(swarm.pieceCount, 'piece')}`;
}

function reason({ swarm }: TransferSnapshot, { error }: TransferOutcome, stoppedBy: StopReason | undefined): string {
  if (stoppedBy !== undefined) return `; stopped by ${stoppedBy}`;
  if (error?.code === 'P2P_NOBODY_ANSWERED') {
    const failures = swarm.trackers.filter(({ message }) => message !== '');
    const said = failures.map(({ url, message }) => `${printable(url)}: ${printable(message)}`).join('; ');
    return said === '' ? '; no tracker and no peer ever answered' : `; no tracker and no peer ever answered (${said})`;
  }
  if (swarm.missingEverywhereCount > 0 && swarm.links.length > 0) {
    const which = swarm.missingEverywhereCount === 1 ? 'piece' : 'pieces';
    const list = formatPieces(swarm.missingEverywhere, swarm.missingEverywhereCount);
    return `; missing everywhere: ${which} ${list} (no connected peer has ${swarm.missingEverywhereCount === 1 ? 'it' : 'them'})`;
  }
  if (swarm.links.length === 0) return '; no peer is left that could send the rest';
  return error === undefined || error.message === '' ? '' : `; ${error.message}`;
}

function kept({ path, swarm }: TransferSnapshot): string {
  return swarm.verifiedPieces === 0
    ? ''
    : `. What arrived is kept in ${printable(path)}: the same command goes on with it`;
}
