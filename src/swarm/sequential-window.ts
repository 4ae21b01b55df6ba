/**
 * Pieces in order, to play while loading. Within a window behind the first piece that is lacking the lowest open one is
 * asked for; whatever peers can give beyond goes by rarity as always, so that the swarm does not lose its last copies of
 * what nobody has come to yet, and downloaders at different places have something for each other.
 *
 *     owned            window: in order            rarest first
 *     ███████████│▒▒░░▒░░░░░░░░░░░░░░░░│░░░░░░█░░░░█░░░░░░░░
 */
import type { PieceIndex } from '../metainfo/piece-layout.js';
import type { PieceSet } from './piece-set.js';

/** Some seconds of film, at least some pieces to share among peers, and few enough to look through at each pick. */
const WINDOW_BYTES = 16_777_216;
const LEAST_PIECES = 8;
const MOST_PIECES = 512;

export interface SequentialWindowOptions {
  readonly pieceLengthBytes: number;
  /** Pieces that need not be fetched; a live view. */
  readonly settled: PieceSet;
  readonly isOpen: (pieceIndex: PieceIndex) => boolean;
}

export class SequentialWindow {
  readonly #settled: PieceSet;
  readonly #isOpen: (pieceIndex: PieceIndex) => boolean;
  readonly #pieces: number;
  /** Everything before it is settled. */
  #first = 0;

  constructor({ pieceLengthBytes, settled, isOpen }: SequentialWindowOptions) {
    this.#settled = settled;
    this.#isOpen = isOpen;
    this.#pieces = Math.min(MOST_PIECES, Math.max(LEAST_PIECES, Math.ceil(WINDOW_BYTES / pieceLengthBytes)));
  }

  /** The first open piece of the window that the peer has. */
  pick(pieces: PieceSet): PieceIndex | undefined {
    const { length } = this.#settled.bits;
    while (this.#first < length && this.#settled.has(this.#first)) this.#first += 1;
    const end = Math.min(this.#first + this.#pieces, length);
    for (let index = this.#first; index < end; index += 1) {
      // Every index below the length is a piece.
      if (pieces.has(index) && this.#isOpen(index as PieceIndex)) return index as PieceIndex;
    }
    return undefined;
  }

  /** The piece is lacking again. */
  handleLost(pieceIndex: PieceIndex): void {
    this.#first = Math.min(this.#first, pieceIndex);
  }
}
