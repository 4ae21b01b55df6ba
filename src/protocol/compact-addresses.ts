/** Peers as trackers and peers list them: address and port, end to end, 6 bytes (BEP 23) or 18 (BEP 7). */
import { formatIp, isDialableIp, isIpv4, parseIp, unpackIp } from './ip-address.js';
import type { PeerAddress } from './peer-address.js';

/** Bytes of an address without its port. */
export type IpLength = 4 | 16;

/**
 * Calls `take` with each peer and its place in the list; those that nobody can dial (port 0, multicast, 0.0.0.0) are
 * passed over, and so is a rest that is no whole peer.
 * @param most how many places are looked at
 */
export function readCompactAddresses(
  bytes: Uint8Array,
  ipLength: IpLength,
  most: number,
  take: (address: PeerAddress, index: number) => void,
): void {
  const peerLength = ipLength + 2;
  const count = Math.min(Math.floor(bytes.length / peerLength), most);
  for (let index = 0; index < count; index += 1) {
    const at = index * peerLength;
    const ip = unpackIp(bytes.subarray(at, at + ipLength));
    const port = ((bytes[at + ipLength] ?? 0) << 8) | (bytes[at + ipLength + 1] ?? 0);
    if (port > 0 && isDialableIp(ip)) take({ host: formatIp(ip), port }, index);
  }
}

/** Peers of both families apart, each list with the places that its peers had in `addresses`. */
export interface CompactAddresses {
  readonly ipv4: Uint8Array;
  readonly ipv4Places: readonly number[];
  readonly ipv6: Uint8Array;
  readonly ipv6Places: readonly number[];
}

/** @param addresses IP addresses; a host that is a name is left out */
export function encodeCompactAddresses(addresses: readonly PeerAddress[]): CompactAddresses {
  const ipv4: number[] = [];
  const ipv6: number[] = [];
  const places = { ipv4: [] as number[], ipv6: [] as number[] };
  for (const [place, { host, port }] of addresses.entries()) {
    const ip = parseIp(host);
    if (!ip) continue;
    if (isIpv4(ip)) {
      ipv4.push(...ip.subarray(12), port >> 8, port & 0xff);
      places.ipv4.push(place);
    } else {
      ipv6.push(...ip, port >> 8, port & 0xff);
      places.ipv6.push(place);
    }
  }
  return {
    ipv4: Uint8Array.from(ipv4),
    ipv4Places: places.ipv4,
    ipv6: Uint8Array.from(ipv6),
    ipv6Places: places.ipv6,
  };
}
