/**
 * One peer of a simulation: the real `Swarm`, and around it a driver that does what the engine does. Events reach the
 * swarm, and actions the worker, in batches after a short delay each: messages between threads cross here too.
 */
import type { PieceIndex, PieceLayout } from '../metainfo/piece-layout.js';
import { Bitfield } from '../protocol/bitfield.js';
import { formatAddress, type PeerAddress, type PeerId } from '../protocol/peer-address.js';
import { piecesOf } from '../swarm/pieces-of.js';
import { seededRandom } from '../swarm/seeded-random.js';
import type { SwarmAction, SwarmEvent } from '../swarm/swarm-events.js';
import { Swarm } from '../swarm/swarm.js';
import type { EventLog } from './event-log.js';
import type { SimulatedHost, SimulatedNetwork } from './simulated-network.js';
import { SIMULATED_TRACKER_URL, type SimulatedTracker } from './simulated-tracker.js';
import { SimulatedWorker } from './simulated-worker.js';
import type { VirtualClock } from './virtual-clock.js';

const LISTEN_PORT = 9_000;
const THREAD_DELAY_MS = 0.5;
const DURABLE_AFTER_MS = 5_000;
const DEFAULT_UPLOAD_SLOTS = 4;
const DEFAULT_MAX_LINKS = 80;

export interface SimulatedPeerOptions {
  /** Its IP address. */
  readonly host: string;
  readonly wantsPieces: boolean;
  /** Owned at the start. */
  readonly owned: 'all' | 'none' | readonly number[];
  readonly upBytesPerSec: number;
  readonly downBytesPerSec: number;
  readonly joinMs?: number;
  /** Goes without a word, and comes back with what it owns if `returnMs` is given. */
  readonly crashMs?: number;
  readonly returnMs?: number;
  /** Goes, saying goodbye, so long after it was complete. */
  readonly leaveAfterCompleteMs?: number;
  /** Share of sent blocks that are wrong. */
  readonly lieRatio?: number;
  readonly uploadSlots?: number;
  /** True when left out. */
  readonly superSeeds?: boolean;
  readonly maxLinks?: number;
}

/** What all peers of a simulation share. */
export interface SimulatedWorld {
  readonly clock: VirtualClock;
  readonly network: SimulatedNetwork;
  readonly tracker: SimulatedTracker;
  readonly layout: PieceLayout;
  readonly log: EventLog;
  readonly seed: number | string;
  readonly measureIntervalMs: number;
  /** Called after each batch of events. */
  readonly check: (swarm: Swarm) => void;
}

export class SimulatedPeer {
  readonly options: SimulatedPeerOptions;
  readonly address: PeerAddress;
  completeMs: number | undefined;
  /** Addresses that it banned, with why. */
  readonly banned: string[] = [];
  readonly #world: SimulatedWorld;
  readonly #host: SimulatedHost;
  readonly #random: () => number;
  #session: Session | undefined;
  #sessionCount = 0;
  #owned: Bitfield;
  #pastDownBytes = 0;
  #pastWastedBytes = 0;
  #longestGapMs = 0;

  constructor(world: SimulatedWorld, options: SimulatedPeerOptions) {
    this.options = options;
    this.address = { host: options.host, port: LISTEN_PORT };
    this.#world = world;
    this.#random = seededRandom(`${world.seed} ${options.host}`);
    this.#owned = ownedAtStart(options.owned, world.layout.pieceCount);
    this.#host = world.network.addHost(formatAddress(this.address), options);
    world.clock.at(options.joinMs ?? 0, () => this.#start());
    if (options.crashMs !== undefined) world.clock.at(options.crashMs, () => this.#crash());
    if (options.returnMs !== undefined) world.clock.at(options.returnMs, () => this.#start());
  }

  get swarm(): Swarm | undefined {
    return this.#session?.swarm;
  }

  get owned(): Bitfield {
    return this.#session?.swarm.owned ?? this.#owned;
  }

  /** Payload that it sent. */
  get sentBytes(): number {
    return this.#host.sentBytes;
  }

  get receivedBytes(): number {
    return this.#pastDownBytes + (this.#session?.worker.totals.downBytes ?? 0);
  }

  get wastedBytes(): number {
    return this.#pastWastedBytes + (this.#session?.worker.totals.wastedBytes ?? 0);
  }

  get longestGapMs(): number {
    return Math.max(this.#longestGapMs, this.#session?.worker.totals.longestGapMs ?? 0);
  }

  handleComplete(): void {
    this.completeMs ??= this.#world.clock.nowMs;
    const { leaveAfterCompleteMs } = this.options;
    const session = this.#session;
    if (leaveAfterCompleteMs !== undefined) this.#world.clock.after(leaveAfterCompleteMs, () => session?.leave());
  }

  #start(): void {
    if (this.#session) return;
    this.#sessionCount += 1;
    const session = new Session(this, this.#world, {
      host: this.#host,
      owned: this.#owned.clone(),
      random: this.#random,
      peerId: peerIdOf(this.#random),
      firstLinkId: this.#sessionCount * 1_000_000,
    });
    this.#session = session;
    this.#host.listener = (end) => session.accept(end);
  }

  #crash(): void {
    const session = this.#session;
    if (!session) return;
    this.#owned = session.swarm.owned.clone();
    this.#pastDownBytes = this.receivedBytes;
    this.#pastWastedBytes = this.wastedBytes;
    this.#longestGapMs = this.longestGapMs;
    this.#host.listener = undefined;
    this.#session = undefined;
    session.crash();
  }
}

interface SessionOptions {
  readonly host: SimulatedHost;
  readonly owned: Bitfield;
  readonly random: () => number;
  readonly peerId: PeerId;
  readonly firstLinkId: number;
}

/** One life of a peer's process. */
class Session {
  readonly swarm: Swarm;
  readonly worker: SimulatedWorker;
  readonly #peer: SimulatedPeer;
  readonly #world: SimulatedWorld;
  readonly #host: SimulatedHost;
  #inbox: SwarmEvent[] = [];
  #outbox: SwarmAction[] = [];
  #undurable: PieceIndex[] = [];
  #wakeMs = Infinity;
  #nextLinkId: number;
  #isOver = false;

  constructor(peer: SimulatedPeer, world: SimulatedWorld, options: SessionOptions) {
    const { wantsPieces, lieRatio = 0 } = peer.options;
    const { random, peerId } = options;
    this.#peer = peer;
    this.#world = world;
    this.#host = options.host;
    this.#nextLinkId = options.firstLinkId;
    this.swarm = new Swarm(
      {
        layout: world.layout,
        ourPeerId: peerId,
        owned: options.owned,
        wantsPieces,
        trackerTiers: [[SIMULATED_TRACKER_URL]],
        superSeeds: peer.options.superSeeds ?? true,
        uploadSlots: peer.options.uploadSlots ?? DEFAULT_UPLOAD_SLOTS,
        maxLinks: peer.options.maxLinks ?? DEFAULT_MAX_LINKS,
        random,
        nextLinkId: () => this.#newLinkId(),
      },
      world.clock.nowMs,
    );
    this.worker = new SimulatedWorker({
      clock: world.clock,
      layout: world.layout,
      peerId,
      listenPort: LISTEN_PORT,
      uploadOnly: () => !wantsPieces || this.swarm.owned.isFull(),
      ownedBits: () => Uint8Array.from(this.swarm.owned.bytes),
      owns: (pieceIndex) => this.swarm.owned.has(pieceIndex),
      lies: () => lieRatio > 0 && random() < lieRatio,
      notify: (event) => this.#notify(event),
    });
    this.#notify({ type: 'wake' });
    this.#measureAgain();
  }

  accept(end: Parameters<SimulatedWorker['addConnection']>[1]): void {
    const remote = end.other?.host.name ?? '';
    this.worker.addConnection(this.#newLinkId(), end, { host: hostOf(remote), port: 40_000 }, true);
  }

  leave(): void {
    this.#notify({ type: 'stop' });
  }

  crash(): void {
    this.#isOver = true;
    this.worker.crash();
  }

  #newLinkId(): number {
    this.#nextLinkId += 1;
    return this.#nextLinkId;
  }

  #notify(event: SwarmEvent): void {
    this.#inbox.push(event);
    if (this.#inbox.length === 1) this.#world.clock.after(THREAD_DELAY_MS, () => this.#decide());
  }

  #decide(): void {
    if (this.#isOver) return;
    const { nowMs } = this.#world.clock;
    const events = this.#inbox;
    this.#inbox = [];
    for (const event of events) {
      this.#world.log.add(nowMs, this.#peer.options.host, event);
      this.swarm.handle(event, nowMs);
    }
    for (let action = this.swarm.poll(); action; action = this.swarm.poll()) this.#queue(action);
    this.#world.check(this.swarm);
    this.#wakeAt(this.swarm.nextWakeMs());
  }

  #wakeAt(wakeMs: number | undefined): void {
    const nowMs = this.#world.clock.nowMs;
    if (wakeMs === undefined || (wakeMs >= this.#wakeMs && this.#wakeMs > nowMs)) return;
    this.#wakeMs = wakeMs;
    this.#world.clock.at(wakeMs, () => {
      if (this.#wakeMs === wakeMs) this.#wakeMs = Infinity;
      if (!this.#isOver) this.#notify({ type: 'wake' });
    });
  }

  #queue(action: SwarmAction): void {
    this.#world.log.add(this.#world.clock.nowMs, this.#peer.options.host, action);
    this.#outbox.push(action);
    if (this.#outbox.length === 1) this.#world.clock.after(THREAD_DELAY_MS, () => this.#performAll());
  }

  #performAll(): void {
    if (this.#isOver) return;
    const actions = this.#outbox;
    this.#outbox = [];
    for (const action of actions) this.#perform(action);
  }

  #perform(action: SwarmAction): void {
    switch (action.type) {
      case 'dial':
        return this.#dial(action.linkId, action.address);
      case 'announce':
        return this.#world.tracker.announce(this.#peer.address, action.event, action.numWant, (event) =>
          this.#notify(event),
        );
      case 'record-piece':
        for (const pieceIndex of piecesOf(action)) this.#record(pieceIndex);
        return;
      case 'ban':
        this.#peer.banned.push(action.address.host);
        return;
      case 'complete':
        return this.#peer.handleComplete();
      default:
        return this.worker.perform(action);
    }
  }

  #dial(linkId: number, address: PeerAddress): void {
    this.#world.network.dial(this.#host, formatAddress(address), (end) => {
      if (this.#isOver) end?.close();
      else if (end) this.worker.addConnection(linkId, end, address, false);
      else this.#notify({ type: 'dial-failed', linkId });
    });
  }

  #record(pieceIndex: PieceIndex): void {
    this.#undurable.push(pieceIndex);
    if (this.#undurable.length > 1) return;
    this.#world.clock.after(DURABLE_AFTER_MS, () => {
      this.#notify({ type: 'pieces-durable', pieceIndices: this.#undurable });
      this.#undurable = [];
    });
  }

  #measureAgain(): void {
    if (this.#isOver) return;
    const measures = this.worker.measure();
    if (measures.length > 0) this.#notify({ type: 'links-measured', measures });
    this.#world.clock.after(this.#world.measureIntervalMs, () => this.#measureAgain());
  }
}

function ownedAtStart(owned: SimulatedPeerOptions['owned'], pieceCount: number): Bitfield {
  if (owned === 'all') return Bitfield.full(pieceCount);
  const bits = new Bitfield(pieceCount);
  if (owned !== 'none') for (const index of owned) bits.set(index);
  return bits;
}

function peerIdOf(random: () => number): PeerId {
  const digits = Array.from({ length: 40 }, () => Math.floor(random() * 16).toString(16));
  return digits.join('') as PeerId;
}

/** `10.0.0.1:9000` → `10.0.0.1` */
function hostOf(name: string): string {
  return name.slice(0, name.lastIndexOf(':'));
}
