/**
 * The search for a magnet link's metadata while it runs: performs what its `MetadataSwarm` decides, with the workers and
 * the trackers. Main thread; it decides nothing itself.
 */
import { randomBytes } from 'node:crypto';

import { infoHashBytes } from '../metainfo/info-hash.js';
import type { InfoHash } from '../metainfo/metainfo.js';
import type { PeerAddress, PeerId } from '../protocol/peer-address.js';
import { peerIdBytes } from '../protocol/peer-id.js';
import type { MetadataAction, MetadataEvent } from '../swarm/metadata-events.js';
import { MetadataSwarm, type MetadataSnapshot } from '../swarm/metadata-swarm.js';
import type { PeerSource } from '../swarm/peer-source.js';
import { seededRandom } from '../swarm/seeded-random.js';
import type { SwarmEvent } from '../swarm/swarm-events.js';
import type { WorkerPool } from '../workers/worker-pool.js';
import type { FromWorker, MetadataTorrentSetup } from '../workers/worker-messages.js';
import type { TrackerClient } from '../tracker/tracker-client.js';
import type { AnnounceGate } from './announce-gate.js';
import { Announcer } from './announcer.js';
import { LinkHosts } from './link-hosts.js';
import type { PeerFinding } from './peer-finding.js';
import type { WorkerSession } from './worker-session.js';

/** What is said to be left while nobody knows how much that is; trackers take 0 for a seed. */
const UNKNOWN_LEFT_BYTES = 16_384;

export interface MetadataSessionOptions {
  readonly torrentId: number;
  readonly infoHash: InfoHash;
  readonly peerId: PeerId;
  readonly trackerTiers: readonly (readonly string[])[];
  readonly peers: readonly PeerAddress[];
  readonly listenPorts: readonly number[];
  readonly maxPeers: number;
  readonly pool: WorkerPool;
  readonly announceGate: AnnounceGate;
  readonly trackerClient: TrackerClient;
  /** Ways to peers beside the trackers. */
  readonly finding: PeerFinding;
  /** Whether the DHT is one of them. */
  readonly usesDht: boolean;
  readonly nextLinkId: () => number;
  /** It has left, and needs no messages of the workers any more. */
  readonly onStopped: () => void;
}

/** What was found, with the addresses of peers to load the torrent itself from. */
export interface FoundMetadata {
  readonly infoBytes: Uint8Array;
  readonly peers: readonly PeerAddress[];
}

export class MetadataSession implements WorkerSession {
  /** Settles when the search succeeds; never rejects. */
  readonly found: Promise<FoundMetadata>;
  readonly #options: MetadataSessionOptions;
  readonly #swarm: MetadataSwarm;
  readonly #announcer: Announcer;
  readonly #hosts: LinkHosts;
  #settleFound: (found: FoundMetadata) => void = () => undefined;
  #timer: NodeJS.Timeout | undefined;
  #needsPoll = false;
  #leaveFinding: () => void = () => undefined;
  #stopping: Promise<void> | undefined;

  constructor(options: MetadataSessionOptions) {
    this.#options = options;
    this.found = new Promise((resolve) => {
      this.#settleFound = resolve;
    });
    this.#hosts = new LinkHosts(options.pool.hostCount);
    this.#swarm = new MetadataSwarm(
      {
        ourPeerId: options.peerId,
        trackerTiers: options.trackerTiers,
        maxLinks: options.maxPeers,
        random: seededRandom(randomBytes(16).toString('hex')),
        nextLinkId: options.nextLinkId,
      },
      performance.now(),
    );
    this.#announcer = new Announcer({
      infoHash: options.infoHash,
      peerId: options.peerId,
      port: options.listenPorts[0] ?? 0,
      gate: options.announceGate,
      client: options.trackerClient,
      onEvent: (event) => {
        this.#handle(event);
        this.settle();
      },
      onAnnounced: () => undefined,
    });
  }

  /** Trackers and peers know this process by it. */
  get peerId(): PeerId {
    return this.#options.peerId;
  }

  /** Begins to announce and to dial. */
  start(): void {
    const { pool, peers } = this.#options;
    pool.broadcast({ type: 'add-metadata-torrent', torrent: this.#setup() });
    this.#handle({ type: 'peers-found', source: 'magnet', addresses: peers });
    this.#joinFinding();
    this.settle();
  }

  snapshot(): MetadataSnapshot {
    return this.#swarm.snapshot(performance.now());
  }

  handleMessage(hostIndex: number, message: FromWorker): void {
    if (message.type === 'metadata-link') this.#handle(message.event);
    else if (message.type === 'swarm') this.#handleSwarmEvent(hostIndex, message.event);
  }

  /** A worker thread died: its links are lost; the new thread is told of the torrent. */
  handleHostLost(hostIndex: number): void {
    if (this.#stopping) return;
    this.#options.pool.send(hostIndex, { type: 'add-metadata-torrent', torrent: this.#setup() });
    for (const linkId of this.#hosts.linksOf(hostIndex)) {
      this.#handleSwarmEvent(hostIndex, { type: 'link-closed', linkId, reason: 'ours' });
    }
    this.settle();
  }

  /** Performs what the swarm decided since the last time. */
  settle(): void {
    if (!this.#needsPoll) return;
    this.#needsPoll = false;
    for (let action = this.#swarm.poll(); action; action = this.#swarm.poll()) this.#perform(action);
    this.#scheduleWake();
  }

  /**
   * Leaves the swarm. After the metadata was found the trackers are not told: the download is announced in its place.
   * Idempotent.
   */
  stop(patienceMs: number): Promise<void> {
    this.#stopping ??= this.#stop(patienceMs);
    return this.#stopping;
  }

  #joinFinding(): void {
    const { finding, infoHash, usesDht, listenPorts } = this.#options;
    const [port] = listenPorts;
    if (port === undefined) return;
    const onFound = (address: PeerAddress, source: PeerSource): void => {
      this.#handle({ type: 'peers-found', source, addresses: [address] });
      this.settle();
    };
    this.#leaveFinding = finding.join({ infoHash, port, usesDht, onFound });
  }

  async #stop(patienceMs: number): Promise<void> {
    this.#leaveFinding();
    const { pool, torrentId, onStopped } = this.#options;
    clearTimeout(this.#timer);
    this.#swarm.handle({ type: 'stop' }, performance.now());
    for (let action = this.#swarm.poll(); action; action = this.#swarm.poll()) this.#perform(action);
    const removed = pool.requestEach({ type: 'remove-torrent', torrentId });
    await Promise.allSettled([this.#announcer.finish(patienceMs), removed]);
    onStopped();
  }

  #setup(): MetadataTorrentSetup {
    const { torrentId, infoHash, peerId, listenPorts } = this.#options;
    return { torrentId, infoHash: infoHashBytes(infoHash), peerId: peerIdBytes(peerId), listenPorts };
  }

  #handleSwarmEvent(hostIndex: number, event: SwarmEvent): void {
    this.#hosts.follow(hostIndex, event);
    if (event.type === 'link-handshaken' || event.type === 'link-closed' || event.type === 'dial-failed') {
      this.#handle(event);
    }
  }

  #handle(event: MetadataEvent): void {
    if (this.#stopping) return;
    this.#swarm.handle(event, performance.now());
    this.#needsPoll = true;
  }

  #perform(action: MetadataAction): void {
    const { pool, torrentId } = this.#options;
    switch (action.type) {
      case 'dial':
        pool.send(this.#hosts.assign(action.linkId), { type: 'link', torrentId, action });
        return;
      case 'admit':
      case 'close':
      case 'fetch-metadata': {
        const host = this.#hosts.hostOf(action.linkId);
        if (host !== undefined) pool.send(host, { type: 'link', torrentId, action });
        return;
      }
      case 'announce':
        this.#announcer.announce(action, { uploadedBytes: 0, downloadedBytes: 0, leftBytes: UNKNOWN_LEFT_BYTES });
        return;
      case 'ban':
        return;
      case 'metadata-found':
        this.#settleFound({ infoBytes: action.bytes, peers: this.#swarm.addresses });
        return;
      default:
        action satisfies never;
    }
  }

  #scheduleWake(): void {
    clearTimeout(this.#timer);
    const wakeMs = this.#swarm.nextWakeMs();
    if (wakeMs === undefined || this.#stopping) return;
    this.#timer = setTimeout(
      () => {
        this.#handle({ type: 'wake' });
        this.settle();
      },
      Math.max(1, wakeMs - performance.now()),
    );
  }
}
