/**
 * What one peer is told of the pieces that we have: the greeting, haves as they come, and what super-seeding shows it.
 *
 * Thread: the link's. Haves wait for company, a tick at most: each packet wakes two threads of every peer.
 */
import type { PieceIndex } from '../metainfo/piece-layout.js';
import type { Bitfield } from '../protocol/bitfield.js';
import { encodeDontHave } from '../protocol/dont-have-message.js';
import { encodeBitfield, encodeExtended, encodeHaves, encodeSignal } from '../protocol/message-encoder.js';

export class PieceNotices {
  readonly #write: (bytes: Uint8Array) => void;
  #waiting: PieceIndex[] = [];
  #superSeeds = false;
  #lastAsked: PieceIndex | undefined;

  constructor(write: (bytes: Uint8Array) => void) {
    this.#write = write;
  }

  /** The peer does not know all that we have (BEP 16), and may not learn that we want nothing: libtorrent would leave. */
  get superSeeds(): boolean {
    return this.#superSeeds;
  }

  /** The first message after the handshake. @param showsNothing we super-seed: look like somebody who has nothing */
  greet(offered: Bitfield, supportsFast: boolean, showsNothing: boolean): void {
    this.#superSeeds = showsNothing;
    const hasNothing = showsNothing || offered.isEmpty();
    if (supportsFast && !showsNothing && offered.isFull()) this.#write(encodeSignal('have-all'));
    else if (supportsFast && hasNothing) this.#write(encodeSignal('have-none'));
    else if (!showsNothing && offered.length > 0) this.#write(encodeBitfield(offered.bytes));
  }

  /** We have these now; the peer hears of it with the next `write` or `flush`. */
  add(pieceIndices: readonly PieceIndex[]): void {
    for (const pieceIndex of pieceIndices) this.#waiting.push(pieceIndex);
  }

  /** We have these no more (BEP 54). @param extensionId under which the peer takes that message */
  takeBack(pieceIndices: readonly PieceIndex[], extensionId: number): void {
    this.write(Buffer.concat(pieceIndices.map((index) => encodeExtended(extensionId, encodeDontHave(index)))));
  }

  /** Sends bytes, and what waits before them. */
  write(bytes: Uint8Array): void {
    const haves = this.#take();
    this.#write(haves ? Buffer.concat([haves, bytes]) : bytes);
  }

  flush(): void {
    const haves = this.#take();
    if (haves) this.#write(haves);
  }

  /**
   * Says at once what we have: the peer may be waiting for it.
   * @param isAll the peer knows of everything with these
   * @returns whether it may learn now what we are
   */
  show(pieceIndices: readonly PieceIndex[], isAll: boolean): boolean {
    this.#write(encodeHaves(pieceIndices));
    const ends = isAll && this.#superSeeds;
    if (ends) this.#superSeeds = false;
    return ends;
  }

  /** The peer asks for a block. @returns whether it is of another piece than the last, and somebody wants to know */
  isNews(pieceIndex: PieceIndex): boolean {
    if (!this.#superSeeds || pieceIndex === this.#lastAsked) return false;
    this.#lastAsked = pieceIndex;
    return true;
  }

  #take(): Uint8Array | undefined {
    if (this.#waiting.length === 0) return undefined;
    const haves = encodeHaves(this.#waiting);
    this.#waiting = [];
    return haves;
  }
}
