import type { PieceIndex } from '../metainfo/piece-layout.js';
import type { PieceRange } from './swarm-events.js';

/** The pieces of a run, in order. */
export function* piecesOf({ pieceIndex, count = 1 }: PieceRange): Generator<PieceIndex> {
  // A run lies within the torrent.
  for (let at = 0; at < count; at += 1) yield (pieceIndex + at) as PieceIndex;
}
