/**
 * The server under the tracker: its port, its bounds, its end. Thread: the tracker's only one.
 *
 * Announces and scrapes are answered here, straight from the bytes of the connection: Node's HTTP server costs several
 * times what the answer does (measured: `npm run bench tracker`). As soon as a connection sends anything else, or a part
 * of a request only, it is handed to Node's server with all that it sent, and stays there:
 *
 *     accepted ── plain requests, whole ──▶ answered here ──▶ closed, or waits for the next request
 *         └─────────────── anything else ──▶ Node's HTTP server
 *
 * Here no connection has a timer of its own: one sweep a second ends those that are idle.
 */
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { ConnectionCount } from './connection-count.js';
import { errnoCodeOf, explainListenError } from './listen-error.js';
import { readPlainRequest, type PlainRequest } from './plain-request.js';
import type { RequestSource, RequestSources } from './request-source.js';
import * as limits from './tracker-limits.js';

export interface TrackerServerParts {
  readonly sources: RequestSources;
  /** Answers what goes through Node's server. */
  readonly listener: RequestListener;
  readonly answerPlain: AnswerPlain;
  /** Monotonic. */
  readonly nowMs: () => number;
}

/**
 * Answers a plain request.
 * @param bytes those that the request was read from
 * @returns the bencoded body; one character below 256 for each byte
 */
export type AnswerPlain = (bytes: Buffer, request: PlainRequest, source: RequestSource, nowMs: number) => string;

/** A connection that has sent plain requests only, or nothing yet. */
interface PlainConnection {
  readonly socket: Socket;
  readonly source: RequestSource;
  /** When it was opened, or sent its last request. */
  heardAtMs: number;
  /** How long it may stay quiet. */
  patienceMs: number;
}

/** Answers under way may end within this time when the server closes. */
const CLOSE_GRACE_MS = 500;
const SWEEP_EVERY_MS = 1_000;
/** Connections that the kernel accepts ahead; it takes its own limit if that is lower (Linux: 4,096). */
const BACKLOG = 4_096;

export class TrackerServer {
  readonly #parts: TrackerServerParts;
  readonly #server: Server;
  /** What Node's server does with a new connection. */
  readonly #acceptInNode: (socket: Socket) => void;
  readonly #plain = new Set<PlainConnection>();
  readonly #counts = new ConnectionCount(limits.MAX_CONNECTIONS_OF_ADDRESS);
  #sweeping: NodeJS.Timeout | undefined;
  #dateLine = dateLine();

  constructor(parts: TrackerServerParts) {
    this.#parts = parts;
    this.#server = createServer(
      {
        maxHeaderSize: limits.MAX_HEADER_BYTES,
        headersTimeout: limits.HEADER_TIMEOUT_MS,
        requestTimeout: limits.REQUEST_TIMEOUT_MS,
        keepAliveTimeout: limits.KEEP_ALIVE_MS,
        connectionsCheckingInterval: 1_000,
        // A system call that an answer in one write does not need.
        noDelay: false,
      },
      parts.listener,
    );
    this.#server.maxConnections = limits.MAX_CONNECTIONS;
    this.#acceptInNode = takeListeners(this.#server);
    this.#server.on('connection', this.#handleConnection);
  }

  /**
   * Begins to listen.
   * @returns where; without a host, on IPv6 and IPv4, or on IPv4 alone where there is no IPv6
   * @throws {P2P_PORT_TAKEN} {P2P_OPTION_INVALID}
   */
  async listen(host: string | undefined, port: number): Promise<AddressInfo> {
    const place = { host, port, protocol: 'TCP' } as const;
    try {
      await this.#listenOn(host ?? '::', port);
    } catch (error) {
      const code = errnoCodeOf(error);
      if (host !== undefined || (code !== 'EAFNOSUPPORT' && code !== 'EADDRNOTAVAIL')) {
        throw explainListenError(error, place);
      }
      await this.#listenOn('0.0.0.0', port).catch((second: unknown) => {
        throw explainListenError(second, place);
      });
    }
    this.#sweeping = setInterval(this.#sweep, SWEEP_EVERY_MS);
    return this.#server.address() as AddressInfo;
  }

  /** Stops listening, lets answers under way end, then ends all connections. */
  async close(): Promise<void> {
    clearInterval(this.#sweeping);
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
    for (const connection of this.#plain) this.#end(connection);
    const grace = setTimeout(() => {
      this.#server.closeAllConnections();
      for (const { socket } of this.#plain) socket.destroy();
    }, CLOSE_GRACE_MS);
    await closed;
    clearTimeout(grace);
  }

  #listenOn(host: string, port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host, port, backlog: BACKLOG }, () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
  }

  readonly #handleConnection = (socket: Socket): void => {
    const source = this.#parts.sources.sourceOfSocket(socket);
    if (!source) {
      socket.destroy();
      return;
    }
    const isTrusted = this.#parts.sources.isTrustedProxy(source.host);
    if (!source.isLoopback && !isTrusted && !this.#limit(socket, source.host)) return;
    // What a proxy says of the sender stands in a header.
    if (isTrusted) {
      this.#acceptInNode(socket.setNoDelay());
      return;
    }
    const connection = { socket, source, heardAtMs: this.#parts.nowMs(), patienceMs: limits.HEADER_TIMEOUT_MS };
    this.#plain.add(connection);
    // Listeners cost more than the answer: for 'end' Node itself does what is needed, and what was closed by the other
    // end is found by the sweep.
    socket.allowHalfOpen = false;
    socket.on('error', ignore).on('data', (bytes: Buffer) => this.#answerAll(connection, bytes));
  };

  /** At most so many connections from one address; the next one is closed at once. */
  #limit(socket: Socket, host: string): boolean {
    if (!this.#counts.open(host)) {
      socket.destroy();
      return false;
    }
    socket.once('close', () => this.#counts.close(host));
    return true;
  }

  /** Answers the requests that came in one read; they may be several, one behind the other. */
  #answerAll(connection: PlainConnection, bytes: Buffer): void {
    const { socket, source } = connection;
    if (socket.writableEnded) return;
    const nowMs = this.#parts.nowMs();
    connection.heardAtMs = nowMs;
    connection.patienceMs = limits.KEEP_ALIVE_MS;
    for (let at = 0; at < bytes.length;) {
      // Who does not read its answers is held back by Node's server.
      const request = socket.writableLength === 0 ? readPlainRequest(bytes, at) : undefined;
      if (!request) {
        this.#handOver(connection, bytes.subarray(at));
        return;
      }
      const body = this.#parts.answerPlain(bytes, request, source, nowMs);
      const end = request.keepsAlive ? KEEP_ALIVE : CLOSE;
      socket.write(`${HEAD}${body.length}${this.#dateLine}${end}${body}`, 'latin1');
      if (!request.keepsAlive) {
        this.#end(connection);
        return;
      }
      at = request.end;
    }
  }

  /** Lets Node's server go on with a connection. @param bytes what was read and not answered */
  #handOver(connection: PlainConnection, bytes: Buffer): void {
    const { socket } = connection;
    this.#plain.delete(connection);
    // Paused, so that nothing is emitted while nobody listens.
    socket.pause().removeAllListeners('data');
    socket.allowHalfOpen = true;
    socket.unshift(bytes);
    this.#acceptInNode(socket.setNoDelay());
    socket.off('error', ignore).resume();
  }

  /** Mostly all is written by now; then a shutdown and a wait for the other end are saved. */
  #end(connection: PlainConnection): void {
    const { socket } = connection;
    if (socket.writableLength > 0) {
      socket.destroySoon();
      return;
    }
    socket.destroy();
    this.#plain.delete(connection);
  }

  /** Ends connections that were quiet for too long, and forgets those that are closed. */
  readonly #sweep = (): void => {
    this.#dateLine = dateLine();
    const nowMs = this.#parts.nowMs();
    for (const connection of this.#plain) {
      const { socket, heardAtMs, patienceMs } = connection;
      if (nowMs - heardAtMs > patienceMs) socket.destroy();
      if (socket.destroyed) this.#plain.delete(connection);
    }
  };
}

const HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nCache-Control: no-store\r\nContent-Length: ';
const KEEP_ALIVE = `Connection: keep-alive\r\nKeep-Alive: timeout=${limits.KEEP_ALIVE_MS / 1000}\r\n\r\n`;
const CLOSE = 'Connection: close\r\n\r\n';

/** Made once a second (RFC 9110, 6.6.1: an answer carries its date). */
function dateLine(): string {
  return `\r\nDate: ${new Date().toUTCString()}\r\n`;
}

/** The listeners for new connections, taken off the server: as one function to call instead. */
function takeListeners(server: Server): (socket: Socket) => void {
  const listeners = server.listeners('connection');
  server.removeAllListeners('connection');
  return (socket) => {
    for (const listener of listeners) Reflect.apply(listener, server, [socket]);
  };
}

/** After an error Node closes the connection. */
function ignore(): void {
  // Nothing else is to be done.
}
