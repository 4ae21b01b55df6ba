/**
 * Canonical peer priority (BEP 40): a number that both ends of a connection compute alike, and nobody can choose. Who has
 * more candidates than places prefers the higher ones, so that the swarm becomes a random graph, and an attacker with
 * many addresses in one network gets few places.
 */
import { packIp } from '../protocol/ip-address.js';
import type { PeerAddress } from '../protocol/peer-address.js';

/** CRC-32C (Castagnoli), bits reversed. */
const POLYNOMIAL = 0x82f63b78;
/** Bits that count of a byte behind the network's: peers of one network get priorities that differ less. */
const HOST_MASK = 0x55;

/**
 * @param ours our address as the other end sees it, with the port that we listen on
 * @param theirs with the port that it listens on, which counts only when both hosts are the same
 * @returns 0 to 2³² − 1, or undefined for names and for addresses of different families
 */
export function peerPriority(ours: PeerAddress, theirs: PeerAddress): number | undefined {
  const one = packIp(ours.host);
  const other = packIp(theirs.host);
  if (!one || one.length !== other?.length) return undefined;
  const alike = one.findIndex((byte, at) => byte !== other[at]);
  if (alike < 0) return crc32c(inOrder(portBytes(ours.port), portBytes(theirs.port)));
  // IPv4: /16 counts whole, or one byte more than both have in common; IPv6: /48.
  const whole = Math.max(one.length === 4 ? 2 : 6, alike + 1);
  return crc32c(inOrder(masked(one, whole), masked(other, whole)));
}

function portBytes(port: number): Uint8Array {
  return Uint8Array.of(port >> 8, port & 0xff);
}

function masked(ip: Uint8Array, wholeBytes: number): Uint8Array {
  return ip.map((byte, at) => (at < wholeBytes ? byte : byte & HOST_MASK));
}

/** Both, the lower one first. */
function inOrder(one: Uint8Array, other: Uint8Array): Uint8Array {
  const differing = one.findIndex((byte, at) => byte !== other[at]);
  const isInOrder = differing < 0 || (one[differing] ?? 0) < (other[differing] ?? 0);
  return Uint8Array.from(isInOrder ? [...one, ...other] : [...other, ...one]);
}

function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? POLYNOMIAL : 0);
  }
  return ~crc >>> 0;
}
