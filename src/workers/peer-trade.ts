/**
 * What happens on a connection once its peer is admitted: messages → rules → pieces, and back.
 *
 * Thread: the link's. Copies made: none here; see DownloadQueue and UploadQueue. What a stranger may do is bounded: message
 * sizes by the decoder, queued requests by UploadQueue, unread answers by the link.
 */
import { ProtocolError, toErrorValue } from '../errors.js';
import type { PieceIndex } from '../metainfo/piece-layout.js';
import { decodeDontHave, DONT_HAVE_EXTENSION, DONT_HAVE_EXTENSION_ID } from '../protocol/dont-have-message.js';
import {
  decodeExtensionHandshake,
  EXTENSION_HANDSHAKE_ID,
  type ExtensionHandshake,
} from '../protocol/extension-handshake.js';
import { ALLOWED_FAST_COUNT, allowedFastSet } from '../protocol/allowed-fast.js';
import type { Handshake } from '../protocol/handshake.js';
import { formatIp, unpackIp } from '../protocol/ip-address.js';
import { LEAST_EXCHANGE_INTERVAL_MS, MAX_QUEUED_REQUESTS } from '../protocol/limits.js';
import { MessageDecoder } from '../protocol/message-decoder.js';
import {
  encodeExtended,
  encodePieceIndex,
  encodePort,
  encodeRanges,
  encodeSignal,
} from '../protocol/message-encoder.js';
import type { PieceFragment } from '../protocol/messages.js';
import { decodeMetadataMessage, METADATA_EXTENSION, METADATA_EXTENSION_ID } from '../protocol/metadata-messages.js';
import type { PeerAddress } from '../protocol/peer-address.js';
import {
  decodePeerExchange,
  encodePeerExchange,
  PEER_EXCHANGE,
  PEER_EXCHANGE_ID,
  type PeerExchangeMessage,
} from '../protocol/peer-exchange.js';
import { PeerLink, type CheckedRange, type LinkEvent } from '../swarm/peer-link.js';
import { RateMeter } from '../swarm/rate-meter.js';
import { RequestPipeline } from '../swarm/request-pipeline.js';
import type { CloseReason, LinkMeasure, SwarmEvent } from '../swarm/swarm-events.js';
import { DownloadQueue } from './download-queue.js';
import { MetadataServer } from './metadata-server.js';
import { FastGrants } from './fast-grants.js';
import { LinkReturns } from './link-returns.js';
import type { BlockSink } from './piece-assembly.js';
import { PieceNews } from './piece-news.js';
import { PieceNotices } from './piece-notices.js';
import { encodeOurExtensions } from './our-extensions.js';
import type { PieceRun } from './piece-run.js';
import type { SharedTokenBucket } from './shared-token-bucket.js';
import { UploadQueue } from './upload-queue.js';
import type { FromWorker } from './worker-messages.js';
import type { TorrentTrade, WorkerTorrent } from './worker-torrent.js';

/** A peer that refuses so many blocks, one after the other, while it does not choke us serves nothing. */
const REFUSALS_MOST = 64;
/** How long refusals of a choking peer are awaited before its pieces go to others (BEP 6: it refuses or serves each). */
const CHOKE_SETTLE_MS = 2_000;
/** How long helpers may keep a piece waiting of which nothing else is left to ask for. */
const HELP_PATIENCE_MS = 1_000;

/** A choked peer gets its allowed-fast pieces after so long: most are unchoked sooner, and need none. */
const GRANT_AFTER_MS = 500;

/** What a trade needs of its worker. */
export interface TradeHost {
  readonly uploadBucket: SharedTokenBucket;
  readonly downloadBucket: SharedTokenBucket;
  /** Name and version that peers are told. */
  readonly client: string;
  emit(message: FromWorker): void;
  /** For what may wait until the next tick. */
  emitLater(message: FromWorker): void;
  nowMs(): number;
}

/** The connection below a trade. */
export interface TradeConnection {
  /** Where the other end is. */
  readonly address: PeerAddress;
  /** Sends bytes that are not used again. */
  write(bytes: Uint8Array): void;
  /** Sends bytes; `done` is called when they may be used again, or never when the connection breaks. */
  writeLarge(bytes: Uint8Array, done: () => void): void;
  close(reason: CloseReason, message: string): void;
}

export class PeerTrade implements TorrentTrade {
  readonly #linkId: number;
  readonly #host: TradeHost;
  readonly #connection: TradeConnection;
  readonly #torrent: WorkerTorrent;
  readonly #handshake: Handshake;
  readonly #blameKey: string;
  readonly #rules: PeerLink;
  readonly #decoder: MessageDecoder;
  readonly #uploads: UploadQueue;
  readonly #metadata: MetadataServer;
  readonly #downloads: DownloadQueue;
  readonly #returns: LinkReturns;
  readonly #notices: PieceNotices;
  readonly #news: PieceNews;
  readonly #pipeline: RequestPipeline;
  readonly #peerHost: string;
  /** What the peer may ask for while we choke it, and what we may ask for while it chokes us (BEP 6). */
  readonly #grants: FastGrants;
  readonly #allowed = new Set<PieceIndex>();
  /** Since when it has been interested; undefined when it has had its grants, or needs none. */
  #waitingSinceMs: number | undefined;
  #hasGrants = false;
  readonly #downMeter = new RateMeter();
  readonly #upMeter = new RateMeter();
  #downTotalBytes = 0;
  #upTotalBytes = 0;
  #refusals = 0;
  #chokedAtMs: number | undefined;
  /** Its last extension handshake; a later one changes only what it names. */
  #told: ExtensionHandshake | undefined;
  #exchangedMs = -Infinity;
  #toldDhtPort = false;
  #isClosed = false;

  constructor(options: {
    readonly linkId: number;
    readonly host: TradeHost;
    readonly connection: TradeConnection;
    readonly torrent: WorkerTorrent;
    readonly handshake: Handshake;
    /** IP address of the peer. */
    readonly peerHost: string;
    /** Names this peer as the source of blocks. */
    readonly blameKey: string;
  }) {
    const { torrent, host, connection } = options;
    this.#linkId = options.linkId;
    this.#host = host;
    this.#connection = connection;
    this.#torrent = torrent;
    this.#handshake = options.handshake;
    this.#blameKey = options.blameKey;
    this.#peerHost = options.peerHost;
    this.#grants = new FastGrants(torrent.layout);
    this.#rules = new PeerLink(torrent.layout, options.handshake.supportsFast);
    this.#decoder = new MessageDecoder({ pieceCount: torrent.layout.pieceCount });
    this.#pipeline = new RequestPipeline(host.nowMs());
    this.#news = new PieceNews(options.linkId, (event, mayWait) => {
      const message = { type: 'swarm', torrentId: torrent.setup.torrentId, event } as const;
      // Waiting for company, so that the main thread wakes less often.
      if (mayWait) host.emitLater(message);
      else host.emit(message);
    });
    this.#notices = new PieceNotices((bytes) => {
      connection.write(bytes);
    });
    this.#downloads = new DownloadQueue({
      layout: torrent.layout,
      pipeline: this.#pipeline,
      bucket: host.downloadBucket,
      send: (bytes) => {
        this.#notices.write(bytes);
      },
    });
    this.#returns = new LinkReturns({
      linkId: options.linkId,
      torrent,
      downloads: this.#downloads,
      emit: (message) => {
        host.emit(message);
      },
    });
    this.#uploads = this.#makeUploads();
    this.#metadata = new MetadataServer({
      sizeBytes: torrent.setup.metadataBytes ?? 0,
      metadata: () => this.#wantMetadata(),
      bucket: host.uploadBucket,
      send: (bytes) => {
        connection.write(bytes);
      },
      sendLarge: (bytes, done) => {
        connection.writeLarge(bytes, done);
      },
    });
  }

  /**
   * Says what we own and how we speak: the first messages after the handshake.
   * @param showsNothing we super-seed (BEP 16): say that we have nothing, and report what the peer asks for
   */
  greet(showsNothing: boolean): void {
    this.#notices.greet(this.#torrent.offered, this.#rules.supportsFast, showsNothing);
    this.sendUploadOnly();
    this.sendDhtPort();
  }

  /**
   * Bytes from the peer; `chunk` is not kept.
   * @throws {P2P_PROTOCOL} when the peer broke a rule
   */
  readMessages(chunk: Uint8Array): void {
    const nowMs = this.#host.nowMs();
    this.#decoder.push(chunk);
    for (let message = this.#decoder.next(); message; message = this.#decoder.next()) {
      const event = this.#rules.handle(message);
      if (event) this.#handleEvent(event, nowMs);
      if (this.#isClosed) return;
    }
    this.#news.flush();
    this.#downloads.runs.write(nowMs);
    this.pumpDownloads();
    this.#uploads.pump();
  }

  choke(): void {
    if (this.#rules.amChoking) return;
    this.#rules.amChoking = true;
    this.#connection.write(encodeSignal('choke'));
    this.#reject(this.#uploads.keep(({ pieceIndex }) => this.#grants.has(pieceIndex)));
  }

  unchoke(): void {
    if (!this.#rules.amChoking) return;
    this.#rules.amChoking = false;
    this.#connection.write(encodeSignal('unchoke'));
  }

  setInterested(interested: boolean): void {
    if (this.#rules.amInterested === interested) return;
    this.#rules.amInterested = interested;
    this.#connection.write(encodeSignal(interested ? 'interested' : 'not-interested'));
  }

  /** They wait for company for a tick at most. */
  sendHaves(pieceIndices: readonly PieceIndex[]): void {
    this.#notices.add(pieceIndices);
  }

  /**
   * The pieces are not there any more. Whoever cannot be told of it (BEP 54), or that what it asked for will not come
   * (BEP 6), is hung up on: when it comes back it learns what there is.
   */
  sendDontHaves(pieceIndices: readonly PieceIndex[]): void {
    const extensionId = this.#told?.messages.get(DONT_HAVE_EXTENSION);
    if (extensionId === undefined || !this.#rules.supportsFast) {
      this.#connection.close('ours', 'pieces are not there any more');
      return;
    }
    this.#notices.takeBack(pieceIndices, extensionId);
    const gone = new Set(pieceIndices);
    this.#reject(this.#uploads.keep(({ pieceIndex }) => !gone.has(pieceIndex)));
  }

  /** Says at once what we have (BEP 16). @param isAll the peer knows of everything with these */
  showPieces(pieceIndices: readonly PieceIndex[], isAll: boolean): void {
    if (this.#notices.show(pieceIndices, isAll)) this.sendUploadOnly();
  }

  /** Our extension handshake; said again when this end wants nothing any more (BEP 21). */
  sendUploadOnly(): void {
    if (!this.#handshake.supportsExtended) return;
    const payload = encodeOurExtensions(this.#torrent.setup, {
      client: this.#host.client,
      uploadOnly: this.#torrent.uploadOnly && !this.#notices.superSeeds,
      peerHost: this.#connection.address.host,
    });
    this.#notices.write(encodeExtended(EXTENSION_HANDSHAKE_ID, payload));
  }

  sendDhtPort(): void {
    const { dhtPort } = this.#torrent;
    if (dhtPort !== undefined && this.#handshake.supportsDht) this.#connection.write(encodePort(dhtPort));
  }

  /** Tells the peer whom we got and lost (BEP 11), if it wants to hear of that. */
  exchangePeers(message: PeerExchangeMessage): void {
    const extensionId = this.#told?.messages.get(PEER_EXCHANGE);
    if (extensionId === undefined || this.#torrent.setup.isPrivate) return;
    this.#connection.write(encodeExtended(extensionId, encodePeerExchange(message)));
  }

  get canFetch(): boolean {
    return !this.#isClosed && !this.#rules.peerChoking;
  }

  /** Whether the peer would serve this piece now. */
  mayFetch(pieceIndex: PieceIndex): boolean {
    return this.canFetch || (!this.#isClosed && this.#allowed.has(pieceIndex));
  }

  /** The piece is this link's to fetch, or to help with; `pumpDownloads` asks for its blocks. */
  fetch(sink: BlockSink, isHelp: boolean): void {
    this.#downloads.add(sink, isHelp);
  }

  /** The pieces are this link's to fetch; `pumpDownloads` asks for them. */
  fetchRun(run: PieceRun): void {
    this.#downloads.runs.add(run);
  }

  /** Blocks of a piece became free again. */
  wakePiece(pieceIndex: PieceIndex): void {
    this.#downloads.wake(pieceIndex);
    this.pumpDownloads();
  }

  /** Nothing of the piece is wanted any more; `pumpDownloads` asks for what else is. */
  finishPiece(pieceIndex: PieceIndex): void {
    this.#downloads.finish(pieceIndex);
  }

  /** Gives a piece back; `piece-released` follows. */
  releasePiece(pieceIndex: PieceIndex): void {
    this.#returns.release(pieceIndex);
  }

  /** Gives a piece back, unless blocks of it are on their way: then `piece-kept` follows. */
  releaseUntouched(pieceIndex: PieceIndex): void {
    this.#returns.releaseUntouched(pieceIndex);
  }

  stopHelp(pieceIndex: PieceIndex): void {
    if (this.#downloads.tasks.get(pieceIndex)?.isHelp) this.releasePiece(pieceIndex);
  }

  /** Memory came back: what waited for it goes on. */
  pump(): void {
    this.pumpDownloads();
    this.pumpUploads();
  }

  pumpDownloads(): void {
    if (this.canFetch) this.#downloads.pump(this.#host.nowMs());
    else if (!this.#isClosed && this.#allowed.size > 0) {
      this.#downloads.pump(this.#host.nowMs(), (pieceIndex) => this.#allowed.has(pieceIndex));
    }
  }

  pumpUploads(): void {
    if (!this.#isClosed) this.#uploads.pump();
  }

  /** Rates, what waits for tokens, refusals that never came. */
  handleTick(nowMs: number): void {
    if (this.#chokedAtMs !== undefined && nowMs - this.#chokedAtMs > CHOKE_SETTLE_MS) this.#releaseChoked();
    if (this.#waitingSinceMs !== undefined && nowMs - this.#waitingSinceMs > GRANT_AFTER_MS) this.#grantFast();
    this.#pipeline.handleTick(nowMs);
    this.#downloads.runs.write(nowMs);
    for (const pieceIndex of this.#downloads.starving(nowMs, HELP_PATIENCE_MS)) this.#takeOverHelp(pieceIndex);
    this.pumpDownloads();
    this.pumpUploads();
    if (this.#metadataId !== undefined) this.#metadata.pump(this.#metadataId);
    this.#notices.flush();
  }

  measure(nowMs: number): LinkMeasure {
    return {
      linkId: this.#linkId,
      downBytesPerSec: this.#downMeter.bytesPerSec(nowMs),
      upBytesPerSec: this.#upMeter.bytesPerSec(nowMs),
      downTotalBytes: this.#downTotalBytes,
      upTotalBytes: this.#upTotalBytes,
      roundTripMs: this.#pipeline.roundTripMs,
      inFlightBytes: this.#pipeline.inFlightBytes,
      stalledMs: this.#pipeline.stalledMs(nowMs),
    };
  }

  /** The connection is gone: all pieces go back. Resolves when they have. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#uploads.close();
    await this.#returns.close();
  }

  #handleEvent(event: LinkEvent, nowMs: number): void {
    const linkId = this.#linkId;
    switch (event.type) {
      case 'fragment':
        this.#handleFragment(event.fragment, event.block, nowMs);
        return;
      case 'request':
        this.#handleRequest(event.range);
        return;
      case 'cancel':
        if (this.#uploads.cancel(event.range)) this.#reject([event.range]);
        return;
      case 'rejected':
        this.#handleRejected(event.range);
        return;
      case 'peer-has':
        this.#tell({ type: 'peer-has', linkId, pieces: event.pieces });
        return;
      case 'peer-have':
        this.#news.addHaves(event.pieceIndices);
        return;
      case 'peer-choked':
        this.#handleChoked(nowMs);
        return;
      case 'peer-unchoked':
        this.#chokedAtMs = undefined;
        this.#tell({ type: 'peer-unchoked', linkId });
        return;
      case 'allowed-fast':
        this.#allowed.add(event.pieceIndex);
        this.#tell({ type: 'peer-allowed-fast', linkId, pieceIndex: event.pieceIndex });
        return;
      case 'suggested':
        this.#tell({ type: 'peer-suggested', linkId, pieceIndex: event.pieceIndex });
        return;
      case 'peer-interested':
      case 'peer-not-interested':
        this.#waitingSinceMs = event.type === 'peer-interested' && !this.#hasGrants ? nowMs : undefined;
        this.#tell({ type: event.type, linkId });
        return;
      case 'dht-port':
        this.#handleDhtPort(event.port);
        return;
      case 'extended':
        this.#handleExtended(event.extensionId, event.payload, nowMs);
        return;
      default:
        event satisfies never;
    }
  }

  #handleFragment(fragment: PieceFragment, block: number | undefined, nowMs: number): void {
    const lengthBytes = fragment.fragment.length;
    this.#downTotalBytes += lengthBytes;
    this.#downMeter.add(lengthBytes, nowMs);
    const wasted = this.#downloads.handleFragment(fragment, block, this.#blameKey, nowMs);
    if (wasted === 0) {
      this.#refusals = 0;
    } else {
      this.#host.emit({ type: 'wasted', torrentId: this.#torrent.setup.torrentId, bytes: wasted });
    }
    if (this.#chokedAtMs !== undefined) this.#releaseSettled();
  }

  #handleRequest(range: CheckedRange): void {
    const isAllowed = !this.#rules.amChoking || this.#grants.take(range);
    const isServed = isAllowed && this.#torrent.offered.has(range.pieceIndex);
    if (isServed && this.#notices.isNews(range.pieceIndex)) this.#news.addAsked(range.pieceIndex);
    const outcome = isServed ? this.#uploads.push(range) : 'full';
    if (outcome === 'flood') {
      throw new ProtocolError(`more than ${MAX_QUEUED_REQUESTS} requests queued, refusals ignored`);
    }
    if (outcome === 'full') this.#reject([range]);
  }

  #handleRejected(range: CheckedRange): void {
    if (!this.#downloads.handleRejected(range)) return;
    if (this.#rules.peerChoking) {
      // It does not serve what it allowed: what else was asked of the piece is refused soon, or never answered.
      if (this.#allowed.delete(range.pieceIndex)) this.#chokedAtMs ??= this.#host.nowMs();
      this.#releaseSettled();
      return;
    }
    this.#refusals += 1;
    if (this.#refusals > REFUSALS_MOST) {
      // No blame: its disk may have failed it, or its file changed.
      this.#connection.close('timeout', `refused ${REFUSALS_MOST} requests without choking`);
      return;
    }
    this.releasePiece(range.pieceIndex);
  }

  #handleChoked(nowMs: number): void {
    if (this.#rules.supportsFast) {
      this.#chokedAtMs = nowMs;
      this.#releaseSettled();
    } else {
      this.#returns.releaseAll(() => true);
    }
    this.#tell({ type: 'peer-choked', linkId: this.#linkId });
  }

  #handleDontHave(payload: Uint8Array): void {
    const pieceIndex = this.#rules.handleDontHave(decodeDontHave(payload));
    if (pieceIndex === undefined) return;
    this.#tell({ type: 'peer-dont-have', linkId: this.#linkId, pieceIndex });
    // The refusals that follow are no bad manners.
    this.releasePiece(pieceIndex);
  }

  #handleExtended(extensionId: number, payload: Uint8Array, nowMs: number): void {
    if (extensionId === EXTENSION_HANDSHAKE_ID) this.#handleExtensionHandshake(payload);
    else if (extensionId === METADATA_EXTENSION_ID) this.#handleMetadata(payload);
    else if (extensionId === DONT_HAVE_EXTENSION_ID) this.#handleDontHave(payload);
    else if (extensionId === PEER_EXCHANGE_ID) this.#handleExchange(payload, nowMs);
  }

  #handleExtensionHandshake(payload: Uint8Array): void {
    const told = decodeExtensionHandshake(payload, this.#told);
    this.#told = told;
    this.#pipeline.handleRequestQueue(told.requestQueue);
    const { uploadOnly, client, listenPort, yourIp } = told;
    this.#tell({
      type: 'peer-extended',
      linkId: this.#linkId,
      uploadOnly,
      client,
      exchangesPeers: told.messages.has(PEER_EXCHANGE),
      ...(listenPort === undefined ? {} : { listenPort }),
      ...(yourIp === undefined ? {} : { ourHost: formatIp(unpackIp(yourIp)) }),
    });
  }

  /** The id under which the peer takes messages about metadata; undefined when it does not. */
  get #metadataId(): number | undefined {
    return this.#told?.messages.get(METADATA_EXTENSION);
  }

  /** Undefined when the main thread still has to send it. */
  #wantMetadata(): Uint8Array | undefined {
    const torrent = this.#torrent;
    if (!torrent.metadata && !torrent.isMetadataWanted) {
      torrent.isMetadataWanted = true;
      this.#host.emit({ type: 'metadata-wanted', torrentId: torrent.setup.torrentId });
    }
    return torrent.metadata;
  }

  #handleMetadata(payload: Uint8Array): void {
    const message = decodeMetadataMessage(payload);
    if (message?.type !== 'request' || this.#metadataId === undefined) return;
    this.#metadata.handleRequest(message, this.#metadataId);
  }

  /** Once: a peer has one node. */
  #handleDhtPort(port: number): void {
    if (this.#toldDhtPort || this.#torrent.dhtPort === undefined) return;
    this.#toldDhtPort = true;
    const address = { host: this.#connection.address.host, port };
    this.#host.emit({ type: 'dht-node', torrentId: this.#torrent.setup.torrentId, address });
  }

  /** What comes too soon is not even read; of a private torrent we told nobody that we take it. */
  #handleExchange(payload: Uint8Array, nowMs: number): void {
    if (this.#torrent.setup.isPrivate || nowMs - this.#exchangedMs < LEAST_EXCHANGE_INTERVAL_MS) return;
    this.#exchangedMs = nowMs;
    this.#tell({ type: 'peers-exchanged', linkId: this.#linkId, added: decodePeerExchange(payload).added });
  }

  /** Helpers that are stalled, or dead with their thread, would keep the piece for ever: their blocks are asked for again. */
  #takeOverHelp(pieceIndex: PieceIndex): void {
    const assembly = this.#torrent.assemblies.get(pieceIndex);
    if (assembly?.ownerLinkId !== this.#linkId || assembly.isWhole) return;
    for (const link of this.#torrent.links) link.trade?.stopHelp(pieceIndex);
    assembly.takeOver();
    this.#downloads.wake(pieceIndex);
  }

  /** After a choke: pieces of which nothing is on its way any more. */
  #releaseSettled(): void {
    this.#returns.releaseAll((pieceIndex, isOnItsWay) => !isOnItsWay && !this.#allowed.has(pieceIndex));
  }

  /** The choke has settled: all but what the peer serves nevertheless. */
  #releaseChoked(): void {
    this.#chokedAtMs = undefined;
    this.#returns.releaseAll((pieceIndex) => !this.#allowed.has(pieceIndex));
  }

  /** A peer with next to nothing that waits for its unchoke gets a few pieces to begin with, once. */
  #grantFast(): void {
    this.#waitingSinceMs = undefined;
    this.#hasGrants = true;
    const { layout, offered, setup } = this.#torrent;
    const isNewcomer = this.#rules.peerPieceCount < ALLOWED_FAST_COUNT;
    // A super-seed shows what it has piece by piece, and unchokes whom it shows something.
    if (!this.#rules.supportsFast || !this.#rules.amChoking || !isNewcomer || this.#notices.superSeeds) return;
    const granted = allowedFastSet(this.#peerHost, setup.infoHash, layout.pieceCount, ALLOWED_FAST_COUNT)
      .map((index) => layout.pieceIndex(index))
      .filter((pieceIndex) => offered.has(pieceIndex));
    this.#grants.grant(granted);
    for (const pieceIndex of granted) this.#connection.write(encodePieceIndex('allowed-fast', pieceIndex));
  }

  #makeUploads(): UploadQueue {
    const { layout, tools } = this.#torrent;
    return new UploadQueue({
      layout,
      files: tools.files,
      pool: tools.pool,
      bucket: this.#host.uploadBucket,
      send: (bytes, done) => {
        this.#connection.writeLarge(bytes, done);
      },
      onServed: (lengthBytes) => {
        this.#upTotalBytes += lengthBytes;
        this.#upMeter.add(lengthBytes, this.#host.nowMs());
      },
      onError: (error, ranges) => {
        const { torrentId } = this.#torrent.setup;
        this.#host.emit({ type: 'disk-failed', torrentId, serving: true, error: toErrorValue(error) });
        this.#reject(ranges);
      },
    });
  }

  /** BEP 6; other peers learn nothing and ask elsewhere after a while. */
  #reject(ranges: readonly CheckedRange[]): void {
    if (this.#rules.supportsFast && ranges.length > 0) this.#connection.write(encodeRanges('reject', ranges));
  }

  #tell(event: SwarmEvent): void {
    this.#news.flush();
    this.#host.emit({ type: 'swarm', torrentId: this.#torrent.setup.torrentId, event });
  }
}
