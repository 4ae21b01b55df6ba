/**
 * Connection ids of the UDP tracker (BEP 15): a keyed digest of an address and a stretch of time. Nothing is kept of those
 * who ask, and who does not read what goes to an address cannot guess its id.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { CONNECTION_ID_BYTES } from '../protocol/udp-tracker.js';
import { IP_BYTES } from '../protocol/ip-address.js';
import { CONNECTION_ID_SLOT_MS } from './tracker-limits.js';

export class ConnectionIds {
  readonly #key: Uint8Array;
  /** Address and number of the slot. */
  readonly #message = new Uint8Array(IP_BYTES + 4);

  /** @param key 32 secret bytes, made at the start: ids of an earlier run are not valid */
  constructor(key: Uint8Array) {
    this.#key = key;
  }

  /** @param ip 16 bytes. @returns 8 bytes, valid for two to four minutes */
  idFor(ip: Uint8Array, nowMs: number): Uint8Array {
    return this.#digest(ip, slotAt(nowMs));
  }

  /** Whether this address was given this id in this slot or in the one before. */
  isValid(id: Uint8Array, ip: Uint8Array, nowMs: number): boolean {
    const slot = slotAt(nowMs);
    return timingSafeEqual(id, this.#digest(ip, slot)) || timingSafeEqual(id, this.#digest(ip, slot - 1));
  }

  #digest(ip: Uint8Array, slot: number): Uint8Array {
    this.#message.set(ip);
    for (let byte = 0; byte < 4; byte += 1) this.#message[IP_BYTES + byte] = slot >>> (8 * byte);
    return createHmac('sha256', this.#key).update(this.#message).digest().subarray(0, CONNECTION_ID_BYTES);
  }
}

function slotAt(nowMs: number): number {
  return Math.floor(nowMs / CONNECTION_ID_SLOT_MS);
}
