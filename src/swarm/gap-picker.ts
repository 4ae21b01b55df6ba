/**
 * Which piece to ask of a web seed next (BEP 19, gaps): a server answers one request for a long range best, so the piece
 * behind the last one, and where that is taken, the start of the longest gap. Two web seeds that began in the same gap
 * would soon meet: the second one begins in its middle.
 */
import type { PieceIndex } from '../metainfo/piece-layout.js';
import type { PieceSet } from './piece-set.js';

/** Open pieces that are looked at for a gap; a file of which more is missing has a gap long enough among them. */
const MOST_EXAMINED = 4_096;

export interface GapQuestion {
  /** Pieces that may be picked. */
  readonly open: PieceSet;
  /** What the web seed has. */
  readonly pieces: PieceSet;
  /** What it was given last. */
  readonly previous: PieceIndex | undefined;
  /** What each other web seed was given last, and will go on behind. */
  readonly others: readonly PieceIndex[];
}

/** The open piece that is best asked of a web seed; undefined when it has none. */
export function pickInGap({ open, pieces, previous, others }: GapQuestion): PieceIndex | undefined {
  const next = previous === undefined ? 0 : previous + 1;
  const isFree = (index: number): boolean => open.has(index) && pieces.has(index);
  if (previous !== undefined && isFree(next)) return next as PieceIndex;
  const gap = longestGap(open.words, isFree, next, open.bits.length);
  if (!gap) return undefined;
  const isShared = others.some((index) => index + 1 === gap.start);
  return (isShared ? gap.start + Math.floor(gap.length / 2) : gap.start) as PieceIndex;
}

/** Looks from `from` on to the end, then from the beginning; a gap does not go round. */
function longestGap(
  words: Uint32Array,
  isFree: (index: number) => boolean,
  from: number,
  pieceCount: number,
): { readonly start: number; readonly length: number } | undefined {
  let best: { readonly start: number; readonly length: number } | undefined;
  let length = 0;
  let examined = 0;
  for (let step = 0; step < pieceCount && examined < MOST_EXAMINED; step += 1) {
    const index = (from + step) % pieceCount;
    if (index === 0) length = 0;
    // Whole words without an open piece are passed over at once.
    if (index % 32 === 0 && words[index / 32] === 0 && index + 32 <= pieceCount) {
      length = 0;
      step += 31;
      continue;
    }
    if (!isFree(index)) {
      length = 0;
      continue;
    }
    examined += 1;
    length += 1;
    if (!best || length > best.length) best = { start: index - length + 1, length };
  }
  return best;
}
