/**
 * A network of hosts with rates and latencies. A host sends one block after another, taking turns among its
 * connections; a block arrives a latency later and passes the receiver's line one after another too. Small messages
 * cost no rate, but keep their order behind the blocks of their connection, as in TCP; like there, a sender waits when
 * a window of bytes is under way. A lost packet is a delay.
 */
import type { PeerId } from '../protocol/peer-address.js';
import { seededRandom } from '../swarm/seeded-random.js';
import type { VirtualClock } from './virtual-clock.js';

const RETRANSMIT_MS = 200;
const JITTER_SHARE = 0.2;
/** How long a dial to nowhere takes. */
const DIAL_FAILS_MS = 1_000;
/** Bytes of a connection that may be under way; on a long fast way as much as it holds. */
const LEAST_WINDOW_BYTES = 65_536;

/** What goes over a simulated connection: the wire messages that matter to decisions. */
export type SimulatedMessage =
  | { readonly type: 'handshake'; readonly peerId: PeerId }
  | { readonly type: 'extended'; readonly listenPort: number; readonly uploadOnly: boolean }
  | { readonly type: 'bitfield'; readonly pieces: Uint8Array }
  | { readonly type: 'have'; readonly pieceIndices: readonly number[] }
  | { readonly type: 'choke' | 'unchoke' | 'interested' | 'not-interested' }
  | { readonly type: 'request' | 'cancel'; readonly pieceIndex: number; readonly block: number }
  | SimulatedBlock;

export interface SimulatedBlock {
  readonly type: 'piece';
  readonly pieceIndex: number;
  readonly block: number;
  readonly sizeBytes: number;
  /** Its bytes are wrong. */
  readonly isBad: boolean;
}

export interface SimulatedNetworkOptions {
  readonly seed: number | string;
  readonly latencyMs: number;
  /** Share of messages that have to be sent again. */
  readonly lossRatio?: number;
  /** Connections break after this time on average; never when left out. */
  readonly meanConnectionMs?: number;
}

export interface SimulatedHostOptions {
  readonly upBytesPerSec: number;
  readonly downBytesPerSec: number;
}

/** Who uses one end of a connection. */
export interface ConnectionUser {
  handleMessage(message: SimulatedMessage): void;
  handleClosed(): void;
  /** A block went out. */
  handleSent(block: SimulatedBlock): void;
}

/** One end of a connection. */
export class ConnectionEnd {
  readonly host: SimulatedHost;
  readonly #network: SimulatedNetwork;
  readonly #blocks: SimulatedBlock[] = [];
  user: ConnectionUser | undefined;
  other: ConnectionEnd | undefined;
  isOpen = true;
  /** No message overtakes what was sent before. */
  lastArrivalMs = 0;
  /** Messages to this end that wait for its host's line. */
  inLine = 0;
  #unreceivedBytes = 0;

  constructor(network: SimulatedNetwork, host: SimulatedHost) {
    this.#network = network;
    this.host = host;
  }

  send(message: SimulatedMessage): void {
    if (this.isOpen) this.#network.deliver(this, message);
  }

  /** Queues a block behind this connection's others; the host's line takes turns. */
  sendBlock(block: SimulatedBlock): void {
    if (!this.isOpen) return;
    this.#blocks.push(block);
    this.host.offer(this);
  }

  /** The next block to send; undefined when there is none, or the window is full. */
  nextBlock(windowBytes: number): SimulatedBlock | undefined {
    if (this.#unreceivedBytes >= windowBytes) return undefined;
    const block = this.#blocks.shift();
    this.#unreceivedBytes += block?.sizeBytes ?? 0;
    return block;
  }

  /** A message is here at last. */
  handleMessage(message: SimulatedMessage): void {
    if (!this.isOpen) return;
    if (message.type === 'piece') this.other?.handleReceived(message.sizeBytes);
    this.user?.handleMessage(message);
  }

  /** The other side received so much of what we sent: the window opens. */
  handleReceived(sizeBytes: number): void {
    this.#unreceivedBytes -= sizeBytes;
    if (this.isOpen && this.#blocks.length > 0) this.host.offer(this);
  }

  dropBlock(pieceIndex: number, block: number): void {
    const at = this.#blocks.findIndex((queued) => queued.pieceIndex === pieceIndex && queued.block === block);
    if (at >= 0) this.#blocks.splice(at, 1);
  }

  dropBlocks(): void {
    this.#blocks.length = 0;
  }

  /** Ends the connection; the other side hears of it a latency later. */
  close(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.dropBlocks();
    this.#network.deliverClose(this);
  }
}

/** A machine with one line up and one down. */
export class SimulatedHost {
  readonly name: string;
  readonly #clock: VirtualClock;
  readonly #network: SimulatedNetwork;
  readonly #options: SimulatedHostOptions;
  readonly #windowBytes: number;
  readonly #waiting = new Set<ConnectionEnd>();
  #isSending = false;
  readonly #line: { readonly end: ConnectionEnd; readonly message: SimulatedMessage }[] = [];
  #isReceiving = false;
  sentBytes = 0;
  /** Called for each connection that comes in; nobody listens when left out. */
  listener: ((end: ConnectionEnd) => void) | undefined;

  constructor(name: string, clock: VirtualClock, network: SimulatedNetwork, options: SimulatedHostOptions) {
    this.name = name;
    this.#clock = clock;
    this.#network = network;
    this.#options = options;
    this.#windowBytes = LEAST_WINDOW_BYTES + (options.upBytesPerSec * network.roundTripMs) / 1000;
  }

  /** The connection has blocks to send. */
  offer(end: ConnectionEnd): void {
    this.#waiting.add(end);
    if (!this.#isSending) this.#sendNext();
  }

  /** A message has arrived at our end of the way: blocks pass the line one after another, others only keep their order. */
  receive(end: ConnectionEnd, message: SimulatedMessage): void {
    if (message.type !== 'piece' && end.inLine === 0) return end.handleMessage(message);
    end.inLine += 1;
    this.#line.push({ end, message });
    if (!this.#isReceiving) this.#receiveNext();
  }

  #receiveNext(): void {
    this.#isReceiving = false;
    for (let next = this.#line.shift(); next; next = this.#line.shift()) {
      const { end, message } = next;
      if (end.isOpen && message.type === 'piece') {
        this.#isReceiving = true;
        this.#clock.after((message.sizeBytes / this.#options.downBytesPerSec) * 1000, () => {
          end.inLine -= 1;
          end.handleMessage(message);
          this.#receiveNext();
        });
        return;
      }
      end.inLine -= 1;
      end.handleMessage(message);
    }
  }

  #sendNext(): void {
    this.#isSending = false;
    for (const end of this.#waiting) {
      this.#waiting.delete(end);
      const block = end.isOpen ? end.nextBlock(this.#windowBytes) : undefined;
      if (!block) continue;
      // Behind the others: they take turns.
      this.#waiting.add(end);
      this.#isSending = true;
      this.#clock.after((block.sizeBytes / this.#options.upBytesPerSec) * 1000, () => this.#handleSent(end, block));
      return;
    }
  }

  #handleSent(end: ConnectionEnd, block: SimulatedBlock): void {
    if (end.isOpen) {
      this.sentBytes += block.sizeBytes;
      this.#network.deliver(end, block);
      end.user?.handleSent(block);
    }
    this.#sendNext();
  }
}

export class SimulatedNetwork {
  readonly #clock: VirtualClock;
  readonly #options: SimulatedNetworkOptions;
  readonly #random: () => number;
  readonly #hosts = new Map<string, SimulatedHost>();

  constructor(clock: VirtualClock, options: SimulatedNetworkOptions) {
    this.#clock = clock;
    this.#options = options;
    this.#random = seededRandom(`network ${options.seed}`);
  }

  get roundTripMs(): number {
    return 2 * this.#options.latencyMs;
  }

  addHost(name: string, options: SimulatedHostOptions): SimulatedHost {
    const host = new SimulatedHost(name, this.#clock, this, options);
    this.#hosts.set(name, host);
    return host;
  }

  /** Dials a host by its name; `done` gets our end, or undefined when nobody listens. */
  dial(from: SimulatedHost, name: string, done: (end: ConnectionEnd | undefined) => void): void {
    this.#clock.after(2 * this.#latencyMs(), () => {
      const to = this.#hosts.get(name);
      if (!to?.listener) {
        this.#clock.after(DIAL_FAILS_MS, () => done(undefined));
        return;
      }
      const ours = new ConnectionEnd(this, from);
      const theirs = new ConnectionEnd(this, to);
      ours.other = theirs;
      theirs.other = ours;
      to.listener(theirs);
      done(ours);
      this.#breakSometime(ours);
    });
  }

  deliver(from: ConnectionEnd, message: SimulatedMessage): void {
    const to = from.other;
    if (!to) return;
    from.lastArrivalMs = Math.max(this.#clock.nowMs + this.#latencyMs(), from.lastArrivalMs);
    this.#clock.at(from.lastArrivalMs, () => to.host.receive(to, message));
  }

  deliverClose(from: ConnectionEnd): void {
    const to = from.other;
    this.#clock.at(Math.max(this.#clock.nowMs + this.#latencyMs(), from.lastArrivalMs), () => {
      if (!to?.isOpen) return;
      to.isOpen = false;
      to.dropBlocks();
      to.user?.handleClosed();
    });
  }

  #breakSometime(end: ConnectionEnd): void {
    const meanMs = this.#options.meanConnectionMs;
    if (meanMs === undefined) return;
    this.#clock.after(-meanMs * Math.log(1 - this.#random()), () => {
      for (const side of [end, end.other]) {
        if (!side?.isOpen) continue;
        side.isOpen = false;
        side.dropBlocks();
        side.user?.handleClosed();
      }
    });
  }

  #latencyMs(): number {
    const jitterMs = this.#options.latencyMs * JITTER_SHARE * this.#random();
    const isLost = this.#random() < (this.#options.lossRatio ?? 0);
    return this.#options.latencyMs + jitterMs + (isLost ? RETRANSMIT_MS : 0);
  }
}
