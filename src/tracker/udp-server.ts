/** The socket under the UDP tracker: packets in, packets out. Thread: the tracker's only one. */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { normaliseHost } from '../protocol/peer-address.js';
import { isLoopbackIp, parseIp } from '../protocol/ip-address.js';
import { explainListenError } from './listen-error.js';
import { LocalAddresses } from './local-addresses.js';
import type { RequestSource } from './request-source.js';
import { MAX_UDP_WAITING } from './tracker-limits.js';

export interface UdpServerParts {
  /** @returns the packet to send back, if any */
  readonly answer: (packet: Uint8Array, source: RequestSource) => Uint8Array | undefined;
  /** Monotonic. */
  readonly nowMs: () => number;
}

/** What comes while the thread is busy; the kernel takes its own limit if that is lower. */
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;

export class UdpServer {
  readonly #parts: UdpServerParts;
  readonly #host: string;
  readonly #socket: Socket;
  readonly #addresses = new LocalAddresses();
  /** The one address that is listened on; undefined for all. */
  readonly #boundIp: Uint8Array | undefined;
  #closing: Promise<void> | undefined;

  /**
   * `listen` must follow.
   * @param host an address of this machine; `::` is IPv6 and IPv4
   */
  constructor(parts: UdpServerParts, host: string) {
    this.#parts = parts;
    this.#host = host;
    this.#boundIp = isWildcard(host) ? undefined : parseIp(host);
    const family = isIPv6(host) ? 6 : 4;
    this.#socket = createSocket({
      type: family === 6 ? 'udp6' : 'udp4',
      // Addresses of packets are no names to be looked up.
      lookup: (address, _options, callback) => callback(null, address, family),
    });
  }

  /**
   * Begins to listen; where it cannot, the socket is closed.
   * @throws {P2P_PORT_TAKEN} {P2P_OPTION_INVALID}
   */
  async listen(port: number): Promise<void> {
    const [socket, host] = [this.#socket, this.#host];
    try {
      await new Promise<void>((resolve, reject) => {
        socket.once('error', reject);
        socket.bind(port, host, () => {
          socket.off('error', reject);
          resolve();
        });
      });
      socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES);
    } catch (error) {
      await this.close();
      throw explainListenError(error, { host, port, protocol: 'UDP' });
    }
    // A packet that could not be sent: its receiver asks again.
    socket.on('error', ignore);
    socket.on('message', this.#handlePacket);
    if (!this.#boundIp) await this.#addresses.learnOutside();
  }

  /** Idempotent. */
  close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => this.#socket.close(resolve));
    return this.#closing;
  }

  readonly #handlePacket = (packet: Buffer, from: RemoteInfo): void => {
    // Nobody can be answered at port 0.
    if (from.port === 0 || this.#closing) return;
    const host = normaliseHost(from.address);
    const ip = parseIp(host);
    if (!ip) return;
    const answer = this.#parts.answer(packet, new PacketSource(host, ip, this.#reachedIp));
    if (answer && this.#socket.getSendQueueCount() < MAX_UDP_WAITING) {
      this.#socket.send(answer, from.port, from.address, ignore);
    }
  };

  readonly #reachedIp = (ip: Uint8Array): Uint8Array | undefined =>
    this.#boundIp ?? this.#addresses.reachedBy(ip, this.#parts.nowMs());
}

class PacketSource implements RequestSource {
  readonly host: string;
  readonly ip: Uint8Array;
  readonly isLoopback: boolean;
  readonly #reachedIpOf: (ip: Uint8Array) => Uint8Array | undefined;

  constructor(host: string, ip: Uint8Array, reachedIpOf: (ip: Uint8Array) => Uint8Array | undefined) {
    this.host = host;
    this.ip = ip;
    this.isLoopback = isLoopbackIp(ip);
    this.#reachedIpOf = reachedIpOf;
  }

  get reachedIp(): Uint8Array | undefined {
    return this.#reachedIpOf(this.ip);
  }
}

function isWildcard(host: string): boolean {
  return host === '::' || host === '0.0.0.0';
}

/** Without a listener, an answer that cannot be sent would be an error of the socket. */
function ignore(): void {
  // Its receiver asks again.
}
