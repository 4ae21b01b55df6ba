/**
 * Listening for peers, and how many strangers may be connected: in all, and from one address (many may share a private
 * one, an office has one public address; loopback is exempt). Who comes above that is refused before anything is read.
 */
import net from 'node:net';

import { OptionError } from '../errors.js';
import { isLoopbackHost, isPrivateHost, networkOf, normaliseHost, type PeerAddress } from '../protocol/peer-address.js';

const INCOMING_MOST = 512;
const INCOMING_MOST_PRIVATE_ADDRESS = 50;
const INCOMING_MOST_PUBLIC_ADDRESS = 8;

export class Listeners {
  readonly #onAccepted: (socket: net.Socket, address: PeerAddress) => void;
  readonly #servers: net.Server[] = [];
  readonly #countByNetwork = new Map<string, number>();
  #count = 0;

  constructor(onAccepted: (socket: net.Socket, address: PeerAddress) => void) {
    this.#onAccepted = onAccepted;
  }

  /**
   * @param host all addresses, IPv6 and IPv4, when left out
   * @returns the port
   * @throws {P2P_PORT_TAKEN} when another program listens there
   */
  async listen(host: string | undefined, port: number): Promise<number> {
    const server = net.createServer({ noDelay: true }, (socket) => {
      this.#accept(socket);
    });
    this.#servers.push(server);
    const bound = await listenOn(server, host, port);
    // Accepting may fail when descriptors run out: that peer tries again, those that are connected go on.
    server.on('error', () => undefined);
    return bound;
  }

  /** An accepted connection is over. */
  handleClosed(address: PeerAddress): void {
    this.#count -= 1;
    const network = networkOf(address.host);
    const left = (this.#countByNetwork.get(network) ?? 1) - 1;
    if (left > 0) this.#countByNetwork.set(network, left);
    else this.#countByNetwork.delete(network);
  }

  close(): void {
    for (const server of this.#servers) server.close();
  }

  #accept(socket: net.Socket): void {
    const address = { host: normaliseHost(socket.remoteAddress ?? ''), port: socket.remotePort ?? 0 };
    const network = networkOf(address.host);
    const fromThere = this.#countByNetwork.get(network) ?? 0;
    if (this.#count >= INCOMING_MOST || fromThere >= incomingMost(address.host)) {
      socket.on('error', () => undefined);
      socket.destroy();
      return;
    }
    this.#count += 1;
    this.#countByNetwork.set(network, fromThere + 1);
    this.#onAccepted(socket, address);
  }
}

function incomingMost(host: string): number {
  if (isLoopbackHost(host)) return INCOMING_MOST;
  return isPrivateHost(host) ? INCOMING_MOST_PRIVATE_ADDRESS : INCOMING_MOST_PUBLIC_ADDRESS;
}

/** All addresses are asked for in Node's way, without one: `::` is an address that it parses, by a regex of 17 ms. */
async function listenOn(server: net.Server, host: string | undefined, port: number): Promise<number> {
  try {
    const bound = await tryHost(server, host, port);
    if (host !== undefined || bound.family === 'IPv6') return bound.port;
    // Either there is no IPv6, or another program has that port of it, and who asks for us would be sent there.
    server.close();
    return (await listenOnAll(server, port)).port;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE' || code === 'EACCES') {
      const why = code === 'EACCES' ? 'may not be used by this user' : 'is taken by another program';
      throw new OptionError(`port ${port} ${why}; choose another with -p, or -p 0 for any`, { port }, 'P2P_PORT_TAKEN');
    }
    if (host !== undefined && code === 'EADDRNOTAVAIL') {
      throw new OptionError(`cannot listen on ${host}: this machine has no such address`, { address: host });
    }
    throw new OptionError(`cannot listen on ${host ?? 'any address'}, port ${port}: ${message}`, { port });
  }
}

async function listenOnAll(server: net.Server, port: number): Promise<net.AddressInfo> {
  try {
    return await tryHost(server, '::', port);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EAFNOSUPPORT' || code === 'EADDRNOTAVAIL') return await tryHost(server, '0.0.0.0', port);
    throw error;
  }
}

function tryHost(server: net.Server, host: string | undefined, port: number): Promise<net.AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ ...(host === undefined ? {} : { host }), port }, () => {
      server.off('error', reject);
      resolve(server.address() as net.AddressInfo);
    });
  });
}
