/** Where a peer is reached, and what it is called. */
import { formatIp, parseIp } from './ip-address.js';

/** An IP address and a TCP port. IPv6 hosts carry no brackets; IPv4-mapped ones are written as IPv4. */
export interface PeerAddress {
  readonly host: string;
  readonly port: number;
}

declare const peerIdBrand: unique symbol;
/** A peer id (BEP 3, 20 bytes) as 40 lower-case hex digits. */
export type PeerId = string & { readonly [peerIdBrand]: true };

/** `host:port`, with brackets around IPv6: a key for maps and a text for people. */
export function formatAddress(address: PeerAddress): string {
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/**
 * One spelling for each address: IPv4 without the `::ffff:` that a dual-stack socket puts before it, IPv6 as in RFC 5952.
 * Names, and addresses with a zone (`fe80::1%eth0`), stay as they are.
 */
export function normaliseHost(host: string): string {
  // Sockets spell all others right.
  if (!/^::ffff:|^0|:0[0-9a-f]|:0:|[A-F]/.test(host) || !host.includes(':') || host.includes('%')) return host;
  const ip = parseIp(host);
  return ip ? formatIp(ip) : host;
}

/**
 * Who counts as one where strangers are counted or shut out: an address, but of public IPv6 the network (/64), in which
 * anybody has as many addresses as there are.
 */
export function networkOf(host: string): string {
  const plain = normaliseHost(host);
  if (!plain.includes(':') || isPrivateHost(plain)) return plain;
  const ip = parseIp(plain);
  return ip ? `${formatIp(ip.fill(0, NETWORK_BYTES))}/64` : plain;
}

const NETWORK_BYTES = 8;

/** Whether the host is this machine: 127.0.0.0/8 or ::1. */
export function isLoopbackHost(host: string): boolean {
  return host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(normaliseHost(host));
}

/** Whether many peers may share this address: loopback, private, link-local (RFC 1918, 4193, 3927, 4291, 6598). */
export function isPrivateHost(host: string): boolean {
  const plain = normaliseHost(host).toLowerCase();
  if (plain.includes(':')) return plain === '::1' || /^f[cd][0-9a-f]{2}:|^fe[89ab][0-9a-f]:/.test(plain);
  const [a = -1, b = -1] = plain.split('.').map(Number);
  return (
    a === 10 ||
    a === 127 ||
    (a === 172 && b >= 16 && b <= 31) ||
    (a === 192 && b === 168) ||
    (a === 169 && b === 254) ||
    (a === 100 && b >= 64 && b <= 127)
  );
}

/**
 * Whether a peer at `witness` may know of one at `host`, and we reach it by what we were told: a stranger from the
 * internet knows nothing of our own machine or our network, so what it says of addresses there is a trap. Link-local
 * addresses mean nothing to anybody else.
 */
export function isWithinReach(host: string, witness: string): boolean {
  const reach = reachOf(host);
  return reach !== REACH.link && reach >= reachOf(witness);
}

/** From where an address can be reached: this machine, this cable, this network, everywhere. */
const REACH = { machine: 0, link: 1, network: 2, world: 3 } as const;

function reachOf(host: string): number {
  if (isLoopbackHost(host)) return REACH.machine;
  if (/^(?:fe[89ab]|169\.254\.)/i.test(normaliseHost(host))) return REACH.link;
  return isPrivateHost(host) ? REACH.network : REACH.world;
}
