/**
 * By which of our addresses others reach us. A packet that came to a socket on all addresses does not say to which, so
 * it is the one in the sender's own network, else the one that packets to the outside leave from.
 */
import { createSocket } from 'node:dgram';
import { networkInterfaces, type NetworkInterfaceInfo } from 'node:os';
import { isIpv4, parseIp } from '../protocol/ip-address.js';

/** Interfaces come and go. */
const LOOK_EVERY_MS = 10_000;
/** Addresses for examples (RFC 5737, 3849): routed like any other, and nothing is sent. */
const OUTSIDE = { udp4: '192.0.2.1', udp6: '2001:db8::1' } as const;

interface Network {
  readonly address: Uint8Array;
  /** 16 bytes. */
  readonly mask: Uint8Array;
}

export class LocalAddresses {
  readonly #interfaces: () => NodeJS.Dict<NetworkInterfaceInfo[]>;
  #networks: readonly Network[] = [];
  #outside: readonly Uint8Array[] = [];
  #lookedAtMs = -Infinity;

  /** @param interfaces for tests; this machine's when left out */
  constructor(interfaces: () => NodeJS.Dict<NetworkInterfaceInfo[]> = networkInterfaces) {
    this.#interfaces = interfaces;
  }

  /** Asks by which addresses packets leave; without it, only the sender's own network is known. */
  async learnOutside(): Promise<void> {
    const found = await Promise.all([addressTowards('udp4'), addressTowards('udp6')]);
    this.#outside = found.flatMap((address) => (address === undefined ? [] : (parseIp(address) ?? [])));
  }

  /** The address of ours for a sender; undefined when none of its family is known. @param ip 16 bytes */
  reachedBy(ip: Uint8Array, nowMs: number): Uint8Array | undefined {
    if (nowMs - this.#lookedAtMs >= LOOK_EVERY_MS) this.#look(nowMs);
    const own = this.#networks.find(({ address, mask }) => isSameNetwork(address, ip, mask));
    if (own) return own.address;
    const isShort = isIpv4(ip);
    return (
      this.#outside.find((address) => isIpv4(address) === isShort) ??
      this.#networks.find(({ address }) => isIpv4(address) === isShort)?.address
    );
  }

  /** Small networks first: the most exact one counts. */
  #look(nowMs: number): void {
    this.#lookedAtMs = nowMs;
    const found = Object.values(this.#interfaces()).flatMap((addresses) => addresses ?? []);
    this.#networks = found
      .filter(({ internal }) => !internal)
      .flatMap((entry) => {
        const address = parseIp(entry.address);
        const mask = parseIp(entry.netmask);
        if (!address || !mask) return [];
        if (entry.family === 'IPv4') mask.fill(0xff, 0, 12);
        return [{ address, mask }];
      })
      .sort((a, b) => Buffer.compare(b.mask, a.mask));
  }
}

function isSameNetwork(one: Uint8Array, other: Uint8Array, mask: Uint8Array): boolean {
  return mask.every((bits, at) => (((one[at] ?? 0) ^ (other[at] ?? 0)) & bits) === 0);
}

/** The address that a packet to the outside would come from; undefined where there is no way out. */
async function addressTowards(type: keyof typeof OUTSIDE): Promise<string | undefined> {
  const socket = createSocket(type);
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.connect(9, OUTSIDE[type], resolve);
    });
    return socket.address().address;
  } catch (error) {
    if (error instanceof Error && 'syscall' in error) return undefined;
    throw error;
  } finally {
    socket.close();
  }
}
