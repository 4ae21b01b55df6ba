/**
 * What one peer says of pieces while bytes of it are read: each message of small pieces names one, and thousands come
 * together. The main thread hears of them in one event. Thread: the link's.
 */
import type { PieceIndex } from '../metainfo/piece-layout.js';
import type { SwarmEvent } from '../swarm/swarm-events.js';

/** So many haves have company enough: they do not wait for a tick. */
const MANY_HAVES = 64;

export class PieceNews {
  readonly #linkId: number;
  readonly #tell: (event: SwarmEvent, mayWait: boolean) => void;
  #haves: PieceIndex[] = [];
  #asked: PieceIndex[] = [];

  /** @param tell `mayWait`: for other events, a tick at most */
  constructor(linkId: number, tell: (event: SwarmEvent, mayWait: boolean) => void) {
    this.#linkId = linkId;
    this.#tell = tell;
  }

  /** The peer has these now. */
  addHaves(pieceIndices: readonly PieceIndex[]): void {
    for (const pieceIndex of pieceIndices) this.#haves.push(pieceIndex);
  }

  /** The peer asked for the piece for the first time. */
  addAsked(pieceIndex: PieceIndex): void {
    this.#asked.push(pieceIndex);
  }

  /** Tells what came; call when the bytes are used up, and before anything else is told of the peer. */
  flush(): void {
    const linkId = this.#linkId;
    if (this.#haves.length > 0) {
      const pieceIndices = this.#haves;
      this.#haves = [];
      this.#tell({ type: 'peer-have', linkId, pieceIndices }, pieceIndices.length < MANY_HAVES);
    }
    if (this.#asked.length > 0) {
      const pieceIndices = this.#asked;
      this.#asked = [];
      this.#tell({ type: 'peer-asked', linkId, pieceIndices }, false);
    }
  }
}
