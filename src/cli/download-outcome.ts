/** Why a download is not complete, with the figures that the command line has at hand. */
import type { TransferOutcome } from '../engine/engine-types.js';
import { P2pError } from '../errors.js';
import { countOf, formatPieces } from './format-pieces.js';
import { printable } from './printable.js';
import type { StopReason } from './stop-signal.js';

/**
 * @param stoppedBy set when a signal ended it
 * @param partPath where that lies which came, as the user would write it
 * @returns undefined for a complete download, or one that never began
 */
export function downloadOutcomeError(
  outcome: TransferOutcome | undefined,
  stoppedBy: StopReason | undefined,
  partPath: string,
): P2pError | undefined {
  if (outcome === undefined || outcome.state === 'complete') return undefined;
  const { snapshot, error } = outcome;
  if (error !== undefined && error.code !== 'P2P_INCOMPLETE') return P2pError.fromValue(error);
  const { missingEverywhere, missingEverywhereCount } = snapshot.swarm;
  const { wantedPieces: pieceCount, wantedVerifiedPieces: verifiedPieces } = snapshot.swarm;
  const figures = { pieceCount, verifiedPieces, missingEverywhere, missingEverywhereCount };
  const reason = error?.message ?? `${verifiedPieces} of ${countOf(pieceCount, 'piece')} are here`;
  const sentences = [
    `${printable(snapshot.name)} is incomplete: ${stoppedBy === undefined ? '' : `stopped by ${stoppedBy}, `}${reason}`,
  ];
  // After a signal nothing was waited for: that no peer has a piece yet tells nothing.
  if (stoppedBy === undefined && missingEverywhereCount > 0) {
    sentences.push(`Missing everywhere: ${formatPieces(missingEverywhere, missingEverywhereCount)}`);
  }
  if (verifiedPieces > 0)
    sentences.push(`What came is kept in ${printable(partPath)}; the same command goes on with it`);
  return new P2pError('P2P_INCOMPLETE', sentences.join('. '), { ...figures, ...error?.details });
}
