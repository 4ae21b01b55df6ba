/**
 * Who sent a request: the address of the connection, or, when a trusted proxy sent it, the one that the proxy names.
 * Nothing else that a request says about its sender is believed.
 */
import type { IncomingMessage } from 'node:http';
import { BlockList, isIP, type Socket } from 'node:net';
import { OptionError } from '../errors.js';
import { normaliseHost } from '../protocol/peer-address.js';
import { isLoopbackIp, parseIp } from '../protocol/ip-address.js';

export interface RequestSource {
  /** As text, IPv4-mapped addresses as IPv4: the key for limits. */
  readonly host: string;
  /** 16 bytes. */
  readonly ip: Uint8Array;
  readonly isLoopback: boolean;
  /** Our address on which the request came in; undefined when it came through a proxy. */
  readonly reachedIp: Uint8Array | undefined;
}

export class RequestSources {
  readonly #trusted = new BlockList();
  readonly #hasTrusted: boolean;
  /** A kept-alive connection sends many requests. */
  readonly #bySocket = new WeakMap<Socket, RequestSource>();

  /**
   * @param trustedProxies addresses or subnets (`10.0.0.0/8`) whose `X-Forwarded-For` is believed
   * @throws {P2P_OPTION_INVALID} when one is neither
   */
  constructor(trustedProxies: readonly string[]) {
    for (const proxy of trustedProxies) this.#trust(proxy);
    this.#hasTrusted = trustedProxies.length > 0;
  }

  /** Whether a connection comes from a proxy that is trusted. */
  isTrustedProxy(host: string): boolean {
    if (!this.#hasTrusted) return false;
    const plain = normaliseHost(host);
    return this.#trusted.check(plain, isIP(plain) === 6 ? 'ipv6' : 'ipv4');
  }

  /** The other end of a connection. @returns undefined when it is gone */
  sourceOfSocket(socket: Socket): RequestSource | undefined {
    const { remoteAddress } = socket;
    if (remoteAddress === undefined) return undefined;
    const host = normaliseHost(remoteAddress);
    const ip = parseIp(host);
    return ip && new SocketSource(socket, host, ip);
  }

  /** @returns undefined when the connection is gone, or a trusted proxy names no address */
  sourceOf(request: IncomingMessage): RequestSource | undefined {
    const { socket } = request;
    let source = this.#bySocket.get(socket);
    if (!source) {
      source = this.sourceOfSocket(socket);
      if (source) this.#bySocket.set(socket, source);
    }
    if (!source || !this.isTrustedProxy(source.host)) return source;
    const forwardedFor = request.headers['x-forwarded-for'];
    return forwardedFor === undefined ? source : this.#forwarded(String(forwardedFor));
  }

  /** The last address in the chain that is no trusted proxy: those before it are only what the sender claims. */
  #forwarded(forwardedFor: string): RequestSource | undefined {
    const chain = forwardedFor.split(',').map((part) => part.trim());
    for (const host of chain.reverse()) {
      if (isIP(host) === 0) return undefined;
      if (!this.isTrustedProxy(host)) return forwardedSource(host);
    }
    return undefined;
  }

  #trust(proxy: string): void {
    const [address = '', prefix] = proxy.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    const widest = family === 'ipv6' ? 128 : 32;
    const bits = prefix === undefined ? widest : /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN;
    if (isIP(address) === 0 || !(bits <= widest)) {
      throw new OptionError(`trusted proxy '${proxy}' is no IP address and no subnet such as 10.0.0.0/8`);
    }
    this.#trusted.addSubnet(address, bits, family);
  }
}

/** The address on which a connection came in costs a system call, and is seldom asked for. */
class SocketSource implements RequestSource {
  readonly host: string;
  readonly ip: Uint8Array;
  readonly isLoopback: boolean;
  readonly #socket: Socket;

  constructor(socket: Socket, host: string, ip: Uint8Array) {
    this.#socket = socket;
    this.host = host;
    this.ip = ip;
    this.isLoopback = isLoopbackIp(ip);
  }

  get reachedIp(): Uint8Array | undefined {
    const { localAddress } = this.#socket;
    return localAddress === undefined ? undefined : parseIp(localAddress);
  }
}

function forwardedSource(host: string): RequestSource | undefined {
  const ip = parseIp(host);
  return ip && { host: normaliseHost(host), ip, isLoopback: isLoopbackIp(ip), reachedIp: undefined };
}
