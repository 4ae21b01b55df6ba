/**
 * Metadata from one peer (BEP 9): which pieces to ask it for, and what its answers are worth. Each peer's metadata is
 * put together by itself, so that a hash that does not hold convicts whoever sent it, and nobody else.
 */
import { ProtocolError } from '../errors.js';
import { METADATA_PIECE_BYTES } from '../protocol/limits.js';
import { metadataPieceBytes, metadataPieceCount, type MetadataMessage } from '../protocol/metadata-messages.js';

/** Requests under way: libtorrent rejects what its send buffer (ten pieces) does not take. */
const REQUESTS_AT_ONCE = 8;
/** A peer that owes an answer and sends nothing for so long is given up. */
const SILENT_MS = 10_000;
/** Pieces that nobody asked for, or that came already, at which a peer breaks the protocol. */
const MOST_UNASKED = 64;

export class MetadataDownload {
  readonly #sizeBytes: number;
  readonly #pieceCount: number;
  /** Memory grows with what arrives, not with what the peer claims. */
  readonly #pieces = new Map<number, Uint8Array>();
  readonly #asked = new Set<number>();
  #nextPiece = 0;
  #receivedBytes = 0;
  #unaskedCount = 0;
  #lastAnswerMs: number;

  /** @param sizeBytes as the peer announced it, 1 to 16 MiB */
  constructor(sizeBytes: number, nowMs: number) {
    this.#sizeBytes = sizeBytes;
    this.#pieceCount = metadataPieceCount(sizeBytes);
    this.#lastAnswerMs = nowMs;
  }

  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  /** Pieces to ask for now, ascending; they count as asked. */
  takeRequests(): number[] {
    const pieces: number[] = [];
    while (this.#asked.size < REQUESTS_AT_ONCE && this.#nextPiece < this.#pieceCount) {
      this.#asked.add(this.#nextPiece);
      pieces.push(this.#nextPiece);
      this.#nextPiece += 1;
    }
    return pieces;
  }

  /**
   * A piece came. One that was not asked for, or came already, is dropped.
   * @param message its bytes are copied
   * @returns whether it was of use
   * @throws {P2P_PROTOCOL} for a wrong length, another total size than announced, or many pieces that nobody asked for
   */
  handleData({ piece, totalBytes, bytes }: Extract<MetadataMessage, { type: 'data' }>, nowMs: number): boolean {
    if (totalBytes !== undefined && totalBytes !== this.#sizeBytes) {
      throw new ProtocolError(`metadata of ${totalBytes} bytes, ${this.#sizeBytes} were announced`);
    }
    if (!this.#asked.delete(piece)) {
      this.#unaskedCount += 1;
      if (this.#unaskedCount <= MOST_UNASKED) return false;
      throw new ProtocolError(`more than ${MOST_UNASKED} pieces of metadata that nobody asked for`);
    }
    const expected = metadataPieceBytes(this.#sizeBytes, piece);
    if (bytes.length !== expected) {
      throw new ProtocolError(`metadata piece ${piece} of ${bytes.length} bytes, must be ${expected}`);
    }
    this.#pieces.set(piece, bytes.slice());
    this.#receivedBytes += bytes.length;
    this.#lastAnswerMs = nowMs;
    return true;
  }

  /** @returns whether the peer refuses what it was asked for: it has no metadata, or gives none now */
  handleReject(piece: number): boolean {
    return this.#asked.has(piece);
  }

  /** Whether the peer owes answers and sends none. */
  isSilent(nowMs: number): boolean {
    return this.#asked.size > 0 && nowMs - this.#lastAnswerMs >= SILENT_MS;
  }

  /** All of it, undefined while pieces are missing. Not checked by any hash. */
  get whole(): Uint8Array | undefined {
    if (this.#pieces.size < this.#pieceCount) return undefined;
    const bytes = new Uint8Array(this.#sizeBytes);
    for (const [piece, part] of this.#pieces) bytes.set(part, piece * METADATA_PIECE_BYTES);
    return bytes;
  }
}
