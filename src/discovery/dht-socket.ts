/**
 * The UDP socket below our DHT node, with a guard: what is malformed, or comes too often from one address, is dropped
 * before the package that runs the node reads it, and no answer is larger than one datagram should be.
 *
 * Thread: the main one.
 */
import dgram from 'node:dgram';
import { EventEmitter } from 'node:events';

import { fitDhtMessage, isSoundDhtMessage } from '../protocol/dht-message.js';

/** Datagrams taken in a second, of one address and of all. */
const MOST_PER_HOST = 200;
const MOST_IN_ALL = 5_000;

/** Speaks to the package as a bound socket of node:dgram does. */
export class DhtSocket extends EventEmitter {
  readonly #socket: dgram.Socket;
  readonly #fromHost = new Map<string, number>();
  #fromAll = 0;
  #sinceMs = -Infinity;

  /** @param socket bound */
  constructor(socket: dgram.Socket) {
    super();
    this.#socket = socket;
    socket.on('message', (datagram, from) => {
      if (this.#hasRoomFor(from.address) && isSoundDhtMessage(datagram)) this.emit('message', datagram, from);
    });
    // A host that is gone says so by ICMP; the node notices by itself that nothing comes from there.
    socket.on('error', () => undefined);
    socket.on('close', () => this.emit('close'));
  }

  /**
   * @param port 0 takes any
   * @throws what the system says, such as EADDRINUSE
   */
  static async open(port: number, host: string | undefined): Promise<DhtSocket> {
    const socket = dgram.createSocket('udp4');
    await new Promise<void>((resolve, reject) => {
      socket.once('error', (error) => {
        socket.close();
        reject(error);
      });
      socket.bind({ port, address: host ?? '0.0.0.0' }, resolve);
    });
    socket.removeAllListeners('error');
    return new DhtSocket(socket);
  }

  address(): { readonly address: string; readonly port: number } {
    return this.#socket.address();
  }

  /** It is bound already. */
  bind(): void {
    process.nextTick(() => this.emit('listening'));
  }

  // eslint-disable-next-line @typescript-eslint/max-params -- the signature of node:dgram
  send(
    datagram: Uint8Array,
    offset: number,
    length: number,
    port: number,
    host: string,
    done: (error?: Error | null) => void,
  ): void {
    const fitting = fitDhtMessage(datagram.subarray(offset, offset + length));
    if (fitting) this.#socket.send(fitting, port, host, done);
    else done();
  }

  close(): void {
    this.#socket.close();
  }

  #hasRoomFor(host: string): boolean {
    const nowMs = performance.now();
    if (nowMs - this.#sinceMs >= 1_000) {
      this.#sinceMs = nowMs;
      this.#fromAll = 0;
      this.#fromHost.clear();
    }
    const count = (this.#fromHost.get(host) ?? 0) + 1;
    this.#fromAll += 1;
    if (this.#fromAll > MOST_IN_ALL || count > MOST_PER_HOST) return false;
    this.#fromHost.set(host, count);
    return true;
  }
}
