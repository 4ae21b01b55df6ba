/**
 * One connection to one peer, from its first byte to its last: socket → decoder → rules → pieces, and back.
 *
 * Thread: the worker that dialled or accepted it, for its whole life. Copies made: none here; see DownloadQueue and
 * UploadQueue. What a stranger may do is bounded: handshake time, idle time, message sizes (decoder), queued requests.
 *
 *   connecting ──▶ handshake ──▶ waiting (for the main thread to admit it) ──▶ open ──▶ closed
 */
import type net from 'node:net';

import { P2pError, ProtocolError, toErrorValue } from '../errors.js';
import type { PieceIndex } from '../metainfo/piece-layout.js';
import {
  decodeExtensionHandshake,
  encodeExtensionHandshake,
  type ExtensionHandshake,
} from '../protocol/extension-handshake.js';
import { encodeHandshake, HandshakeReader, type Handshake } from '../protocol/handshake.js';
import { HANDSHAKE_TIMEOUT_MS, IDLE_TIMEOUT_MS, KEEP_ALIVE_MS, MAX_QUEUED_REQUESTS } from '../protocol/limits.js';
import { MessageDecoder } from '../protocol/message-decoder.js';
import {
  encodeBitfield,
  encodeExtended,
  encodeHaves,
  encodeKeepAlive,
  encodeRanges,
  encodeSignal,
  type Signal,
} from '../protocol/message-encoder.js';
import type { PieceFragment } from '../protocol/messages.js';
import { normaliseHost, type PeerAddress } from '../protocol/peer-address.js';
import { peerIdFromBytes } from '../protocol/peer-id.js';
import { PeerLink, type CheckedRange, type LinkEvent } from '../swarm/peer-link.js';
import { RateMeter } from '../swarm/rate-meter.js';
import { RequestPipeline } from '../swarm/request-pipeline.js';
import type { CloseReason, LinkMeasure, PartialPiece, SwarmEvent } from '../swarm/swarm-events.js';
import { DownloadQueue, type FetchTask } from './download-queue.js';
import { PieceAssembly, type BlockSink } from './piece-assembly.js';
import type { SharedTokenBucket } from './shared-token-bucket.js';
import { UploadQueue } from './upload-queue.js';
import type { TorrentLink, WorkerTorrent } from './worker-torrent.js';
import type { FromWorker } from './worker-messages.js';

/** A peer that refuses so many blocks while it does not choke us serves nothing. */
const REFUSALS_MOST = 64;
/** What may wait in the socket for a peer that does not read: blocks under way (1 MiB) and small messages. */
const UNREAD_MOST_BYTES = 4_194_304;
/** How long refusals of a choking peer are awaited before its pieces go to others (BEP 6: it refuses or serves each). */
const CHOKE_SETTLE_MS = 2_000;

/** What a link needs of its worker. */
export interface LinkHost {
  readonly uploadBucket: SharedTokenBucket;
  readonly downloadBucket: SharedTokenBucket;
  readonly client: string;
  emit(message: FromWorker): void;
  findTorrent(infoHash: Uint8Array): WorkerTorrent | undefined;
  handleClosed(link: Link): void;
  nowMs(): number;
}

type LinkState = 'connecting' | 'handshake' | 'waiting' | 'open' | 'closed';

export class Link implements TorrentLink {
  readonly linkId: number;
  readonly incoming: boolean;
  readonly #host: LinkHost;
  readonly #socket: net.Socket;
  readonly #startedMs: number;
  readonly #reader = new HandshakeReader();
  #state: LinkState;
  /** Where the other end is. */
  readonly address: PeerAddress;
  #torrent: WorkerTorrent | undefined;
  #handshake: Handshake | undefined;
  #sentHandshake = false;
  /** Bytes that came before admission, behind the handshake. */
  #early: Uint8Array[] = [];
  #blameKey = '';
  #rules: PeerLink | undefined;
  #decoder: MessageDecoder | undefined;
  #uploads: UploadQueue | undefined;
  #downloads: DownloadQueue | undefined;
  readonly #pipeline: RequestPipeline;
  readonly #downMeter = new RateMeter();
  readonly #upMeter = new RateMeter();
  #downTotalBytes = 0;
  #upTotalBytes = 0;
  #lastReceivedMs: number;
  #lastSentMs: number;
  #refusals = 0;
  /** Its last extension handshake; a later one changes only what it names. */
  #told: ExtensionHandshake | undefined;
  #chokedAtMs: number | undefined;
  /** Pieces on their way back to the main thread: `link-closed` comes after them. */
  readonly #releases = new Set<Promise<void>>();

  constructor(options: {
    readonly linkId: number;
    readonly incoming: boolean;
    readonly socket: net.Socket;
    readonly address: PeerAddress;
    readonly host: LinkHost;
    /** Known from the start when we dial. */
    readonly torrent: WorkerTorrent | undefined;
  }) {
    this.linkId = options.linkId;
    this.incoming = options.incoming;
    this.#socket = options.socket;
    this.address = options.address;
    this.#host = options.host;
    this.#torrent = options.torrent;
    this.#state = options.incoming ? 'handshake' : 'connecting';
    const nowMs = options.host.nowMs();
    this.#startedMs = nowMs;
    this.#lastReceivedMs = nowMs;
    this.#lastSentMs = nowMs;
    this.#pipeline = new RequestPipeline(nowMs);
    options.torrent?.links.add(this);
  }

  get torrent(): WorkerTorrent | undefined {
    return this.#torrent;
  }

  get isClosed(): boolean {
    return this.#state === 'closed';
  }

  /** The dialled socket is connected. */
  handleConnected(): void {
    if (this.#state !== 'connecting') return;
    this.#state = 'handshake';
    this.#sendHandshake();
  }

  /**
   * Bytes from the socket; `chunk` is not kept.
   * @returns whether to go on reading
   */
  handleBytes(chunk: Uint8Array): boolean {
    this.#lastReceivedMs = this.#host.nowMs();
    try {
      switch (this.#state) {
        case 'handshake':
          return this.#readHandshake(chunk);
        case 'waiting':
          this.#early.push(Uint8Array.from(chunk));
          return false;
        case 'open':
          this.#readMessages(chunk);
          return true;
        case 'connecting':
        case 'closed':
          return true;
        default:
          return this.#state satisfies never;
      }
    } catch (error) {
      this.#fail(error);
      return true;
    }
  }

  /** The socket ended or broke. */
  handleSocketClosed(message: string): void {
    this.close('lost', message);
  }

  admit(blameKey: string): void {
    const torrent = this.#torrent;
    if (this.#state !== 'waiting' || !torrent || !this.#handshake) return;
    this.#blameKey = blameKey;
    this.#state = 'open';
    this.#rules = new PeerLink(torrent.layout, this.#handshake.supportsFast);
    this.#decoder = new MessageDecoder({ pieceCount: torrent.layout.pieceCount });
    this.#downloads = new DownloadQueue({
      layout: torrent.layout,
      pipeline: this.#pipeline,
      bucket: this.#host.downloadBucket,
      send: (bytes) => {
        this.#write(bytes);
      },
    });
    this.#uploads = this.#makeUploads(torrent);
    this.#sendOwned(torrent, this.#handshake.supportsFast);
    if (this.#handshake.supportsExtended) this.#sendExtensionHandshake(torrent);
    const early = this.#early;
    this.#early = [];
    for (const chunk of early) this.handleBytes(chunk);
    if (!this.isClosed) this.#socket.resume();
  }

  choke(): void {
    if (!this.#rules || this.#rules.amChoking) return;
    this.#rules.amChoking = true;
    this.#signal('choke');
    const waiting = this.#uploads?.clear() ?? [];
    if (this.#rules.supportsFast && waiting.length > 0) this.#write(encodeRanges('reject', waiting));
  }

  unchoke(): void {
    if (!this.#rules?.amChoking) return;
    this.#rules.amChoking = false;
    this.#signal('unchoke');
  }

  setInterested(interested: boolean): void {
    if (!this.#rules || this.#rules.amInterested === interested) return;
    this.#rules.amInterested = interested;
    this.#signal(interested ? 'interested' : 'not-interested');
  }

  sendHaves(pieceIndices: readonly PieceIndex[]): void {
    if (this.#state === 'open') this.#write(encodeHaves(pieceIndices));
  }

  /** Says again what changed since the first extension handshake: that this end wants nothing any more (BEP 21). */
  sendUploadOnly(): void {
    if (this.#state === 'open' && this.#handshake?.supportsExtended && this.#torrent) {
      this.#sendExtensionHandshake(this.#torrent);
    }
  }

  /** The piece is this link's to fetch, or to help with. */
  fetch(sink: BlockSink, isHelp: boolean): void {
    this.#downloads?.add(sink, isHelp);
    this.pumpDownloads();
  }

  canFetch(): boolean {
    return this.#state === 'open' && this.#rules?.peerChoking === false;
  }

  /** Blocks of a piece became free again. */
  wakePiece(pieceIndex: PieceIndex): void {
    this.#downloads?.wake(pieceIndex);
    this.pumpDownloads();
  }

  /** Nothing of the piece is wanted any more. */
  finishPiece(pieceIndex: PieceIndex): void {
    this.#downloads?.finish(pieceIndex);
    this.pumpDownloads();
  }

  /** Gives a piece back; `piece-released` follows. */
  releasePiece(pieceIndex: PieceIndex): void {
    const task = this.#downloads?.remove(pieceIndex, this.#state === 'open');
    if (task) this.#giveBack(task);
  }

  pumpDownloads(): void {
    if (this.#state !== 'open' || this.#rules?.peerChoking !== false) return;
    this.#downloads?.pump(this.#host.nowMs());
  }

  pumpUploads(): void {
    if (this.#state === 'open') this.#uploads?.pump();
  }

  /** Timeouts, rates, what waits for tokens. Called by the worker's one timer. */
  handleTick(nowMs: number): void {
    if (this.#state === 'connecting' || this.#state === 'handshake') {
      if (nowMs - this.#startedMs > HANDSHAKE_TIMEOUT_MS) this.close('timeout', 'no handshake in time');
      return;
    }
    if (nowMs - this.#lastReceivedMs > IDLE_TIMEOUT_MS) {
      this.close('timeout', `nothing received for ${IDLE_TIMEOUT_MS / 1000} s`);
      return;
    }
    if (this.#state !== 'open') return;
    if (nowMs - this.#lastSentMs > KEEP_ALIVE_MS) this.#write(encodeKeepAlive());
    if (this.#chokedAtMs !== undefined && nowMs - this.#chokedAtMs > CHOKE_SETTLE_MS) this.#releaseAll();
    this.#pipeline.handleTick(nowMs);
    this.pumpDownloads();
    this.pumpUploads();
  }

  measure(nowMs: number): LinkMeasure {
    return {
      linkId: this.linkId,
      downBytesPerSec: this.#downMeter.bytesPerSec(nowMs),
      upBytesPerSec: this.#upMeter.bytesPerSec(nowMs),
      downTotalBytes: this.#downTotalBytes,
      upTotalBytes: this.#upTotalBytes,
      roundTripMs: this.#pipeline.roundTripMs,
      inFlightBytes: this.#pipeline.inFlightBytes,
      stalledMs: this.#pipeline.stalledMs(nowMs),
    };
  }

  /** Ends the connection; pieces go back first. Idempotent. */
  close(reason: CloseReason, message: string): void {
    if (this.#state === 'closed') return;
    const wasConnecting = this.#state === 'connecting';
    this.#state = 'closed';
    this.#socket.destroy();
    this.#uploads?.close();
    this.#releaseAll();
    this.#torrent?.links.delete(this);
    this.#host.handleClosed(this);
    void this.#sayClosed(wasConnecting, reason, message);
  }

  /** Resolves when all of the link's pieces are given back. */
  async settled(): Promise<void> {
    while (this.#releases.size > 0) await Promise.all(this.#releases);
  }

  async #sayClosed(wasConnecting: boolean, reason: CloseReason, message: string): Promise<void> {
    await this.settled();
    if (!this.#torrent) return;
    this.#tell({ type: 'links-measured', measures: [this.measure(this.#host.nowMs())] });
    if (wasConnecting) this.#tell({ type: 'dial-failed', linkId: this.linkId });
    else if (!this.incoming || this.#handshake)
      this.#tell({ type: 'link-closed', linkId: this.linkId, reason, message });
  }

  #readHandshake(chunk: Uint8Array): boolean {
    const rest = this.#reader.push(chunk);
    if (this.incoming && !this.#sentHandshake) {
      const infoHash = this.#reader.infoHash;
      if (!infoHash) return true;
      this.#torrent = this.#host.findTorrent(infoHash);
      if (!this.#torrent) {
        throw new ProtocolError(
          'handshake names a torrent that is not served here',
          {},
          'P2P_HANDSHAKE_UNKNOWN_TORRENT',
        );
      }
      this.#torrent.links.add(this);
      this.#sendHandshake();
    }
    const handshake = this.#reader.handshake;
    if (!handshake) return true;
    if (!sameBytes(handshake.infoHash, this.#torrent?.setup.infoHash)) {
      throw new ProtocolError('handshake names another torrent', {}, 'P2P_HANDSHAKE_UNKNOWN_TORRENT');
    }
    this.#handshake = handshake;
    this.#state = 'waiting';
    if (rest.length > 0) this.#early.push(Uint8Array.from(rest));
    this.#tell({
      type: 'link-handshaken',
      linkId: this.linkId,
      address: this.address,
      incoming: this.incoming,
      peerId: peerIdFromBytes(handshake.peerId),
    });
    return false;
  }

  #readMessages(chunk: Uint8Array): void {
    const decoder = this.#decoder;
    const rules = this.#rules;
    if (!decoder || !rules) return;
    decoder.push(chunk);
    for (let message = decoder.next(); message; message = decoder.next()) {
      const event = rules.handle(message);
      if (event) this.#handleEvent(event, rules);
      if (this.isClosed) return;
    }
    this.pumpDownloads();
    this.#uploads?.pump();
  }

  #handleEvent(event: LinkEvent, rules: PeerLink): void {
    switch (event.type) {
      case 'fragment':
        this.#handleFragment(event.fragment, event.block);
        return;
      case 'request':
        this.#handleRequest(event.range, rules);
        return;
      case 'cancel':
        if (this.#uploads?.cancel(event.range) && rules.supportsFast)
          this.#write(encodeRanges('reject', [event.range]));
        return;
      case 'rejected':
        this.#handleRejected(event.range, rules);
        return;
      case 'peer-has':
        this.#tell({ type: 'peer-has', linkId: this.linkId, pieces: event.pieces });
        return;
      case 'peer-have':
        this.#tell({ type: 'peer-have', linkId: this.linkId, pieceIndices: event.pieceIndices });
        return;
      case 'peer-choked':
        this.#handleChoked(rules);
        return;
      case 'peer-unchoked':
        this.#chokedAtMs = undefined;
        this.#tell({ type: 'peer-unchoked', linkId: this.linkId });
        return;
      case 'peer-interested':
      case 'peer-not-interested':
        this.#tell({ type: event.type, linkId: this.linkId });
        return;
      case 'extended':
        this.#handleExtended(event.extensionId, event.payload);
        return;
      default:
        event satisfies never;
    }
  }

  #handleFragment(fragment: PieceFragment, block: number | undefined): void {
    const nowMs = this.#lastReceivedMs;
    this.#downTotalBytes += fragment.fragment.length;
    this.#downMeter.add(fragment.fragment.length, nowMs);
    const wasted = this.#downloads?.handleFragment(fragment, block, this.#blameKey, nowMs) ?? 0;
    if (wasted > 0 && this.#torrent) {
      this.#host.emit({ type: 'wasted', torrentId: this.#torrent.setup.torrentId, bytes: wasted });
    }
    if (this.#chokedAtMs !== undefined) this.#releaseSettled();
  }

  #handleRequest(range: CheckedRange, rules: PeerLink): void {
    const isServed = !rules.amChoking && this.#torrent?.offered.has(range.pieceIndex);
    const outcome = isServed ? this.#uploads?.push(range) : 'full';
    if (outcome === 'flood')
      throw new ProtocolError(`more than ${MAX_QUEUED_REQUESTS} requests queued, refusals ignored`);
    if (outcome === 'full' && rules.supportsFast) this.#write(encodeRanges('reject', [range]));
  }

  #handleRejected(range: CheckedRange, rules: PeerLink): void {
    if (!this.#downloads?.handleRejected(range)) return;
    if (rules.peerChoking) {
      this.#releaseSettled();
      return;
    }
    this.#refusals += 1;
    if (this.#refusals > REFUSALS_MOST) throw new ProtocolError(`refused ${REFUSALS_MOST} requests without choking`);
    this.releasePiece(range.pieceIndex);
  }

  #handleChoked(rules: PeerLink): void {
    if (rules.supportsFast) {
      this.#chokedAtMs = this.#host.nowMs();
      this.#releaseSettled();
    } else {
      this.#releaseAll();
    }
    this.#tell({ type: 'peer-choked', linkId: this.linkId });
  }

  #handleExtended(extensionId: number, payload: Uint8Array): void {
    if (extensionId !== 0) return;
    const told = decodeExtensionHandshake(payload, this.#told);
    this.#told = told;
    this.#pipeline.handleRequestQueue(told.requestQueue);
    this.#tell({
      type: 'peer-extended',
      linkId: this.linkId,
      uploadOnly: told.uploadOnly,
      client: told.client,
      ...(told.listenPort === undefined ? {} : { listenPort: told.listenPort }),
    });
  }

  /** After a choke: pieces of which nothing is on its way any more. */
  #releaseSettled(): void {
    for (const [pieceIndex, task] of this.#downloads?.tasks ?? []) {
      if (task.inFlight.size === 0) this.releasePiece(pieceIndex);
    }
  }

  #releaseAll(): void {
    this.#chokedAtMs = undefined;
    for (const pieceIndex of [...(this.#downloads?.tasks.keys() ?? [])]) this.releasePiece(pieceIndex);
  }

  #giveBack(task: FetchTask): void {
    const { sink } = task;
    const torrent = this.#torrent;
    const isOwner = sink instanceof PieceAssembly && !task.isHelp;
    if (isOwner) torrent?.assemblies.delete(sink.pieceIndex);
    const released = isOwner ? sink.release() : Promise.resolve<PartialPiece>([]);
    const done = released
      .catch((error: unknown): PartialPiece => {
        this.#diskFailed(error, false);
        return [];
      })
      .then((partial) => {
        this.#tell({ type: 'piece-released', linkId: this.linkId, pieceIndex: sink.pieceIndex, partial });
        this.#releases.delete(done);
      });
    this.#releases.add(done);
  }

  #makeUploads(torrent: WorkerTorrent): UploadQueue {
    return new UploadQueue({
      layout: torrent.layout,
      files: torrent.tools.files,
      pool: torrent.tools.pool,
      bucket: this.#host.uploadBucket,
      send: (bytes, done) => {
        this.#lastSentMs = this.#host.nowMs();
        this.#socket.write(bytes, (error) => {
          if (!error) done();
        });
      },
      onServed: (lengthBytes) => {
        this.#upTotalBytes += lengthBytes;
        this.#upMeter.add(lengthBytes, this.#host.nowMs());
      },
      onError: (error, ranges) => {
        this.#diskFailed(error, true);
        if (this.#rules?.supportsFast) this.#write(encodeRanges('reject', ranges));
      },
    });
  }

  #sendHandshake(): void {
    const torrent = this.#torrent;
    if (!torrent) return;
    this.#sentHandshake = true;
    const { infoHash, peerId } = torrent.setup;
    this.#write(encodeHandshake({ infoHash, peerId, supportsFast: true, supportsExtended: true }));
  }

  #sendOwned(torrent: WorkerTorrent, supportsFast: boolean): void {
    if (supportsFast && torrent.offered.isFull()) this.#signal('have-all');
    else if (supportsFast && torrent.offered.isEmpty()) this.#signal('have-none');
    else if (torrent.layout.pieceCount > 0) this.#write(encodeBitfield(torrent.offered.bytes));
  }

  #sendExtensionHandshake(torrent: WorkerTorrent): void {
    const [listenPort, ...extraPorts] = torrent.setup.listenPorts;
    const payload = encodeExtensionHandshake({
      client: this.#host.client,
      requestQueue: MAX_QUEUED_REQUESTS,
      uploadOnly: torrent.uploadOnly,
      messages: {},
      ...(listenPort === undefined ? {} : { listenPort, extraPorts }),
    });
    this.#write(encodeExtended(0, payload));
  }

  #signal(signal: Signal): void {
    if (this.#state === 'open') this.#write(encodeSignal(signal));
  }

  #write(bytes: Uint8Array): void {
    if (this.#state === 'closed') return;
    this.#lastSentMs = this.#host.nowMs();
    this.#socket.write(bytes);
    if (this.#socket.writableLength > UNREAD_MOST_BYTES) this.close('protocol', 'it sends and does not read');
  }

  #diskFailed(error: unknown, serving: boolean): void {
    const torrent = this.#torrent;
    if (!torrent) return;
    this.#host.emit({ type: 'disk-failed', torrentId: torrent.setup.torrentId, serving, error: toErrorValue(error) });
  }

  #tell(event: SwarmEvent): void {
    const torrent = this.#torrent;
    if (torrent) this.#host.emit({ type: 'swarm', torrentId: torrent.setup.torrentId, event });
  }

  /** What came from the peer broke a rule, or we did. */
  #fail(error: unknown): void {
    if (!(error instanceof P2pError)) throw error;
    const isForeign = error.code === 'P2P_HANDSHAKE_FOREIGN' || error.code === 'P2P_HANDSHAKE_UNKNOWN_TORRENT';
    this.close(isForeign ? 'foreign' : 'protocol', error.message);
  }

  /** The remote end of an accepted socket, known once it is connected. */
  static addressOf(socket: net.Socket): PeerAddress {
    return { host: normaliseHost(socket.remoteAddress ?? ''), port: socket.remotePort ?? 0 };
  }
}

function sameBytes(one: Uint8Array, other: Uint8Array | undefined): boolean {
  return other !== undefined && one.length === other.length && one.every((byte, at) => byte === other[at]);
}
