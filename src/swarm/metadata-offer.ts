/**
 * What one peer asked of our metadata (BEP 9), and what of that is answered: in order, so many at a time as the driver
 * sends, and the whole metadata a few times at most. A peer that loads it again and again gets rejects.
 */
import { MAX_QUEUED_METADATA_REQUESTS } from '../protocol/limits.js';
import { metadataPieceCount } from '../protocol/metadata-messages.js';

/** How often a peer may load all of it. Transmission asks again after 3 s for what has not come yet. */
const SERVED_TIMES = 8;

export class MetadataOffer {
  readonly #pieceCount: number;
  readonly #waiting: number[] = [];
  #acceptedCount = 0;

  /** @param sizeBytes of the metadata; 0 when there is none to give */
  constructor(sizeBytes: number) {
    this.#pieceCount = metadataPieceCount(sizeBytes);
  }

  /** @returns whether it will be served; else it is to be rejected */
  handleRequest(piece: number): boolean {
    if (piece >= this.#pieceCount || this.#waiting.length >= MAX_QUEUED_METADATA_REQUESTS) return false;
    if (this.#acceptedCount >= SERVED_TIMES * this.#pieceCount) return false;
    this.#acceptedCount += 1;
    this.#waiting.push(piece);
    return true;
  }

  /** The piece to be sent next, until `handleSent`. */
  get next(): number | undefined {
    return this.#waiting[0];
  }

  /** `next` is on its way. */
  handleSent(): void {
    this.#waiting.shift();
  }
}
