/**
 * Ownership of pieces as it lies in the database: spans of 4,096 pieces with three bitmaps each, and the rules by which
 * a piece goes from one state to the next. Durable pieces are verified, and verified pieces have no intent.
 */
import { InvariantError } from '../errors.js';
import { Bitfield } from '../protocol/bitfield.js';

/** Pieces of one row: 512 bytes a bitmap, so that a batch touches few rows and each of them is small. */
export const SPAN_PIECES = 4096;
const SPAN_BYTES = SPAN_PIECES / 8;

/** The bitmaps of one span; index 0 is the first piece of the span. */
export interface SpanBitmaps {
  /** Pieces that may have been written to, unverified. */
  readonly intents: Bitfield;
  /** Pieces whose bytes are written and whose hash holds. */
  readonly verified: Bitfield;
  /** Verified pieces that a power cut cannot take away. */
  readonly durable: Bitfield;
}

/** Changes of one batch, piece indices in any order. */
export interface PieceChanges {
  /** About to be written to; nothing changes for a piece that is verified. */
  readonly intents?: readonly number[];
  /** Written, and the hash holds; ends the intent. */
  readonly verified?: readonly number[];
  /** Synced to disk; they must be verified, by this batch or before. */
  readonly durable?: readonly number[];
  /** Not there any more, or wrong. What is lost and anything else in one batch is lost. */
  readonly lost?: readonly number[];
}

/** Bitmaps of a span in which nothing is owned. */
export function emptySpan(): SpanBitmaps {
  return {
    intents: new Bitfield(SPAN_PIECES),
    verified: new Bitfield(SPAN_PIECES),
    durable: new Bitfield(SPAN_PIECES),
  };
}

/** Bitmaps over the bytes of a row, which are kept and not copied. */
export function readSpan(row: { intents: Uint8Array; verified: Uint8Array; durable: Uint8Array }): SpanBitmaps {
  return {
    intents: new Bitfield(SPAN_PIECES, row.intents),
    verified: new Bitfield(SPAN_PIECES, row.verified),
    durable: new Bitfield(SPAN_PIECES, row.durable),
  };
}

/** Puts a span's bitmap into that of the whole copy. */
export function placeSpan(whole: Bitfield, span: number, bitmap: Bitfield): void {
  const start = span * SPAN_BYTES;
  whole.bytes.set(bitmap.bytes.subarray(0, Math.max(whole.bytes.length - start, 0)), start);
}

/**
 * Applies a batch: intents, then verified, then durable. `lost` comes last, since a piece that is fetched again costs
 * less than one that is believed wrongly.
 * @param spanOf the bitmaps of a span by its number, the same object each time
 * @throws {P2P_INVARIANT} when there is no such piece, or a durable one is not verified
 */
export function applyChanges(changes: PieceChanges, pieceCount: number, spanOf: (span: number) => SpanBitmaps): void {
  const visit = (indices: readonly number[] = [], change: (span: SpanBitmaps, at: number) => void): void => {
    for (const index of indices) {
      if (!Number.isInteger(index) || index < 0 || index >= pieceCount) {
        throw new InvariantError(`there is no piece ${index} among ${pieceCount}`, { index, pieceCount });
      }
      change(spanOf(Math.floor(index / SPAN_PIECES)), index % SPAN_PIECES);
    }
  };
  visit(changes.intents, ({ intents, verified }, at) => {
    if (!verified.has(at)) intents.set(at);
  });
  visit(changes.verified, ({ intents, verified }, at) => {
    verified.set(at);
    intents.clear(at);
  });
  visit(changes.durable, ({ verified, durable }, at) => {
    if (!verified.has(at)) throw new InvariantError('a piece is called durable that is not verified', { changes });
    durable.set(at);
  });
  visit(changes.lost, ({ intents, verified, durable }, at) => {
    intents.clear(at);
    verified.clear(at);
    durable.clear(at);
  });
}
