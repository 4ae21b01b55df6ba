/**
 * Answers a peer that asks for the torrent's metadata (BEP 9). One piece at a time is handed to the socket, the next one
 * when the kernel has it: a peer that does not read gets nothing more. It counts against the upload limit as blocks do.
 *
 * Thread: the link's. Copies made: each piece once, out of shared memory.
 */
import { encodeExtended } from '../protocol/message-encoder.js';
import {
  encodeMetadataData,
  encodeMetadataReject,
  metadataPieceBytes,
  type MetadataMessage,
} from '../protocol/metadata-messages.js';
import { MetadataOffer } from '../swarm/metadata-offer.js';
import type { SharedTokenBucket } from './shared-token-bucket.js';

export interface MetadataServerTools {
  /** Length of the info dictionary; 0 when it is not for others. */
  readonly sizeBytes: number;
  /** The info dictionary; undefined while it is being fetched. */
  readonly metadata: () => Uint8Array | undefined;
  readonly bucket: SharedTokenBucket;
  readonly send: (bytes: Uint8Array) => void;
  /** Hands bytes to the socket; `done` is called when the kernel has them. */
  readonly sendLarge: (bytes: Uint8Array, done: () => void) => void;
}

export class MetadataServer {
  readonly #tools: MetadataServerTools;
  readonly #offer: MetadataOffer;
  #isSending = false;

  constructor(tools: MetadataServerTools) {
    this.#tools = tools;
    this.#offer = new MetadataOffer(tools.sizeBytes);
  }

  /** @param extensionId the peer's id for `ut_metadata` */
  handleRequest({ piece }: Extract<MetadataMessage, { type: 'request' }>, extensionId: number): void {
    if (this.#offer.handleRequest(piece)) this.pump(extensionId);
    else this.#tools.send(encodeExtended(extensionId, encodeMetadataReject(piece)));
  }

  /** Sends what waits and may go; called now and then too, since metadata and tokens come with time. */
  pump(extensionId: number): void {
    const { sizeBytes, bucket, sendLarge } = this.#tools;
    const piece = this.#offer.next;
    if (this.#isSending || piece === undefined) return;
    const metadata = this.#tools.metadata();
    if (!metadata || !bucket.take(metadataPieceBytes(sizeBytes, piece))) return;
    this.#offer.handleSent();
    this.#isSending = true;
    sendLarge(encodeExtended(extensionId, encodeMetadataData(metadata, piece)), () => {
      this.#isSending = false;
      this.pump(extensionId);
    });
  }
}
