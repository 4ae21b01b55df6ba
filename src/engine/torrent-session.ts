/**
 * One torrent while it runs: performs what its `Swarm` decides, with the workers, the trackers and the store.
 *
 * Main thread. It decides nothing itself; payload never comes here. What is the same for every session (worker pool,
 * store) is passed in; what only downloads do at their end (files get their final names) is the owner's `onComplete`.
 */
import { randomBytes } from 'node:crypto';

import type { ErrorValue } from '../errors.js';
import { infoHashBytes } from '../metainfo/info-hash.js';
import type { Metainfo } from '../metainfo/metainfo.js';
import { webSeedPaths } from '../metainfo/web-seeds.js';
import type { PieceIndex } from '../metainfo/piece-layout.js';
import { Bitfield } from '../protocol/bitfield.js';
import { formatAddress, type PeerAddress, type PeerId } from '../protocol/peer-address.js';
import { peerIdBytes } from '../protocol/peer-id.js';
import type { PeerSource } from '../swarm/peer-source.js';
import { seededRandom } from '../swarm/seeded-random.js';
import { Swarm } from '../swarm/swarm.js';
import { piecesOf } from '../swarm/pieces-of.js';
import type { PieceRange, SwarmAction, SwarmEvent } from '../swarm/swarm-events.js';
import type { SwarmSnapshot } from '../swarm/swarm-snapshot.js';
import type { CopyFile } from '../store/copy-store.js';
import type { TrackerClient } from '../tracker/tracker-client.js';
import type { WorkerPool } from '../workers/worker-pool.js';
import type { FromWorker, LinkAction, TorrentFile, TorrentSetup } from '../workers/worker-messages.js';
import type { AnnounceGate } from './announce-gate.js';
import { Announcer } from './announcer.js';
import type { EngineEvent } from './engine-types.js';
import { stampFiles } from './file-stamps.js';
import { LinkHosts } from './link-hosts.js';
import type { WorkerSession } from './worker-session.js';
import { OwnershipLog, type OwnershipRecorder } from './ownership-log.js';
import type { PeerFinding } from './peer-finding.js';

export interface SessionOptions {
  readonly torrentId: number;
  readonly metainfo: Metainfo;
  readonly peerId: PeerId;
  readonly files: readonly TorrentFile[];
  /** Verified pieces. */
  readonly owned: Bitfield;
  /** Pieces offered in this run; all that is owned when left out. */
  readonly mask: Bitfield | undefined;
  readonly wantsPieces: boolean;
  /** Pieces that are to be fetched; all when left out. */
  readonly wanted?: Bitfield | undefined;
  /** Pieces in order, to play while loading. */
  readonly sequential?: boolean | undefined;
  readonly trackerTiers: readonly (readonly string[])[];
  /** Named by a magnet link. */
  readonly peers: readonly PeerAddress[];
  /** BEP 16, while this is the only full peer. */
  readonly superSeeds: boolean;
  /** Whether the torrent's web seeds are used. */
  readonly usesWebSeeds: boolean;
  /** Named by the user. */
  readonly typedPeers?: readonly PeerAddress[];
  readonly listenPorts: readonly number[];
  readonly uploadSlots: number;
  readonly maxPeers: number;
  readonly verifyWith: string | undefined;
  readonly downloadLimitBytesPerSec: number | undefined;
  readonly pool: WorkerPool;
  readonly announceGate: AnnounceGate;
  /** Local address to announce from; the system's choice when left out. */
  readonly localAddress?: string | undefined;
  readonly trackerClient: TrackerClient;
  /** Ways to peers beside the trackers. */
  readonly finding?: PeerFinding;
  /** Whether the DHT is one of them. */
  readonly usesDht?: boolean;
  readonly recorder: OwnershipRecorder | undefined;
  readonly nextLinkId: () => number;
  readonly onEvent: (event: EngineEvent) => void;
  /** A tracker took an announce. */
  readonly onAnnounced?: (url: string) => void;
  /** Every wanted piece is verified. */
  readonly onComplete: () => void;
  /** It cannot go on. */
  readonly onFailed: (error: ErrorValue) => void;
  /** A file could not be read for a peer, or is not what it was. */
  readonly onServingFailed: (error: ErrorValue) => void;
  /** It has left, and needs no messages of the workers any more. */
  readonly onStopped: () => void;
}

export class TorrentSession implements WorkerSession {
  readonly #options: SessionOptions;
  readonly #swarm: Swarm;
  readonly #offered: Bitfield;
  readonly #announcer: Announcer;
  readonly #log: OwnershipLog;
  readonly #hosts: LinkHosts;
  readonly #addressOfLink = new Map<number, string>();
  /** Whom a blame key names, for people. */
  readonly #peerOfBlameKey = new Map<string, string>();
  readonly #claims = new Map<PieceIndex, SharedArrayBuffer>();
  #files: readonly TorrentFile[];
  /** Until the files have their final names. */
  #wantsPieces: boolean;
  #newHaves: PieceIndex[] = [];
  #newDontHaves: PieceIndex[] = [];
  #timer: NodeJS.Timeout | undefined;
  #leaveFinding: () => void = () => undefined;
  /** UDP port of our DHT node, once it listens. */
  #dhtPort: number | undefined;
  #needsPoll = false;
  #isStarted = false;
  #isStopped = false;
  #refusedPieces = 0;
  #wastedBytes = 0;
  #lastVerifiedMs = performance.now();
  /** For workers whose peers ask for it. */
  #sharedMetadata: Uint8Array | undefined;
  /** Files that a durable piece was recorded of in this run. */
  readonly #stamped = new Set<number>();
  readonly #diskBoundHosts = new Set<number>();

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#files = options.files;
    this.#wantsPieces = options.wantsPieces;
    const { metainfo, owned, mask, pool } = options;
    const { layout } = metainfo;
    this.#offered = Bitfield.shared(layout.pieceCount);
    for (const index of owned.indices()) if (!mask || mask.has(index)) this.#offered.set(index);
    this.#hosts = new LinkHosts(pool.hostCount);
    this.#swarm = new Swarm(
      {
        layout,
        ourPeerId: options.peerId,
        ourPort: options.listenPorts[0] ?? 0,
        isPrivate: metainfo.isPrivate,
        owned: this.#offered.clone(),
        wantsPieces: options.wantsPieces,
        wanted: options.wanted,
        sequential: options.sequential,
        trackerTiers: options.trackerTiers,
        superSeeds: options.superSeeds,
        webSeeds: options.usesWebSeeds ? metainfo.webSeeds : [],
        uploadSlots: options.uploadSlots,
        maxLinks: options.maxPeers,
        random: seededRandom(randomBytes(16).toString('hex')),
        nextLinkId: options.nextLinkId,
      },
      performance.now(),
    );
    this.#log = new OwnershipLog({
      recorder: options.recorder,
      syncFiles: () => pool.requestEach({ type: 'sync-files', torrentId: options.torrentId }),
      stampFiles: (pieceIndices) => this.#stampNew(pieceIndices),
      onDurable: (pieceIndices) => {
        this.handleSwarmEvent({ type: 'pieces-durable', pieceIndices });
      },
      onFailed: (error) => {
        if (!this.#isStopped) options.onFailed(error);
      },
    });
    this.#announcer = new Announcer({
      infoHash: metainfo.infoHash,
      peerId: options.peerId,
      port: options.listenPorts[0] ?? 0,
      localAddress: options.localAddress,
      gate: options.announceGate,
      client: options.trackerClient,
      onEvent: (event) => {
        this.handleSwarmEvent(event);
        this.settle();
      },
      onAnnounced: (url, seeders, leechers) => {
        options.onEvent({ type: 'announced', infoHash: metainfo.infoHash, url, seeders, leechers });
        options.onAnnounced?.(url);
      },
    });
  }

  get torrentId(): number {
    return this.#options.torrentId;
  }

  get refusedPieces(): number {
    return this.#refusedPieces;
  }

  get wastedBytes(): number {
    return this.#wastedBytes;
  }

  /** Whether a worker that fetches for this torrent waits for the disk. */
  get waitsForDisk(): boolean {
    return this.#diskBoundHosts.size > 0;
  }

  get downloadLimitBytesPerSec(): number | undefined {
    return this.#options.downloadLimitBytesPerSec;
  }

  /** Verified pieces; a copy. */
  get owned(): Bitfield {
    return this.#swarm.owned.clone();
  }

  get offeredPieces(): number {
    return this.#offered.count();
  }

  /** When the last piece was verified, or the session began; `performance.now()`. */
  get lastVerifiedMs(): number {
    return this.#lastVerifiedMs;
  }

  /** Begins to announce and to dial. Does nothing the second time. */
  start(): void {
    if (this.#isStarted || this.#isStopped) return;
    this.#isStarted = true;
    this.#options.pool.broadcast({ type: 'add-torrent', torrent: this.#setup() });
    this.#lastVerifiedMs = performance.now();
    const { typedPeers = [] } = this.#options;
    if (typedPeers.length > 0) this.handleSwarmEvent({ type: 'peers-found', source: 'typed', addresses: typedPeers });
    if (this.#options.peers.length > 0) {
      this.handleSwarmEvent({ type: 'peers-found', source: 'magnet', addresses: this.#options.peers });
    }
    this.#joinFinding();
    this.handleSwarmEvent({ type: 'wake' });
    this.settle();
  }

  snapshot(): SwarmSnapshot {
    return this.#swarm.snapshot(performance.now());
  }

  /** A message of a worker about this torrent; `settle` follows after the batch. */
  handleMessage(hostIndex: number, message: FromWorker): void {
    switch (message.type) {
      case 'swarm':
        this.#followLink(hostIndex, message.event);
        this.handleSwarmEvent(message.event);
        return;
      case 'measured':
        if (message.waitsForDisk) this.#diskBoundHosts.add(hostIndex);
        else this.#diskBoundHosts.delete(hostIndex);
        this.handleSwarmEvent({ type: 'links-measured', measures: message.measures });
        return;
      case 'ferried': {
        const owner = this.#hosts.hostOf(message.ferried.ownerLinkId);
        if (owner !== undefined) this.#options.pool.send(owner, message);
        return;
      }
      case 'contradiction':
        this.#options.onFailed({
          code: 'P2P_TORRENT_CONTRADICTS_ITSELF',
          message:
            `the torrent contradicts itself: piece ${message.pieceIndex} fits ${message.holds.join(', ')} ` +
            `but not ${message.fails.join(', ')}; no peer is to blame, get another .torrent`,
          details: { pieceIndex: message.pieceIndex, holds: message.holds, fails: message.fails },
        });
        return;
      case 'metadata-wanted': {
        const bytes = (this.#sharedMetadata ??= shared(this.#options.metainfo.infoBytes));
        this.#options.pool.send(hostIndex, { type: 'metadata', torrentId: this.torrentId, bytes });
        return;
      }
      case 'wasted':
        this.#wastedBytes += message.bytes;
        return;
      case 'disk-failed':
        this.#handleDiskFailed(message.serving, message.error);
        return;
      case 'dht-node':
        if (this.#options.usesDht) this.#options.finding?.handleDhtNode(message.address);
        return;
      case 'metadata-link':
      case 'reply':
        return;
      default:
        message satisfies never;
    }
  }

  /** A worker thread died: its links are lost; the new thread is told of the torrent. */
  handleHostLost(hostIndex: number): void {
    if (!this.#isStarted || this.#isStopped) return;
    this.#options.pool.send(hostIndex, { type: 'add-torrent', torrent: this.#setup() });
    for (const linkId of this.#hosts.linksOf(hostIndex)) {
      this.#followLink(hostIndex, { type: 'link-closed', linkId, reason: 'ours' });
      this.handleSwarmEvent({ type: 'link-closed', linkId, reason: 'ours', message: 'a worker thread died' });
    }
    this.settle();
  }

  handleSwarmEvent(event: SwarmEvent): void {
    if (this.#isStopped && event.type !== 'link-closed' && event.type !== 'links-measured') return;
    if (event.type === 'piece-verified') this.#handleVerified(event);
    else if (event.type === 'piece-failed') this.#handleFailed(event.pieceIndex, event.contributors);
    this.#swarm.handle(event, performance.now());
    this.#needsPoll = true;
  }

  /** Performs what the swarm decided since the last time. */
  settle(): void {
    if (!this.#needsPoll) return;
    this.#needsPoll = false;
    for (let action = this.#swarm.poll(); action; action = this.#swarm.poll()) this.#perform(action);
    this.#flush();
    this.#scheduleWake();
  }

  /** Pieces are not offered any more: the files that hold them are not what they were. */
  withdraw(pieceIndices: readonly PieceIndex[]): void {
    for (const index of pieceIndices) this.#offered.clear(index);
    this.handleSwarmEvent({ type: 'pieces-lost', pieceIndices });
    this.settle();
  }

  /**
   * The files were looked at again: reads expect them as they look now, and pieces that fit are offered (again).
   * @param owned all pieces that fit; none of the others is offered
   */
  async offerAgain(files: readonly TorrentFile[], owned: Bitfield): Promise<void> {
    const { mask, metainfo } = this.#options;
    const pieces = Array.from({ length: metainfo.layout.pieceCount }, (_, index) => metainfo.layout.pieceIndex(index));
    this.withdraw(pieces.filter((index) => this.#offered.has(index) && !owned.has(index)));
    await this.closeFiles();
    if (this.#isStopped) return;
    this.handleRenamed(files);
    const pieceIndices = pieces.filter(
      (index) => owned.has(index) && !this.#offered.has(index) && (mask?.has(index) ?? true),
    );
    for (const index of pieceIndices) this.#offered.set(index);
    this.handleSwarmEvent({ type: 'pieces-regained', pieceIndices });
    this.settle();
  }

  /** Files have their final names: served from there, and peers learn that this end wants nothing more. */
  handleRenamed(files: readonly TorrentFile[]): void {
    this.#files = files;
    this.#wantsPieces = false;
    this.#options.pool.broadcast({ type: 'completed', torrentId: this.torrentId, files });
  }

  /** Flushes all files and closes them in every worker; written pieces are durable then. */
  closeFiles(): Promise<void> {
    return this.#log.closeFiles(() =>
      this.#options.pool.requestEach({ type: 'close-files', torrentId: this.torrentId }),
    );
  }

  /**
   * Leaves the swarm: goodbye to the trackers (within `patienceMs`), links closed, files closed. Idempotent.
   * @returns whether all that is verified is flushed and written down
   */
  async stop(patienceMs: number): Promise<boolean> {
    if (this.#isStopped) return this.#log.isSettled;
    this.#swarm.handle({ type: 'stop' }, performance.now());
    for (let action = this.#swarm.poll(); action; action = this.#swarm.poll()) {
      if (action.type === 'announce' || action.type === 'close') this.#perform(action);
    }
    this.#isStopped = true;
    this.#leaveFinding();
    clearTimeout(this.#timer);
    const removed = this.#log.closeFiles(() =>
      this.#options.pool.requestEach({ type: 'remove-torrent', torrentId: this.torrentId }),
    );
    const [, closed] = await Promise.allSettled([this.#announcer.finish(patienceMs), removed]);
    this.#log.flush();
    this.#options.onStopped();
    return closed.status === 'fulfilled' && this.#log.isSettled;
  }

  #setup(): TorrentSetup {
    const { metainfo, peerId, verifyWith, listenPorts } = this.#options;
    return {
      torrentId: this.torrentId,
      infoHash: infoHashBytes(metainfo.infoHash),
      peerId: peerIdBytes(peerId),
      pieceLengthBytes: metainfo.layout.pieceLengthBytes,
      files: this.#files,
      webPaths: metainfo.webSeeds.length > 0 && this.#wantsPieces ? webSeedPaths(metainfo) : [],
      digests: [...metainfo.digests].map(([name, digests]) => [name, shared(digests)] as const),
      verifyWith,
      offered: this.#offered.bytes.buffer as SharedArrayBuffer,
      writes: this.#wantsPieces,
      uploadOnly: !this.#wantsPieces,
      listenPorts,
      metadataBytes: metainfo.isPrivate ? undefined : metainfo.infoBytes.length,
      isPrivate: metainfo.isPrivate,
      dhtPort: this.#dhtPort,
    };
  }

  #joinFinding(): void {
    const { finding, metainfo, listenPorts } = this.#options;
    const [port] = listenPorts;
    if (!finding || metainfo.isPrivate || port === undefined) return;
    const { infoHash } = metainfo;
    const onFound = (address: PeerAddress, source: PeerSource): void => {
      this.handleSwarmEvent({ type: 'peers-found', source, addresses: [address] });
      this.settle();
    };
    const onDhtPort = (dhtPort: number): void => {
      this.#dhtPort = dhtPort;
      this.#options.pool.broadcast({ type: 'dht-port', torrentId: this.torrentId, port: dhtPort });
    };
    const usesDht = this.#options.usesDht ?? false;
    this.#leaveFinding = finding.join({ infoHash, port, usesDht, onFound, onDhtPort });
  }

  #followLink(hostIndex: number, event: SwarmEvent): void {
    if (event.type === 'link-handshaken') this.#addressOfLink.set(event.linkId, formatAddress(event.address));
    else if (event.type === 'link-closed') this.#addressOfLink.delete(event.linkId);
    this.#hosts.follow(hostIndex, event);
  }

  #perform(action: SwarmAction): void {
    const { pool, metainfo, onEvent } = this.#options;
    switch (action.type) {
      case 'dial':
      case 'open-web-seed':
        pool.send(this.#hosts.assign(action.linkId), { type: 'link', torrentId: this.torrentId, action });
        return;
      case 'report-web-seed': {
        const { url, message, retryInMs } = action;
        onEvent({ type: 'web-seed-failed', infoHash: metainfo.infoHash, url, message, retryInMs });
        return;
      }
      case 'admit':
        this.#peerOfBlameKey.set(action.blameKey, this.#addressOfLink.get(action.linkId) ?? action.blameKey);
        this.#sendToLink(action);
        return;
      case 'show':
      case 'close':
      case 'choke':
      case 'unchoke':
      case 'interested':
      case 'not-interested':
      case 'release-piece':
      case 'exchange-peers':
        this.#sendToLink(action);
        return;
      case 'fetch-piece':
      case 'help-piece':
        this.#sendFetch(action);
        return;
      case 'broadcast-have':
        this.#newHaves.push(...piecesOf(action));
        return;
      case 'broadcast-dont-have':
        this.#newDontHaves.push(action.pieceIndex);
        return;
      case 'record-piece':
        for (const index of piecesOf(action)) this.#log.addVerified(index, metainfo.layout.pieceSize(index));
        this.#log.syncWhenDue();
        return;
      case 'announce': {
        const { downTotalBytes, upTotalBytes, verifiedBytes } = this.snapshot();
        const leftBytes = metainfo.layout.totalBytes - verifiedBytes;
        this.#announcer.announce(action, { uploadedBytes: upTotalBytes, downloadedBytes: downTotalBytes, leftBytes });
        return;
      }
      case 'ban':
        onEvent({
          type: 'peer-banned',
          infoHash: metainfo.infoHash,
          peer: action.webSeed ?? formatAddress(action.address),
          reason: action.reason,
        });
        return;
      case 'complete':
        this.#options.onComplete();
        return;
      default:
        action satisfies never;
    }
  }

  #sendToLink(action: Exclude<LinkAction, { readonly type: 'dial' | 'open-web-seed' }>): void {
    const host = this.#hosts.hostOf(action.linkId);
    if (host !== undefined) this.#options.pool.send(host, { type: 'link', torrentId: this.torrentId, action });
  }

  #sendFetch(action: Extract<SwarmAction, { readonly type: 'fetch-piece' | 'help-piece' }>): void {
    const host = this.#hosts.hostOf(action.linkId);
    if (host === undefined) return;
    const { pieceIndex } = action;
    const message = { type: 'link', torrentId: this.torrentId, action } as const;
    if (action.type === 'fetch-piece') {
      for (const index of piecesOf(action)) this.#log.addIntent(index);
      const blockCount = this.#options.metainfo.layout.blockCount(pieceIndex);
      // A piece of one block cannot be shared between links.
      if (blockCount > 1) this.#claims.set(pieceIndex, new SharedArrayBuffer(blockCount));
    }
    const claims = this.#claims.get(pieceIndex);
    this.#options.pool.send(host, claims ? { ...message, claims } : message);
  }

  #handleVerified(range: PieceRange): void {
    const { mask } = this.#options;
    for (const index of piecesOf(range)) {
      if (!mask || mask.has(index)) this.#offered.set(index);
      this.#claims.delete(index);
    }
    this.#lastVerifiedMs = performance.now();
  }

  #handleFailed(pieceIndex: PieceIndex, contributors: readonly string[]): void {
    this.#claims.delete(pieceIndex);
    this.#refusedPieces += 1;
    this.#options.onEvent({
      type: 'piece-refused',
      infoHash: this.#options.metainfo.infoHash,
      pieceIndex,
      peers: contributors.map((key) => this.#peerName(key)),
    });
  }

  /** `address (client)`. */
  #peerName(blameKey: string): string {
    const address = this.#peerOfBlameKey.get(blameKey) ?? blameKey;
    const client = this.snapshot().links.find((link) => formatAddress(link.address) === address)?.client;
    return client ? `${address} (${client})` : address;
  }

  #handleDiskFailed(serving: boolean, error: ErrorValue): void {
    if (serving) this.#options.onServingFailed(error);
    else this.#options.onFailed(error);
  }

  /** The files of these pieces that were not looked at yet: inode and size stay as they are while it is written. */
  async #stampNew(pieceIndices: readonly PieceIndex[]): Promise<readonly CopyFile[]> {
    const { layout } = this.#options.metainfo;
    const fresh = new Set<number>();
    for (const index of pieceIndices) {
      for (const { fileIndex } of layout.fileSlices(layout.pieceOffset(index), layout.pieceSize(index))) {
        if (!this.#stamped.has(fileIndex)) fresh.add(fileIndex);
      }
    }
    const stamps = [...(await stampFiles(this.#files, fresh)).values()];
    for (const { fileIndex } of stamps) this.#stamped.add(fileIndex);
    return stamps;
  }

  #tellOfLost(): void {
    if (this.#newDontHaves.length === 0) return;
    const pieceIndices = this.#newDontHaves;
    this.#newDontHaves = [];
    this.#options.pool.broadcast({ type: 'dont-haves', torrentId: this.torrentId, pieceIndices });
  }

  /** Intents are committed before the workers hear of the pieces: their messages leave at the end of this turn. */
  #flush(): void {
    this.#tellOfLost();
    if (this.#newHaves.length > 0) {
      this.#options.pool.broadcast({ type: 'haves', torrentId: this.torrentId, pieceIndices: this.#newHaves });
      this.#newHaves = [];
    }
    this.#log.flush();
  }

  #scheduleWake(): void {
    clearTimeout(this.#timer);
    const wakeMs = this.#swarm.nextWakeMs();
    if (wakeMs === undefined || this.#isStopped) return;
    this.#timer = setTimeout(
      () => {
        this.handleSwarmEvent({ type: 'wake' });
        this.settle();
        this.#log.syncWhenDue();
      },
      Math.max(1, wakeMs - performance.now()),
    );
  }
}

/** A copy in shared memory, so that the workers need none each. */
function shared(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(new SharedArrayBuffer(bytes.length));
  copy.set(bytes);
  return copy;
}
