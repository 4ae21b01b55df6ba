/**
 * A set of pieces that can be compared with another 32 pieces at a time: 100,000 pieces are 3,125 words, so that the
 * question "do these two have anything in common" costs a few microseconds.
 */
import type { PieceIndex } from '../metainfo/piece-layout.js';
import { Bitfield } from '../protocol/bitfield.js';

export class PieceSet {
  /** The same bits in wire order. Written only through this class. */
  readonly bits: Bitfield;
  /** The same memory, 32 pieces a word, in this machine's byte order; spare bits are clear. */
  readonly words: Uint32Array;
  #size = 0;

  constructor(pieceCount: number) {
    this.words = new Uint32Array(Math.ceil(pieceCount / 32));
    this.bits = new Bitfield(pieceCount, new Uint8Array(this.words.buffer, 0, Math.ceil(pieceCount / 8)));
  }

  /** A copy of the bits of `bytes`: ceil(pieceCount / 8) bytes in wire order, spare bits clear. */
  static from(pieceCount: number, bytes: Uint8Array): PieceSet {
    const set = new PieceSet(pieceCount);
    set.bits.bytes.set(bytes);
    set.#size = set.bits.count();
    return set;
  }

  static full(pieceCount: number): PieceSet {
    const set = new PieceSet(pieceCount);
    set.bits.fill();
    set.#size = pieceCount;
    return set;
  }

  /** What a peer says that it has: everything, nothing, or the bits of a bitfield. */
  static told(pieceCount: number, pieces: 'all' | 'none' | Uint8Array): PieceSet {
    if (pieces === 'all') return PieceSet.full(pieceCount);
    return pieces === 'none' ? new PieceSet(pieceCount) : PieceSet.from(pieceCount, pieces);
  }

  get size(): number {
    return this.#size;
  }

  get isFull(): boolean {
    return this.#size === this.bits.length;
  }

  has(pieceIndex: number): boolean {
    return this.bits.has(pieceIndex);
  }

  /** @returns whether it was not in the set before */
  add(pieceIndex: PieceIndex): boolean {
    if (this.bits.has(pieceIndex)) return false;
    this.bits.set(pieceIndex);
    this.#size += 1;
    return true;
  }

  /** @returns whether it was in the set */
  delete(pieceIndex: PieceIndex): boolean {
    if (!this.bits.has(pieceIndex)) return false;
    this.bits.clear(pieceIndex);
    this.#size -= 1;
    return true;
  }

  /** Whether this set has a piece that `other` lacks. */
  hasMoreThan(other: PieceSet): boolean {
    if (other.isFull || this.#size === 0) return false;
    for (let at = 0; at < this.words.length; at += 1) {
      if (((this.words[at] ?? 0) & ~(other.words[at] ?? 0)) !== 0) return true;
    }
    return false;
  }

  /** Calls `visit` for each piece, ascending. */
  forEach(visit: (pieceIndex: PieceIndex) => void): void {
    for (let at = 0; at < this.words.length; at += 1) {
      if (this.words[at] !== 0) this.#visitWord(at, visit);
    }
  }

  #visitWord(wordIndex: number, visit: (pieceIndex: PieceIndex) => void): void {
    const end = Math.min(wordIndex * 32 + 32, this.bits.length);
    for (let index = wordIndex * 32; index < end; index += 1) {
      // Every index below the length is a piece.
      if (this.bits.has(index)) visit(index as PieceIndex);
    }
  }
}
