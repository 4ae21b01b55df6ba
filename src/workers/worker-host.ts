/**
 * What a worker thread does all its life: holds sockets, torrents and links, and talks to the main thread over one port.
 *
 * One timer a worker, none a connection. Everything a link does runs in this thread; see ARCHITECTURE.md, Threads.
 */
import net from 'node:net';
import type { MessagePort } from 'node:worker_threads';

import { P2pError, toErrorValue } from '../errors.js';
import { HashRegistry } from '../hashing/hash-registry.js';
import { loadHashPlugins } from '../hashing/hash-plugins.js';
import type { PieceIndex } from '../metainfo/piece-layout.js';
import type { PeerAddress } from '../protocol/peer-address.js';
import type { LinkMeasure } from '../swarm/swarm-events.js';
import { BlockClaims } from './block-claims.js';
import { BlockFerry } from './block-ferry.js';
import { BufferPool } from './buffer-pool.js';
import { fetchRun } from './fetch-run.js';
import { FileHandles } from './file-handles.js';
import { Link, type LinkHost, type LinkTorrent } from './link.js';
import { Listeners } from './listeners.js';
import { MetadataTorrent } from './metadata-torrent.js';
import { MessageBatch } from './message-batch.js';
import type { PeerTrade } from './peer-trade.js';
import { PieceAssembly, type AssemblyResult } from './piece-assembly.js';
import { readInto } from './read-into.js';
import { SharedTokenBucket } from './shared-token-bucket.js';
import { tellPeer } from './tell-peer.js';
import { WebSeedLink } from './web-seed-link.js';
import { WorkerTorrent } from './worker-torrent.js';
import type { FerriedBlocks, FromWorker, HostConfig, LinkAction, ToWorker } from './worker-messages.js';

type FetchPiece = Extract<LinkAction, { readonly type: 'fetch-piece' }>;

const TICK_MS = 50;
/** Under a rate limit tokens come bit by bit. */
const LIMITED_TICK_MS = 25;
const MEASURE_MS = 250;
/** One read buffer a thread: libuv fills it and hands it over before the next read of any socket (not on Windows). */
const READ_BUFFER_BYTES = 262_144;
/** A run is at most 1 MiB: one write, and the unit of back-pressure. */
const RUN_BLOCKS = 64;
/** Runs of slow links while memory is short. */
const SMALL_RUN_BLOCKS = 4;
const SHORT_OF_MEMORY = 0.5;
/** So full a memory, while files are written, means that the disk is what everybody waits for. */
const DISK_BOUND = 0.9;

/** Runs until the main thread says `stop`. */
export async function runWorkerHost(config: HostConfig, port: MessagePort): Promise<void> {
  const registry = HashRegistry.builtIn();
  await loadHashPlugins(registry, config.hashPluginUrls);
  await new Promise<void>((resolve) => {
    const host = new WorkerHost(config, port, registry, resolve);
    port.on('message', (batch: readonly ToWorker[]) => {
      for (const message of batch) host.handle(message);
      host.handleBatchEnd();
    });
  });
  port.close();
}

class WorkerHost implements LinkHost {
  readonly uploadBucket: SharedTokenBucket;
  readonly downloadBucket: SharedTokenBucket;
  readonly client: string;
  readonly #config: HostConfig;
  readonly #registry: HashRegistry;
  readonly #outbox: MessageBatch<FromWorker>;
  readonly #pool: BufferPool;
  readonly #handles: FileHandles;
  readonly #torrents = new Map<number, WorkerTorrent>();
  /** Those whose metadata is looked for. */
  readonly #metadataTorrents = new Map<number, MetadataTorrent>();
  readonly #links = new Map<number, Link | WebSeedLink>();
  /** They were given pieces by the messages that are being handled. */
  readonly #supplied = new Set<Link>();
  readonly #listeners = new Listeners((socket, address) => {
    this.#accept(socket, address);
  });
  readonly #readBuffer = new Uint8Array(READ_BUFFER_BYTES);
  /** Runs while there are links: each time a thread wakes costs as much as reading a block. */
  #timer: NodeJS.Timeout | undefined;
  readonly #onStopped: () => void;
  #incomingSerial = 0;
  #lastMeasureMs = 0;
  #turn = 0;
  #pumpScheduled = false;

  constructor(config: HostConfig, port: MessagePort, registry: HashRegistry, onStopped: () => void) {
    this.#config = config;
    this.#registry = registry;
    this.#onStopped = onStopped;
    this.client = config.client;
    this.uploadBucket = new SharedTokenBucket(config.uploadBucket);
    this.downloadBucket = new SharedTokenBucket(config.downloadBucket);
    this.#outbox = new MessageBatch<FromWorker>(port);
    this.#pool = new BufferPool(config.memoryBytes, () => {
      this.#pumpSoon();
    });
    this.#handles = new FileHandles(config.openFiles);
  }

  handle(message: ToWorker): void {
    switch (message.type) {
      case 'add-torrent':
        this.#addTorrent(message);
        return;
      case 'add-metadata-torrent':
        this.#metadataTorrents.set(message.torrent.torrentId, new MetadataTorrent(message.torrent));
        return;
      case 'link':
        this.#perform(message.torrentId, message.action, message.claims);
        return;
      case 'haves':
        this.#sendHaves(message.torrentId, message.pieceIndices);
        return;
      case 'dont-haves':
        for (const { trade } of [...(this.#torrents.get(message.torrentId)?.links ?? [])])
          trade?.sendDontHaves(message.pieceIndices);
        return;
      case 'ferried':
        this.#handleFerried(message.torrentId, message.ferried);
        return;
      case 'completed':
        this.#complete(message.torrentId, message.files);
        return;
      case 'metadata':
        this.#takeMetadata(message.torrentId, message.bytes);
        return;
      case 'dht-port':
        this.#tellDhtPort(message.torrentId, message.port);
        return;
      case 'listen':
        this.#reply(message.requestId, this.#listeners.listen(message.host, message.port));
        return;
      case 'sync-files':
        this.#reply(message.requestId, this.#torrents.get(message.torrentId)?.tools.files.sync());
        return;
      case 'close-files':
        this.#reply(message.requestId, this.#torrents.get(message.torrentId)?.tools.files.closeForRename());
        return;
      case 'remove-torrent':
        this.#reply(message.requestId, this.#removeTorrent(message.torrentId));
        return;
      case 'stop':
        void this.#stop();
        return;
      default:
        message satisfies never;
    }
  }

  /** What the messages of one batch gave links to fetch is asked for together: small pieces come in hundreds. */
  handleBatchEnd(): void {
    for (const { trade } of this.#supplied) trade?.pump();
    this.#supplied.clear();
  }

  nowMs(): number {
    return performance.now();
  }

  emit(message: FromWorker): void {
    this.#outbox.push(message);
  }

  emitLater(message: FromWorker): void {
    this.#outbox.pushLater(message);
  }

  findTorrent(infoHash: Uint8Array): LinkTorrent | undefined {
    const wanted = Buffer.from(infoHash);
    for (const torrents of [this.#torrents, this.#metadataTorrents]) {
      for (const torrent of torrents.values()) if (wanted.equals(torrent.setup.infoHash)) return torrent;
    }
    return undefined;
  }

  handleClosed(link: Link): void {
    this.#links.delete(link.linkId);
    if (link.incoming) this.#listeners.handleClosed(link.address);
  }

  #addTorrent(message: Extract<ToWorker, { type: 'add-torrent' }>): void {
    const torrent = new WorkerTorrent(message.torrent, this.#registry, this.#handles, this.#pool);
    this.#torrents.set(message.torrent.torrentId, torrent);
    if (this.#config.isReplacement && message.torrent.writes) torrent.tools.files.distrust();
  }

  #perform(torrentId: number, action: LinkAction, claims: SharedArrayBuffer | undefined): void {
    const torrent = this.#torrents.get(torrentId);
    const linkTorrent = torrent ?? this.#metadataTorrents.get(torrentId);
    if (!linkTorrent) return;
    if (action.type === 'dial') {
      this.#dial(linkTorrent, action);
      return;
    }
    if (action.type === 'open-web-seed') {
      if (torrent) this.#openWebSeed(torrent, action);
      return;
    }
    const link = this.#links.get(action.linkId);
    if (!link) {
      if (action.type === 'fetch-piece') this.#refuseFetch(torrentId, action);
      return;
    }
    switch (action.type) {
      case 'admit':
      case 'show':
      case 'choke':
      case 'unchoke':
      case 'interested':
      case 'not-interested':
      case 'exchange-peers':
        // A web seed is told nothing of the kind.
        if (link instanceof Link) tellPeer(link, action);
        return;
      case 'close':
        link.close('ours', action.why);
        return;
      case 'fetch-piece':
        if (torrent) this.#fetch(torrent, link, action, claims);
        return;
      case 'help-piece':
        if (torrent) this.#help(torrent, link, action, claims);
        return;
      case 'fetch-metadata':
        if (link instanceof Link) link.metadataTrade?.fetch();
        return;
      case 'release-piece':
        if (action.ifUntouched) link.trade?.releaseUntouched(action.pieceIndex);
        else link.trade?.releasePiece(action.pieceIndex);
        return;
      default:
        action satisfies never;
    }
  }

  #dial(torrent: LinkTorrent, action: Extract<LinkAction, { type: 'dial' }>): void {
    const { host, port } = action.address;
    const socket: net.Socket = net.connect({
      host,
      port,
      noDelay: true,
      ...(this.#config.localAddress !== undefined && { localAddress: this.#config.localAddress }),
      onread: {
        buffer: this.#socketBuffer(),
        callback: (lengthBytes, buffer): boolean => link.handleBytes(buffer.subarray(0, lengthBytes)),
      },
    });
    const link: Link = new Link({
      linkId: action.linkId,
      incoming: false,
      socket,
      address: action.address,
      host: this,
      torrent,
    });
    this.#addLink(link);
    socket.on('connect', () => {
      link.handleConnected();
    });
    followSocket(socket, link);
  }

  #openWebSeed(torrent: WorkerTorrent, action: Extract<LinkAction, { type: 'open-web-seed' }>): void {
    const { linkId, url, blameKey } = action;
    const onClosed = (): void => {
      this.#links.delete(linkId);
    };
    this.#addLink(new WebSeedLink({ linkId, host: this, torrent, url, blameKey, onClosed }));
  }

  #accept(socket: net.Socket, address: PeerAddress): void {
    this.#incomingSerial += 1;
    const linkId = incomingLinkId(this.#incomingSerial, this.#config);
    const link = new Link({ linkId, incoming: true, socket, address, host: this, torrent: undefined });
    this.#addLink(link);
    readInto(socket, this.#socketBuffer(), (chunk) => link.handleBytes(chunk));
    followSocket(socket, link);
  }

  #socketBuffer(): Uint8Array {
    return process.platform === 'win32' ? new Uint8Array(READ_BUFFER_BYTES) : this.#readBuffer;
  }

  #fetch(
    torrent: WorkerTorrent,
    link: Link | WebSeedLink,
    action: FetchPiece,
    claims: SharedArrayBuffer | undefined,
  ): void {
    const { pieceIndex, partial, linkId } = action;
    if (!link.trade?.mayFetch(pieceIndex) || torrent.assemblies.has(pieceIndex)) {
      this.#refuseFetch(torrent.setup.torrentId, action);
      return;
    }
    if (link instanceof Link) {
      this.#supplied.add(link);
      if (this.#fetchRun(torrent, link.trade, action)) return;
    }
    const isShort = this.#pool.pressure > SHORT_OF_MEMORY && torrent.layout.blockCount(pieceIndex) > RUN_BLOCKS;
    const assembly = new PieceAssembly({
      tools: torrent.tools,
      pieceIndex,
      ownerLinkId: linkId,
      claims: claims ? new BlockClaims(claims) : BlockClaims.allocate(torrent.layout.blockCount(pieceIndex)),
      partial,
      evidence: action.evidence,
      runBlocks: isShort ? SMALL_RUN_BLOCKS : RUN_BLOCKS,
      onSettled: (result) => {
        this.#handleSettled(torrent, assembly, result);
      },
      onError: (error) => {
        this.#diskFailed(torrent, error);
      },
    });
    torrent.assemblies.set(pieceIndex, assembly);
    assembly.start();
    link.trade.fetch(assembly, false);
  }

  /** @returns whether the pieces are such as go together */
  #fetchRun(torrent: WorkerTorrent, trade: PeerTrade | undefined, action: FetchPiece): boolean {
    const emit = (message: FromWorker): void => {
      this.emit(message);
    };
    const onError = (error: unknown): void => {
      this.#diskFailed(torrent, error);
    };
    return trade !== undefined && fetchRun({ torrent, trade, action, emit, onError });
  }

  #help(
    torrent: WorkerTorrent,
    link: Link | WebSeedLink,
    action: Extract<LinkAction, { type: 'help-piece' }>,
    claims: SharedArrayBuffer | undefined,
  ): void {
    const { pieceIndex, ownerLinkId } = action;
    const torrentId = torrent.setup.torrentId;
    const own = torrent.assemblies.get(pieceIndex);
    if (!(link instanceof Link) || !link.trade?.canFetch || !claims) {
      this.#refuseFetch(torrentId, { linkId: action.linkId, pieceIndex, partial: [] });
      return;
    }
    const ferry = new BlockFerry({
      tools: torrent.tools,
      pieceIndex,
      ownerLinkId,
      claims: new BlockClaims(claims),
      onFerried: (blocks, source) => {
        this.emit({ type: 'ferried', torrentId, ferried: { pieceIndex, ownerLinkId, blocks, source } });
      },
      onError: (error) => {
        this.#diskFailed(torrent, error);
      },
    });
    link.trade.fetch(own ?? ferry, true);
    this.#supplied.add(link);
  }

  /** The link cannot take the piece: it choked or closed while the message was under way. */
  #refuseFetch(
    torrentId: number,
    { linkId, pieceIndex, count, partial }: Pick<FetchPiece, 'linkId' | 'pieceIndex' | 'count' | 'partial'>,
  ): void {
    const range = count === undefined ? { pieceIndex } : { pieceIndex, count };
    this.emit({ type: 'swarm', torrentId, event: { type: 'piece-released', linkId, ...range, partial } });
  }

  #handleSettled(torrent: WorkerTorrent, assembly: PieceAssembly, result: AssemblyResult): void {
    const { pieceIndex, ownerLinkId: linkId } = assembly;
    const torrentId = torrent.setup.torrentId;
    torrent.assemblies.delete(pieceIndex);
    for (const link of torrent.links) link.trade?.finishPiece(pieceIndex);
    this.#pumpSoon();
    switch (result.type) {
      case 'verified':
        this.emit({
          type: 'swarm',
          torrentId,
          event: { type: 'piece-verified', linkId, pieceIndex, liars: result.liars },
        });
        return;
      case 'failed': {
        const { contributors, evidence } = result;
        const event = { type: 'piece-failed', linkId, pieceIndex, contributors } as const;
        this.emit({ type: 'swarm', torrentId, event: evidence ? { ...event, evidence } : event });
        return;
      }
      case 'contradiction':
        this.emit({ type: 'contradiction', torrentId, pieceIndex, holds: result.holds, fails: result.fails });
        return;
      default:
        result satisfies never;
    }
  }

  #handleFerried(torrentId: number, ferried: FerriedBlocks): void {
    const torrent = this.#torrents.get(torrentId);
    const assembly = torrent?.assemblies.get(ferried.pieceIndex);
    if (!assembly || assembly.ownerLinkId !== ferried.ownerLinkId) return;
    assembly.handleFerried(ferried.blocks, ferried.source);
    if (ferried.blocks.length === 0) this.#links.get(ferried.ownerLinkId)?.trade?.wakePiece(ferried.pieceIndex);
  }

  /** Links that were asked for it look again at their next tick. */
  #takeMetadata(torrentId: number, bytes: Uint8Array): void {
    const torrent = this.#torrents.get(torrentId);
    if (torrent) torrent.metadata = bytes;
  }

  #sendHaves(torrentId: number, pieceIndices: readonly PieceIndex[]): void {
    for (const link of this.#torrents.get(torrentId)?.links ?? []) link.trade?.sendHaves(pieceIndices);
  }

  #complete(
    torrentId: number,
    files: readonly { path: string | undefined; lengthBytes: number; depth: number }[],
  ): void {
    const torrent = this.#torrents.get(torrentId);
    if (!torrent) return;
    torrent.tools.files.reopen(files);
    torrent.uploadOnly = true;
    for (const link of torrent.links) link.trade?.sendUploadOnly();
  }

  #tellDhtPort(torrentId: number, port: number): void {
    const torrent = this.#torrents.get(torrentId);
    if (!torrent) return;
    torrent.dhtPort = port;
    for (const link of torrent.links) link.trade?.sendDhtPort();
  }

  async #removeTorrent(torrentId: number): Promise<void> {
    const search = this.#metadataTorrents.get(torrentId);
    this.#metadataTorrents.delete(torrentId);
    for (const link of search?.links ?? []) link.close('ours', 'the search is over');
    const torrent = this.#torrents.get(torrentId);
    if (!torrent) return;
    this.#torrents.delete(torrentId);
    // A piece that is given back may be reading what it wrote.
    torrent.tools.files.handleNotRenamed();
    for (const link of [...torrent.links]) link.close('ours', 'the torrent is stopped');
    await Promise.all(torrent.returning);
    await torrent.tools.files.end();
  }

  #reply(requestId: number, work: Promise<number | void> | undefined): void {
    Promise.resolve(work).then(
      (value) => {
        this.emit(typeof value === 'number' ? { type: 'reply', requestId, value } : { type: 'reply', requestId });
      },
      (error: unknown) => {
        this.emit({ type: 'reply', requestId, error: toErrorValue(error) });
      },
    );
  }

  #diskFailed(torrent: WorkerTorrent, error: unknown): void {
    if (!(error instanceof P2pError)) throw error;
    this.emit({ type: 'disk-failed', torrentId: torrent.setup.torrentId, serving: false, error: error.toValue() });
  }

  /** Memory came back, or pieces are over: links go on. */
  #pumpSoon(): void {
    if (this.#pumpScheduled) return;
    this.#pumpScheduled = true;
    setImmediate(() => {
      this.#pumpScheduled = false;
      for (const link of [...this.#links.values()]) {
        link.trade?.pump();
      }
    });
  }

  #addLink(link: Link | WebSeedLink): void {
    this.#links.set(link.linkId, link);
    this.#timer ??= this.#startTimer();
  }

  #startTimer(): NodeJS.Timeout {
    const isLimited = this.uploadBucket.isLimited || this.downloadBucket.isLimited;
    return setTimeout(
      () => {
        this.#timer = undefined;
        this.#tick();
        if (this.#links.size > 0) this.#timer = this.#startTimer();
      },
      isLimited ? LIMITED_TICK_MS : TICK_MS,
    );
  }

  #tick(): void {
    const nowMs = this.nowMs();
    // Another link first each time: whoever is first finds the most tokens of a rate limit.
    const links = [...this.#links.values()];
    this.#turn += 1;
    for (let at = 0; at < links.length; at += 1) links[(this.#turn + at) % links.length]?.handleTick(nowMs);
    this.#outbox.flush();
    if (nowMs - this.#lastMeasureMs < MEASURE_MS) return;
    this.#lastMeasureMs = nowMs;
    const isDiskBound = this.#pool.pressure > DISK_BOUND && this.#handles.busyCount > 0;
    for (const [torrentId, torrent] of this.#torrents) {
      const waitsForDisk = isDiskBound && torrent.assemblies.size + torrent.runs.size > 0;
      const measures: LinkMeasure[] = [];
      for (const { trade } of torrent.links) if (trade) measures.push(trade.measure(nowMs));
      if (measures.length > 0) this.emit({ type: 'measured', torrentId, measures, waitsForDisk });
    }
  }

  async #stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#listeners.close();
    for (const link of [...this.#links.values()]) link.close('ours', 'stopping');
    // What could not be flushed is not durable: it will be hashed again.
    await Promise.allSettled([...this.#torrents.keys()].map((torrentId) => this.#removeTorrent(torrentId)));
    this.#outbox.flush();
    this.#onStopped();
  }
}

function followSocket(socket: net.Socket, link: Link): void {
  socket.on('error', (error) => {
    link.handleSocketClosed(error.message);
  });
  socket.on('end', () => {
    link.handleSocketClosed('the peer closed the connection');
  });
  socket.on('close', () => {
    link.handleSocketClosed('the connection is closed');
  });
}

/** Odd numbers, apart for each worker; links that are dialled get even ones from the main thread. */
function incomingLinkId(serial: number, config: HostConfig): number {
  return (serial * config.hostCount + config.hostIndex) * 2 + 1;
}
