/**
 * What happens on an admitted connection while the torrent's metadata is looked for (BEP 9): the peer is told that we own
 * nothing, and asked for the info dictionary when it is its turn. What it says about pieces is passed over: the download
 * that follows dials it again.
 *
 * Thread: the link's. Copies made: each piece of metadata once, and the whole once more on its way to
 * the main thread.
 */
import { infoHashFromBytes, isInfoOf } from '../metainfo/info-hash.js';
import {
  decodeExtensionHandshake,
  encodeExtensionHandshake,
  EXTENSION_HANDSHAKE_ID,
  type ExtensionHandshake,
} from '../protocol/extension-handshake.js';
import type { Handshake } from '../protocol/handshake.js';
import { MAX_QUEUED_REQUESTS } from '../protocol/limits.js';
import { MessageDecoder } from '../protocol/message-decoder.js';
import { encodeExtended, encodeSignal } from '../protocol/message-encoder.js';
import {
  decodeMetadataMessage,
  encodeMetadataReject,
  encodeMetadataRequest,
  METADATA_EXTENSION,
  METADATA_EXTENSION_ID,
  type MetadataMessage,
} from '../protocol/metadata-messages.js';
import { MetadataDownload } from '../swarm/metadata-download.js';
import type { MetadataLinkEvent } from '../swarm/metadata-events.js';
import type { MetadataTorrent } from './metadata-torrent.js';
import type { TradeConnection, TradeHost } from './peer-trade.js';

export class MetadataTrade {
  readonly #linkId: number;
  readonly #host: Pick<TradeHost, 'client' | 'emit' | 'nowMs'>;
  readonly #connection: Pick<TradeConnection, 'write' | 'close'>;
  readonly #torrent: MetadataTorrent;
  readonly #handshake: Handshake;
  readonly #decoder = new MessageDecoder({ pieceCount: undefined });
  #told: ExtensionHandshake | undefined;
  #download: MetadataDownload | undefined;
  #isClosed = false;

  constructor(options: {
    readonly linkId: number;
    readonly host: Pick<TradeHost, 'client' | 'emit' | 'nowMs'>;
    readonly connection: Pick<TradeConnection, 'write' | 'close'>;
    readonly torrent: MetadataTorrent;
    readonly handshake: Handshake;
  }) {
    this.#linkId = options.linkId;
    this.#host = options.host;
    this.#connection = options.connection;
    this.#torrent = options.torrent;
    this.#handshake = options.handshake;
  }

  /** The first messages after the handshake. */
  greet(): void {
    if (this.#handshake.supportsFast) this.#connection.write(encodeSignal('have-none'));
    if (!this.#handshake.supportsExtended) return;
    const [listenPort, ...extraPorts] = this.#torrent.setup.listenPorts;
    const payload = encodeExtensionHandshake({
      client: this.#host.client,
      requestQueue: MAX_QUEUED_REQUESTS,
      uploadOnly: false,
      messages: { [METADATA_EXTENSION]: METADATA_EXTENSION_ID },
      ...(listenPort === undefined ? {} : { listenPort, extraPorts }),
    });
    this.#connection.write(encodeExtended(EXTENSION_HANDSHAKE_ID, payload));
  }

  /**
   * Bytes from the peer; `chunk` is not kept.
   * @throws {P2P_PROTOCOL} when the peer broke a rule
   */
  readMessages(chunk: Uint8Array): void {
    this.#decoder.push(chunk);
    for (let message = this.#decoder.next(); message; message = this.#decoder.next()) {
      if (message.type !== 'extended') continue;
      if (message.extensionId === EXTENSION_HANDSHAKE_ID) this.#handleHandshake(message.payload);
      else if (message.extensionId === METADATA_EXTENSION_ID) this.#handleMetadata(message.payload);
      if (this.#isClosed) return;
    }
  }

  /** It is this peer's turn. One that took its offer back meanwhile is closed. */
  fetch(): void {
    const sizeBytes = this.#told?.metadataSize;
    if (this.#download) return;
    if (sizeBytes === undefined || this.#metadataId === undefined) {
      this.#connection.close('timeout', 'it offers no metadata any more');
      return;
    }
    this.#download = new MetadataDownload(sizeBytes, this.#host.nowMs());
    this.#request();
  }

  handleTick(nowMs: number): void {
    if (this.#download?.isSilent(nowMs) === true) this.#connection.close('timeout', 'it sent no metadata in time');
  }

  close(): Promise<void> {
    this.#isClosed = true;
    return Promise.resolve();
  }

  /** The id under which the peer takes messages about metadata; undefined when it does not. */
  get #metadataId(): number | undefined {
    return this.#told?.messages.get(METADATA_EXTENSION);
  }

  #handleHandshake(payload: Uint8Array): void {
    const told = decodeExtensionHandshake(payload, this.#told);
    this.#told = told;
    this.#tell({
      type: 'metadata-offered',
      linkId: this.#linkId,
      sizeBytes: this.#metadataId === undefined ? undefined : told.metadataSize,
      listenPort: told.listenPort,
    });
  }

  #handleMetadata(payload: Uint8Array): void {
    const message = decodeMetadataMessage(payload);
    if (message?.type === 'request') this.#send(encodeMetadataReject(message.piece));
    else if (message?.type === 'data') this.#handleData(message);
    else if (message && this.#download?.handleReject(message.piece) === true) {
      this.#connection.close('timeout', 'it refuses to send metadata');
    }
  }

  #handleData(message: Extract<MetadataMessage, { type: 'data' }>): void {
    const download = this.#download;
    if (!download?.handleData(message, this.#host.nowMs())) return;
    this.#tell({ type: 'metadata-received', linkId: this.#linkId, receivedBytes: download.receivedBytes });
    const { whole } = download;
    if (whole) this.#handleWhole(whole);
    else this.#request();
  }

  #handleWhole(metadata: Uint8Array): void {
    const bytes = isInfoOf(metadata, infoHashFromBytes(this.#torrent.setup.infoHash)) ? metadata : undefined;
    this.#tell({ type: 'metadata-whole', linkId: this.#linkId, bytes });
  }

  #request(): void {
    for (const piece of this.#download?.takeRequests() ?? []) this.#send(encodeMetadataRequest(piece));
  }

  #send(payload: Uint8Array): void {
    const id = this.#metadataId;
    if (id !== undefined) this.#connection.write(encodeExtended(id, payload));
  }

  #tell(event: MetadataLinkEvent): void {
    this.#host.emit({ type: 'metadata-link', torrentId: this.#torrent.setup.torrentId, event });
  }
}
