/** The pieces that a choked peer may ask us for (BEP 6), each block about once: a stranger's connection is no free lunch. */
import type { PieceIndex, PieceLayout } from '../metainfo/piece-layout.js';
import type { CheckedRange } from '../swarm/peer-link.js';

export class FastGrants {
  readonly #layout: PieceLayout;
  readonly #pieces = new Set<PieceIndex>();
  #leftBytes = 0;

  constructor(layout: PieceLayout) {
    this.#layout = layout;
  }

  grant(pieceIndices: readonly PieceIndex[]): void {
    for (const pieceIndex of pieceIndices) {
      this.#pieces.add(pieceIndex);
      this.#leftBytes += this.#layout.pieceSize(pieceIndex);
    }
  }

  has(pieceIndex: PieceIndex): boolean {
    return this.#pieces.has(pieceIndex);
  }

  /** Counts a request. @returns whether it is served though the peer is choked */
  take(range: CheckedRange): boolean {
    if (!this.#pieces.has(range.pieceIndex) || this.#leftBytes < range.lengthBytes) return false;
    this.#leftBytes -= range.lengthBytes;
    return true;
  }
}
