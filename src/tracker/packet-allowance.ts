/**
 * How many packets of each address are read: so many a second. Addresses of packets are easily forged, so the memory is
 * fixed: a table of counters by a keyed hash, made empty every second. Of IPv6 the network (/64) counts.
 */
import { isIpv4 } from '../protocol/ip-address.js';

const SLOTS = 65_536;
const NETWORK_BYTES = 8;

export class PacketAllowance {
  readonly #perSecond: number;
  readonly #seed: number;
  readonly #counts = new Uint16Array(SLOTS);
  #second = 0;

  /**
   * @param perSecond below 65,535
   * @param seed a secret whole number below 2^32, so that nobody can choose an address to hinder another one
   */
  constructor(perSecond: number, seed: number) {
    this.#perSecond = perSecond;
    this.#seed = seed;
  }

  /** Counts a packet. @param ip 16 bytes. @returns whether it may be read */
  take(ip: Uint8Array, nowMs: number): boolean {
    const second = Math.floor(nowMs / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#counts.fill(0);
    }
    const slot = this.#slotOf(ip);
    const count = this.#counts[slot] ?? 0;
    if (count >= this.#perSecond) return false;
    this.#counts[slot] = count + 1;
    return true;
  }

  /** FNV-1a from a secret start, then mixed. */
  #slotOf(ip: Uint8Array): number {
    const length = isIpv4(ip) ? ip.length : NETWORK_BYTES;
    let hash = this.#seed;
    for (let at = 0; at < length; at += 1) hash = Math.imul(hash ^ (ip[at] ?? 0), 0x01000193);
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    return (hash ^ (hash >>> 13)) & (SLOTS - 1);
  }
}
