/**
 * A small BitTorrent peer of the tests' own (BEP 3, BEP 10), on raw sockets and with none of the code under test. It
 * serves one torrent out of memory, can lie, limp and break rules, and counts what it was asked for.
 */
import { createHash } from 'node:crypto';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { bencode } from './naive-bencode.js';

/** Message ids of BEP 3 and BEP 10. */
export const ID = {
  choke: 0,
  unchoke: 1,
  interested: 2,
  notInterested: 3,
  have: 4,
  bitfield: 5,
  request: 6,
  piece: 7,
  cancel: 8,
  extended: 20,
} as const;

export interface TestPeerOptions {
  /** Wire info hash, 40 hex digits. */
  readonly infoHash: string;
  /** The torrent's bytes. */
  readonly data: Uint8Array;
  readonly pieceLength: number;
  /** Pieces that it has; all when left out. */
  readonly owns?: (pieceIndex: number) => boolean;
  /** Blocks that it sends with wrong bytes. */
  readonly corrupts?: (pieceIndex: number, blockOffset: number) => boolean;
  /** Requests that it never answers. */
  readonly ignores?: (pieceIndex: number, blockOffset: number) => boolean;
  /** Payload for each connection, in bytes a second. */
  readonly rateBytesPerSec?: number;
  /** After this many blocks of a connection it chokes for a while, dropping what was asked. */
  readonly chokes?: { readonly afterBlocks: number; readonly forMs: number };
  /** Eight reserved bytes of its handshake; BEP 10 alone when left out. */
  readonly reserved?: Buffer;
  /** Called for each connection when its handshake came: breaks rules by `send` and `write`. */
  readonly onHandshake?: (link: TestLink) => void;
  /** Called for each message that comes, before this peer acts on it. */
  readonly onMessage?: (link: TestLink, id: number, body: Buffer) => void;
  /** Whether a bitfield is sent by itself (default true). */
  readonly sendsBitfield?: boolean;
  /** First bytes it writes instead of a handshake. */
  readonly firstBytes?: Buffer;
}

/** One connection of the test peer. */
export class TestLink {
  readonly socket: Socket;
  /** Ids and bodies of all messages that came, payload of pieces left out. */
  readonly received: { readonly id: number; readonly body: Buffer }[] = [];
  /** Settles when the connection is gone. */
  readonly closed: Promise<void>;
  handshaken = false;
  unchokedUs = false;
  choking = true;
  blocksSent = 0;
  readonly queue: { readonly pieceIndex: number; readonly blockOffset: number; readonly length: number }[] = [];
  nextSendAtMs = 0;
  /** Whether a timer will go on with the queue. */
  isWaitingToSend = false;
  readonly #listeners = new Set<() => void>();

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => {
      socket.once('close', () => resolve());
    });
    socket.once('close', () => this.changed());
  }

  get isOpen(): boolean {
    return !this.socket.destroyed;
  }

  /** Writes a message; `lengthBytes` overrides the true length prefix. */
  send(id: number, body: Uint8Array = Buffer.alloc(0), lengthBytes = body.length + 1): void {
    const head = Buffer.alloc(5);
    head.writeUInt32BE(lengthBytes >>> 0, 0);
    head[4] = id;
    this.write(Buffer.concat([head, body]));
  }

  write(bytes: Uint8Array): void {
    if (this.isOpen) this.socket.write(bytes);
  }

  request(pieceIndex: number, blockOffset: number, lengthBytes: number): void {
    this.send(ID.request, words(pieceIndex, blockOffset, lengthBytes));
  }

  /** Waits until something that came makes `condition` true, or the connection is gone. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition() && this.isOpen)
      await new Promise<void>((resolve) => {
        this.#listeners.add(resolve);
      });
  }

  /** Wakes those who wait. */
  changed(): void {
    const listeners = [...this.#listeners];
    this.#listeners.clear();
    for (const listener of listeners) listener();
  }
}

export class TestPeer {
  readonly peerId: Buffer;
  readonly links: TestLink[] = [];
  /** How often each block, `piece:offset`, was asked for and was sent whole. */
  readonly requests = new Map<string, number>();
  readonly deliveries = new Map<string, number>();
  bytesSent = 0;
  corruptBlocksSent = 0;
  chokeCount = 0;
  port = 0;
  readonly #options: TestPeerOptions;
  readonly #infoHash: Buffer;
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #listeners = new Set<() => void>();
  #server: Server | undefined;

  constructor(options: TestPeerOptions) {
    this.#options = options;
    this.#infoHash = Buffer.from(options.infoHash, 'hex');
    const tail = createHash('sha1').update(`${performance.now()} ${Math.random()}`).digest().subarray(0, 12);
    this.peerId = Buffer.concat([Buffer.from('-TP0001-'), tail]);
  }

  get pieceCount(): number {
    return Math.ceil(this.#options.data.length / this.#options.pieceLength);
  }

  /** Blocks that were sent more than once. */
  get blocksSentTwice(): string[] {
    return [...this.deliveries].filter(([, count]) => count > 1).map(([key]) => key);
  }

  /** Listens on a free port of all addresses. */
  async listen(): Promise<this> {
    this.#server = createServer((socket) => this.#attach(new TestLink(socket), false));
    this.port = await listenAnywhere(this.#server);
    return this;
  }

  /** Tells the tracker of itself. @returns the reply's bytes */
  async announce(url: string, event = 'started'): Promise<Buffer> {
    const query = [
      `info_hash=${percentEncoded(this.#infoHash)}`,
      `peer_id=${percentEncoded(this.peerId)}`,
      `port=${this.port}&uploaded=0&downloaded=0&left=0&compact=1&event=${event}`,
    ].join('&');
    const reply = await fetch(`${url}?${query}`);
    return Buffer.from(await reply.arrayBuffer());
  }

  /** Opens a connection and sends the handshake. */
  async dial(port: number, host = '127.0.0.1'): Promise<TestLink> {
    const socket = connect(port, host);
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    const link = new TestLink(socket);
    this.#attach(link, true);
    return link;
  }

  /** Settles at the next bytes that come on any link, and when one opens or closes. */
  changed(): Promise<void> {
    return new Promise((resolve) => {
      this.#listeners.add(resolve);
    });
  }

  /** Waits until something that happened makes `condition` true. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await this.changed();
  }

  /** Handshake bytes of this peer. */
  handshake(): Buffer {
    const reserved = this.#options.reserved ?? Buffer.from([0, 0, 0, 0, 0, 0x10, 0, 0]);
    return Buffer.concat([Buffer.from('\x13BitTorrent protocol'), reserved, this.#infoHash, this.peerId]);
  }

  /** Closes all connections and stops listening. */
  async close(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    for (const link of this.links) link.socket.destroy();
    await Promise.all(this.links.map((link) => link.closed));
    const server = this.#server;
    if (server?.listening === true)
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
  }

  /** Who dialled speaks first; the other answers a plain handshake and hangs up on anything else (such as MSE). */
  #attach(link: TestLink, dialled: boolean): void {
    this.links.push(link);
    const firstBytes = this.#options.firstBytes ?? this.handshake();
    if (dialled) link.write(firstBytes);
    void link.closed.then(() => this.#tellListeners());
    this.#tellListeners();
    let buffer: Buffer = Buffer.alloc(0);
    link.socket.on('data', (chunk: Buffer) => {
      buffer = Buffer.concat([buffer, chunk]);
      if (!link.handshaken) {
        if (buffer[0] !== 0x13) link.socket.destroy();
        if (buffer[0] !== 0x13 || buffer.length < 68) return;
        buffer = buffer.subarray(68);
        link.handshaken = true;
        if (!dialled) link.write(firstBytes);
        this.#greet(link);
      }
      while (buffer.length >= 4 && buffer.length >= 4 + buffer.readUInt32BE(0)) {
        const length = buffer.readUInt32BE(0);
        if (length > 0) this.#handle(link, buffer[4] ?? 0, buffer.subarray(5, 4 + length));
        buffer = buffer.subarray(4 + length);
      }
      link.changed();
      this.#tellListeners();
    });
  }

  #tellListeners(): void {
    const listeners = [...this.#listeners];
    this.#listeners.clear();
    for (const listener of listeners) listener();
  }

  #greet(link: TestLink): void {
    const extended = bencode({ m: {}, v: 'TestPeer 1', p: this.port });
    const reserved = this.#options.reserved;
    if (reserved === undefined) link.send(ID.extended, Buffer.concat([Buffer.from([0]), extended]));
    if (this.#options.sendsBitfield !== false) link.send(ID.bitfield, this.#bitfield());
    this.#options.onHandshake?.(link);
  }

  #handle(link: TestLink, id: number, body: Buffer): void {
    link.received.push({ id, body: id === ID.piece ? Buffer.from(body.subarray(0, 8)) : Buffer.from(body) });
    this.#options.onMessage?.(link, id, body);
    if (id === ID.unchoke) link.unchokedUs = true;
    if (id === ID.choke) link.unchokedUs = false;
    if (id === ID.interested && link.choking && !this.#isResting(link)) this.#unchoke(link);
    if (id === ID.request) {
      this.#handleRequest(link, body.readUInt32BE(0), body.readUInt32BE(4), body.readUInt32BE(8));
    }
    if (id === ID.cancel) {
      const at = link.queue.findIndex(
        (each) => each.pieceIndex === body.readUInt32BE(0) && each.blockOffset === body.readUInt32BE(4),
      );
      if (at >= 0) link.queue.splice(at, 1);
    }
  }

  #handleRequest(link: TestLink, pieceIndex: number, blockOffset: number, length: number): void {
    if (link.choking) return;
    const key = `${pieceIndex}:${blockOffset}`;
    this.requests.set(key, (this.requests.get(key) ?? 0) + 1);
    if (this.#options.ignores?.(pieceIndex, blockOffset) === true) return;
    link.queue.push({ pieceIndex, blockOffset, length });
    if (!link.isWaitingToSend) this.#pump(link);
  }

  /** Sends what is due, and comes back when the rate allows the next block. */
  #pump(link: TestLink): void {
    for (let block = link.queue[0]; block && link.isOpen && !link.choking; block = link.queue[0]) {
      const nowMs = performance.now();
      if (link.nextSendAtMs > nowMs) {
        link.isWaitingToSend = true;
        this.#later(link.nextSendAtMs - nowMs, () => {
          link.isWaitingToSend = false;
          this.#pump(link);
        });
        return;
      }
      const rate = this.#options.rateBytesPerSec ?? Infinity;
      link.nextSendAtMs = Math.max(link.nextSendAtMs, nowMs - 50) + (block.length / rate) * 1000;
      this.#sendBlock(link, block.pieceIndex, block.blockOffset, block.length);
      link.queue.shift();
      this.#chokeNowAndThen(link);
    }
  }

  #sendBlock(link: TestLink, pieceIndex: number, blockOffset: number, length: number): void {
    const start = pieceIndex * this.#options.pieceLength + blockOffset;
    const payload = Buffer.from(this.#options.data.subarray(start, start + length));
    if (this.#options.corrupts?.(pieceIndex, blockOffset) === true) {
      payload[payload.length >> 1] = (payload[payload.length >> 1] ?? 0) ^ 0xff;
      this.corruptBlocksSent += 1;
    }
    link.send(ID.piece, Buffer.concat([words(pieceIndex, blockOffset), payload]));
    link.blocksSent += 1;
    this.bytesSent += payload.length;
    const key = `${pieceIndex}:${blockOffset}`;
    this.deliveries.set(key, (this.deliveries.get(key) ?? 0) + 1);
  }

  #chokeNowAndThen(link: TestLink): void {
    const { chokes } = this.#options;
    if (!chokes || link.blocksSent % chokes.afterBlocks !== 0) return;
    this.chokeCount += 1;
    link.choking = true;
    link.queue.length = 0;
    link.send(ID.choke);
    this.#later(chokes.forMs, () => this.#unchoke(link));
  }

  #isResting(link: TestLink): boolean {
    return this.#options.chokes !== undefined && link.blocksSent > 0 && link.choking;
  }

  #unchoke(link: TestLink): void {
    link.choking = false;
    link.send(ID.unchoke);
  }

  #later(delayMs: number, action: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      action();
    }, delayMs);
    this.#timers.add(timer);
  }

  #bitfield(): Buffer {
    const bits = Buffer.alloc(Math.ceil(this.pieceCount / 8));
    for (let index = 0; index < this.pieceCount; index += 1) {
      if (this.#options.owns && !this.#options.owns(index)) continue;
      bits[index >> 3] = (bits[index >> 3] ?? 0) | (0x80 >> (index & 7));
    }
    return bits;
  }
}

/** 32-bit big-endian words. */
export function words(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [at, value] of values.entries()) bytes.writeUInt32BE(value >>> 0, at * 4);
  return bytes;
}

function percentEncoded(bytes: Uint8Array): string {
  return [...bytes].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
}

/** Listens on both IP versions, or on IPv4 alone where there is no IPv6. */
async function listenAnywhere(server: Server): Promise<number> {
  const listen = (host: string): Promise<void> =>
    new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, host, () => {
        server.off('error', reject);
        resolve();
      });
    });
  await listen('::').catch(async (error: unknown) => {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EAFNOSUPPORT' && code !== 'EADDRNOTAVAIL') throw error;
    await listen('0.0.0.0');
  });
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('the server has no address');
  return address.port;
}
