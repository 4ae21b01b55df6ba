/**
 * One address of a tracker over UDP (BEP 15), and the conversations with it. Its socket is connected: the kernel passes on
 * what comes from there and nothing else, and says at once when nobody listens. A connection id serves all conversations
 * of a minute. Thread: main.
 */
import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { P2pError } from '../errors.js';
import { encodeUdpRequest, parseUdpReply, type UdpReply } from '../protocol/udp-tracker.js';
import { untilAborted } from './until-aborted.js';

/** BEP 15: an id may be used for one minute. */
const ID_LIFETIME_MS = 60_000;
/** BEP 15: then twice as long each time. */
export const FIRST_WAIT_MS = 15_000;
/** BEP 15 goes up to 9, more than an hour; we leave it to the announce schedule to come again. */
const MOST_TRANSMISSIONS = 3;

/** How long the whole of a conversation may take: of one transmission, or of all. */
export const UDP_PATIENCE_MS = { short: FIRST_WAIT_MS, long: FIRST_WAIT_MS * (2 ** MOST_TRANSMISSIONS - 1) } as const;

export interface UdpEndpointOptions {
  /** An IP address. */
  readonly host: string;
  readonly port: number;
  /** Local address to send from; the system's choice when undefined. */
  readonly localAddress: string | undefined;
  /** How long the first transmission is waited for. */
  readonly firstWaitMs: number;
  /** Monotonic. */
  readonly nowMs: () => number;
  /** Makes the error of a conversation that failed. @param why for people */
  readonly failure: (why: string, cause?: unknown) => P2pError;
  /** It was not used for a minute; another one has to be made. */
  readonly onIdle: () => void;
}

/** Makes the packet of one transmission. */
export type MakePacket = (connectionId: Uint8Array, transactionId: number) => Uint8Array;

/** What is waited for: one packet that was sent. */
interface Transmission {
  readonly type: UdpReply['type'];
  readonly handleReply: (reply: UdpReply) => void;
  readonly fail: (error: unknown) => void;
}

interface ConnectionId {
  readonly bytes: Uint8Array;
  readonly sinceMs: number;
}

export class UdpEndpoint {
  readonly #options: UdpEndpointOptions;
  /** By transaction id. */
  readonly #waiting = new Map<number, Transmission>();
  #opening: Promise<Socket> | undefined;
  #connecting: Promise<ConnectionId> | undefined;
  #id: ConnectionId | undefined;
  #conversations = 0;
  #idleTimer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: UdpEndpointOptions) {
    this.#options = options;
  }

  /**
   * Asks until there is an answer.
   * @returns an answer of this type, or the tracker's error
   * @throws what `failure` makes, when there is none
   * @throws the signal's reason when it aborts
   */
  async ask(type: 'announce' | 'scrape', make: MakePacket, signal: AbortSignal): Promise<UdpReply> {
    this.#conversations += 1;
    clearTimeout(this.#idleTimer);
    try {
      return await this.#ask(type, make, signal);
    } finally {
      this.#conversations -= 1;
      if (this.#conversations === 0 && !this.#isClosed) {
        this.#idleTimer = setTimeout(this.#options.onIdle, ID_LIFETIME_MS).unref();
      }
    }
  }

  /** Ends all conversations. Idempotent. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#idleTimer);
    this.#failAll(this.#options.failure('it was given up'));
    const [socket] = await Promise.allSettled([this.#opening]);
    if (socket.status === 'fulfilled') socket.value?.close();
  }

  async #ask(type: 'announce' | 'scrape', make: MakePacket, signal: AbortSignal): Promise<UdpReply> {
    let isOldId = this.#id !== undefined;
    for (let transmission = 0; transmission < MOST_TRANSMISSIONS; transmission += 1) {
      const id = await untilAborted(this.#connectionId(), signal);
      const reply = await this.#transmit(type, (transactionId) => make(id.bytes, transactionId), {
        waitMs: this.#waitMs(transmission),
        signal,
      });
      if (reply && !(reply.type === 'error' && isOldId)) return reply;
      if (!reply) continue;
      // A tracker that was started again does not know its ids any more; asked with a new one, it says what it means.
      isOldId = false;
      transmission -= 1;
      if (this.#id === id) this.#id = undefined;
    }
    throw this.#silence();
  }

  /** The id of this minute, the same for all who ask. */
  async #connectionId(): Promise<ConnectionId> {
    if (this.#id && this.#options.nowMs() - this.#id.sinceMs < ID_LIFETIME_MS) return this.#id;
    this.#connecting ??= this.#connect().finally(() => (this.#connecting = undefined));
    this.#id = await this.#connecting;
    return this.#id;
  }

  async #connect(): Promise<ConnectionId> {
    for (let transmission = 0; transmission < MOST_TRANSMISSIONS; transmission += 1) {
      const sinceMs = this.#options.nowMs();
      const make = (transactionId: number): Uint8Array => encodeUdpRequest({ type: 'connect', transactionId });
      const reply = await this.#transmit('connect', make, { waitMs: this.#waitMs(transmission) });
      if (reply?.type === 'connect') return { bytes: Uint8Array.from(reply.connectionId), sinceMs };
      if (reply?.type === 'error') throw this.#options.failure('it refuses to connect');
    }
    throw this.#silence();
  }

  /** Sends one packet. @returns what answers it; undefined when nothing does in time */
  async #transmit(
    type: UdpReply['type'],
    make: (transactionId: number) => Uint8Array,
    limits: { readonly waitMs: number; readonly signal?: AbortSignal },
  ): Promise<UdpReply | undefined> {
    this.#opening ??= this.#open();
    const socket = await this.#opening;
    if (this.#isClosed) throw this.#options.failure('it was given up');
    limits.signal?.throwIfAborted();
    const transactionId = randomBytes(4).readUInt32BE();
    let timer: NodeJS.Timeout | undefined;
    const answer = new Promise<UdpReply | undefined>((resolve, reject) => {
      this.#waiting.set(transactionId, { type, handleReply: resolve, fail: reject });
      timer = setTimeout(() => resolve(undefined), limits.waitMs);
      socket.send(make(transactionId), (error) => {
        if (error) reject(this.#options.failure(describe(error), error));
      });
    });
    try {
      return await untilAborted(answer, limits.signal);
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(transactionId);
    }
  }

  async #open(): Promise<Socket> {
    const { host, port, localAddress, failure } = this.#options;
    const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
    try {
      await new Promise<void>((resolve, reject) => {
        socket.once('error', reject);
        socket.bind(0, localAddress, () => {
          socket.connect(port, host, () => {
            socket.off('error', reject);
            resolve();
          });
        });
      });
    } catch (error) {
      socket.close();
      this.#opening = undefined;
      throw failure(describe(error), error);
    }
    // Conversations hold the process, by their timers.
    socket.unref();
    socket.on('error', (error) => this.#failAll(failure(describe(error), error)));
    socket.on('message', this.#handlePacket);
    return socket;
  }

  readonly #handlePacket = (packet: Uint8Array): void => {
    const reply = parseUdpReply(packet);
    const transmission = reply && this.#waiting.get(reply.transactionId);
    if (transmission && (reply.type === transmission.type || reply.type === 'error')) transmission.handleReply(reply);
  };

  #failAll(error: P2pError): void {
    for (const transmission of this.#waiting.values()) transmission.fail(error);
  }

  #waitMs(transmission: number): number {
    return this.#options.firstWaitMs * 2 ** transmission;
  }

  #silence(): P2pError {
    return this.#options.failure('no answer');
  }
}

function describe(error: unknown): string {
  if (error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED')
    return 'nobody listens there (ECONNREFUSED)';
  return error instanceof Error ? error.message : String(error);
}
