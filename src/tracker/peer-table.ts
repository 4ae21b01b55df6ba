/**
 * The peers of one swarm, packed: a record of 44 bytes each and, in larger swarms, an index of 4 to 16 bytes.
 *
 * Records lie without gaps in two runs, so that peers can be picked at random without looking at the others:
 *
 *     slot  0 ........ downloaderCount ........ count
 *           downloaders | peers that only upload (seeds, partial seeds)
 *
 * Adding, moving between the runs and removing fill the hole with the last record of the run. The key of a record is
 * its address and port. Thread: the tracker's only one. No clock, no chance but the seed of the hash.
 */
import { IP_BYTES } from './ip-address.js';

/** What a peer is for the others. A partial seed wants nothing more, though it has not everything (BEP 21). */
export type PeerRole = 'downloader' | 'partial-seed' | 'seed';

/** What is kept of a peer. */
export interface PeerRecord {
  /** 16 bytes, see `ip-address.ts`. */
  readonly ip: Uint8Array;
  readonly port: number;
  readonly role: PeerRole;
  /** 20 bytes. */
  readonly peerId: Uint8Array;
  /** Whole seconds of the registry's clock. */
  readonly heardAtSec: number;
}

/** Where the fields of a record lie, in bytes; numbers are big-endian. */
export const PEER_RECORD = {
  /** 16 bytes. */
  ip: 0,
  /** 2 bytes. */
  port: IP_BYTES,
  /** 1 byte, then one that is spare. */
  role: 18,
  /** 4 bytes, seconds. */
  heardAt: 20,
  /** 20 bytes. */
  peerId: 24,
  length: 44,
} as const;

const RECORD_BYTES = PEER_RECORD.length;

const ROLES = ['downloader', 'partial-seed', 'seed'] as const;
/** Up to this many peers are found by looking at each; more get the index. */
const SCAN_LIMIT = 8;

export class PeerTable {
  /** Peers that finished while they were here (BEP 48, `downloaded`). */
  completedCount = 0;
  #records = new Uint8Array(0);
  /** Slot + 1 by hash, open addressing, 0 is empty; undefined in small swarms. Never more than half full. */
  #index: Uint32Array | undefined;
  #count = 0;
  #downloaderCount = 0;
  #seedCount = 0;
  readonly #hashSeed: number;

  /** @param hashSeed a secret whole number below 2^32, so that nobody can choose addresses that collide */
  constructor(hashSeed: number) {
    this.#hashSeed = hashSeed;
  }

  get count(): number {
    return this.#count;
  }

  get seedCount(): number {
    return this.#seedCount;
  }

  /** Downloaders alone; partial seeds are not among them. They are the slots below this number. */
  get downloaderCount(): number {
    return this.#downloaderCount;
  }

  /**
   * Adds the peer, or replaces what was known of its address and port.
   * @returns the role that it had until now; undefined when it is new
   */
  put(peer: PeerRecord): PeerRole | undefined {
    const slot = this.find(peer.ip, peer.port);
    const oldRole = slot < 0 ? undefined : this.roleAt(slot);
    if (slot >= 0 && (oldRole === 'downloader') === (peer.role === 'downloader')) {
      if (oldRole === 'seed') this.#seedCount -= 1;
      if (peer.role === 'seed') this.#seedCount += 1;
      this.#write(slot, peer);
      return oldRole;
    }
    if (slot >= 0) this.removeAt(slot);
    this.#append(peer);
    return oldRole;
  }

  /** The slot of a peer, or -1. A slot holds until the next `put` or `removeAt`. */
  find(ip: Uint8Array, port: number): number {
    if (this.#index) {
      const place = this.#placeOf(this.#index, ip, 0, port);
      return (this.#index[place] ?? 0) - 1;
    }
    for (let slot = 0; slot < this.#count; slot += 1) if (this.#isAt(slot, ip, 0, port)) return slot;
    return -1;
  }

  /** Removes the peer in a slot; the last record of its run takes its place. */
  removeAt(slot: number): void {
    if (this.roleAt(slot) === 'seed') this.#seedCount -= 1;
    this.#forget(slot);
    let hole = slot;
    if (slot < this.#downloaderCount) {
      this.#downloaderCount -= 1;
      this.#move(this.#downloaderCount, hole);
      hole = this.#downloaderCount;
    }
    this.#count -= 1;
    this.#move(this.#count, hole);
    if (this.#count < this.#capacity >>> 2 && this.#capacity > SCAN_LIMIT) this.#resize(this.#capacity >>> 1);
  }

  roleAt(slot: number): PeerRole {
    return ROLES[this.#records[slot * RECORD_BYTES + PEER_RECORD.role] ?? 0] ?? 'downloader';
  }

  heardAtSecAt(slot: number): number {
    const at = slot * RECORD_BYTES + PEER_RECORD.heardAt;
    const records = this.#records;
    return (
      ((records[at] ?? 0) * 0x1000000 +
        (((records[at + 1] ?? 0) << 16) | ((records[at + 2] ?? 0) << 8) | (records[at + 3] ?? 0))) >>>
      0
    );
  }

  portAt(slot: number): number {
    const at = slot * RECORD_BYTES + PEER_RECORD.port;
    return ((this.#records[at] ?? 0) << 8) | (this.#records[at + 1] ?? 0);
  }

  /** All records, one after another: `PEER_RECORD.length` bytes a slot. A view, valid until the next change. */
  get records(): Uint8Array {
    return this.#records;
  }

  get #capacity(): number {
    return this.#records.length / RECORD_BYTES;
  }

  #append(peer: PeerRecord): void {
    if (this.#count === this.#capacity) this.#resize(Math.max(1, this.#capacity * 2));
    let slot = this.#count;
    this.#count += 1;
    if (peer.role === 'downloader') {
      this.#move(this.#downloaderCount, slot);
      slot = this.#downloaderCount;
      this.#downloaderCount += 1;
    }
    if (peer.role === 'seed') this.#seedCount += 1;
    this.#write(slot, peer);
    if (this.#index) this.#index[this.#placeOf(this.#index, peer.ip, 0, peer.port)] = slot + 1;
  }

  #write(slot: number, peer: PeerRecord): void {
    const at = slot * RECORD_BYTES;
    const records = this.#records;
    records.set(peer.ip, at);
    records[at + PEER_RECORD.port] = peer.port >>> 8;
    records[at + PEER_RECORD.port + 1] = peer.port;
    records[at + PEER_RECORD.role] = ROLES.indexOf(peer.role);
    records[at + PEER_RECORD.heardAt] = peer.heardAtSec >>> 24;
    records[at + PEER_RECORD.heardAt + 1] = peer.heardAtSec >>> 16;
    records[at + PEER_RECORD.heardAt + 2] = peer.heardAtSec >>> 8;
    records[at + PEER_RECORD.heardAt + 3] = peer.heardAtSec;
    records.set(peer.peerId, at + PEER_RECORD.peerId);
  }

  /** Moves a record into a hole and mends the index. */
  #move(from: number, to: number): void {
    if (from === to) return;
    if (this.#index) this.#index[this.#placeOfSlot(this.#index, from)] = to + 1;
    const at = from * RECORD_BYTES;
    this.#records.copyWithin(to * RECORD_BYTES, at, at + RECORD_BYTES);
  }

  #resize(capacity: number): void {
    const records = new Uint8Array(capacity * RECORD_BYTES);
    records.set(this.#records.subarray(0, this.#count * RECORD_BYTES));
    this.#records = records;
    this.#index = undefined;
    if (capacity <= SCAN_LIMIT) return;
    const index = new Uint32Array(2 ** Math.ceil(Math.log2(capacity * 2)));
    for (let slot = 0; slot < this.#count; slot += 1) {
      index[this.#placeOf(index, records, slot * RECORD_BYTES, this.portAt(slot))] = slot + 1;
    }
    this.#index = index;
  }

  /** Takes a slot out of the index and closes the gap, so that no tombstones are left. */
  #forget(slot: number): void {
    const index = this.#index;
    if (!index) return;
    const mask = index.length - 1;
    let gap = this.#placeOfSlot(index, slot);
    index[gap] = 0;
    for (let place = (gap + 1) & mask; ; place = (place + 1) & mask) {
      const entry = index[place] ?? 0;
      if (entry === 0) return;
      const home = this.#hash(this.#records, (entry - 1) * RECORD_BYTES, this.portAt(entry - 1)) & mask;
      // Whether `home` lies cyclically outside (gap, place]: then the entry may move up into the gap.
      if (((place - home) & mask) < ((place - gap) & mask)) continue;
      index[gap] = entry;
      index[place] = 0;
      gap = place;
    }
  }

  #placeOfSlot(index: Uint32Array, slot: number): number {
    const mask = index.length - 1;
    let place = this.#hash(this.#records, slot * RECORD_BYTES, this.portAt(slot)) & mask;
    while (index[place] !== slot + 1) place = (place + 1) & mask;
    return place;
  }

  /** Where the key stands in the index, or the empty place where it belongs. */
  #placeOf(index: Uint32Array, bytes: Uint8Array, at: number, port: number): number {
    const mask = index.length - 1;
    let place = this.#hash(bytes, at, port) & mask;
    for (;;) {
      const entry = index[place] ?? 0;
      if (entry === 0 || this.#isAt(entry - 1, bytes, at, port)) return place;
      place = (place + 1) & mask;
    }
  }

  #isAt(slot: number, bytes: Uint8Array, at: number, port: number): boolean {
    const start = slot * RECORD_BYTES;
    if (this.portAt(slot) !== port) return false;
    // From the end: addresses of one network differ there.
    for (let byte = IP_BYTES - 1; byte >= 0; byte -= 1) {
      if (this.#records[start + byte] !== bytes[at + byte]) return false;
    }
    return true;
  }

  /** FNV-1a over address and port from a secret start, then mixed (the finaliser of MurmurHash3). */
  #hash(bytes: Uint8Array, at: number, port: number): number {
    let hash = this.#hashSeed ^ port;
    for (let byte = 0; byte < IP_BYTES; byte += 1) hash = Math.imul(hash ^ (bytes[at + byte] ?? 0), 0x01000193);
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    return (hash ^ (hash >>> 16)) >>> 0;
  }
}
