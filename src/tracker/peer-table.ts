/**
 * The peers of one swarm, packed: a record of 44 bytes each and, in larger swarms, an index of 8 to 20 bytes. The records
 * are a run of a slab that all swarms share.
 *
 * Records lie without gaps in two runs, so that peers can be picked at random without looking at the others:
 *
 *     slot  0 ........ downloaderCount ........ count
 *           downloaders | peers that only upload (seeds, partial seeds)
 *
 * Adding, moving between the runs and removing fill the hole with the last record of the run. The key of a record is
 * its address and port. Thread: the tracker's only one. No clock, no chance but the seed of the hash.
 */
import { IP_BYTES, isIpv4, isLoopbackIp } from '../protocol/ip-address.js';
import { capacityFor, type RecordSlab, type SlabPage } from './record-slab.js';

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

/** Where the fields of a record lie, in bytes. An IPv4 address and the port lie as they are sent (BEP 23). */
export const PEER_RECORD = {
  /** 16 bytes. */
  ip: 0,
  /** 2 bytes, big-endian. */
  port: IP_BYTES,
  /** 1 byte. */
  role: 18,
  /** 1 byte: what the address is, `ADDRESS_IS`. */
  address: 19,
  /** 4 bytes in the order of this machine, seconds. */
  heardAt: 20,
  /** 20 bytes. */
  peerId: 24,
  length: 44,
} as const;

/** Bits of `PEER_RECORD.address`, so that naming a peer needs no look at all its bytes. */
export const ADDRESS_IS = { ipv4: 1, loopback: 2 } as const;

/** What tables of one registry share. */
export interface PeerTableShare {
  /** Of records of `PEER_RECORD.length` bytes. */
  readonly slab: RecordSlab;
  /** A secret whole number below 2^32, so that nobody can choose addresses that collide. */
  readonly hashSeed: number;
}

const RECORD_BYTES = PEER_RECORD.length;

const ROLES = ['downloader', 'partial-seed', 'seed'] as const;
/** Up to this many peers are found by looking at each; more get the index. */
const SCAN_LIMIT = 8;

export class PeerTable {
  /** Peers that finished while they were here (BEP 48, `downloaded`). */
  completedCount = 0;
  readonly #share: PeerTableShare;
  #page: SlabPage;
  /** Of the first record, in bytes. */
  #start: number;
  /** Slot + 1 by hash, open addressing, 0 is empty; undefined in small swarms. Never more than half full. */
  #index: Uint32Array | undefined;
  #count = 0;
  #ipv4Count = 0;
  #downloaderCount = 0;
  #seedCount = 0;

  /** An empty table has room for one peer; `release` must follow when it is empty again. */
  constructor(share: PeerTableShare) {
    this.#share = share;
    this.#page = share.slab.pageFor(1);
    this.#start = share.slab.takeRun(this.#page);
  }

  /** Gives the memory back; nothing else may be called afterwards. */
  release(): void {
    this.#share.slab.giveRun(this.#page, this.#start);
  }

  get count(): number {
    return this.#count;
  }

  /** Those with an IPv4 address. */
  get ipv4Count(): number {
    return this.#ipv4Count;
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
    if (((this.#page.bytes[this.offsetOf(slot) + PEER_RECORD.address] ?? 0) & ADDRESS_IS.ipv4) !== 0) {
      this.#ipv4Count -= 1;
    }
    this.#forget(slot);
    let hole = slot;
    if (slot < this.#downloaderCount) {
      this.#downloaderCount -= 1;
      this.#move(this.#downloaderCount, hole);
      hole = this.#downloaderCount;
    }
    this.#count -= 1;
    this.#move(this.#count, hole);
    // Half of the room stays free at least, so that peers that come and go do not have it moved each time.
    if (this.#count > 0 && this.#count <= this.#page.capacity >>> 2) this.#resize(this.#page.capacity >>> 1);
  }

  roleAt(slot: number): PeerRole {
    return ROLES[this.#page.bytes[this.offsetOf(slot) + PEER_RECORD.role] ?? 0] ?? 'downloader';
  }

  heardAtSecAt(slot: number): number {
    return this.#page.words[(this.offsetOf(slot) + PEER_RECORD.heardAt) >>> 2] ?? 0;
  }

  portAt(slot: number): number {
    const at = this.offsetOf(slot) + PEER_RECORD.port;
    return ((this.#page.bytes[at] ?? 0) << 8) | (this.#page.bytes[at + 1] ?? 0);
  }

  /** Memory with all records, and more: see `offsetOf`. A view, valid until the next change. */
  get records(): Uint8Array {
    return this.#page.bytes;
  }

  /** Where the record of a slot begins in `records`. */
  offsetOf(slot: number): number {
    return this.#start + slot * RECORD_BYTES;
  }

  #append(peer: PeerRecord): void {
    if (this.#count === this.#page.capacity) this.#resize(this.#count + 1);
    let slot = this.#count;
    this.#count += 1;
    if (peer.role === 'downloader') {
      this.#move(this.#downloaderCount, slot);
      slot = this.#downloaderCount;
      this.#downloaderCount += 1;
    }
    if (peer.role === 'seed') this.#seedCount += 1;
    if (isIpv4(peer.ip)) this.#ipv4Count += 1;
    this.#write(slot, peer);
    if (this.#index) this.#index[this.#placeOf(this.#index, peer.ip, 0, peer.port)] = slot + 1;
  }

  #write(slot: number, peer: PeerRecord): void {
    const at = this.offsetOf(slot);
    const { bytes, words } = this.#page;
    bytes.set(peer.ip, at);
    bytes[at + PEER_RECORD.port] = peer.port >>> 8;
    bytes[at + PEER_RECORD.port + 1] = peer.port;
    bytes[at + PEER_RECORD.role] = ROLES.indexOf(peer.role);
    bytes[at + PEER_RECORD.address] =
      (isIpv4(peer.ip) ? ADDRESS_IS.ipv4 : 0) | (isLoopbackIp(peer.ip) ? ADDRESS_IS.loopback : 0);
    words[(at + PEER_RECORD.heardAt) >>> 2] = peer.heardAtSec;
    bytes.set(peer.peerId, at + PEER_RECORD.peerId);
  }

  /** Moves a record into a hole and mends the index. */
  #move(from: number, to: number): void {
    if (from === to) return;
    if (this.#index) this.#index[this.#placeOfSlot(this.#index, from)] = to + 1;
    const at = this.offsetOf(from);
    this.#page.bytes.copyWithin(this.offsetOf(to), at, at + RECORD_BYTES);
  }

  /** Moves all to a run of another length. @param room records that it must hold; at least as many as there are */
  #resize(room: number): void {
    if (capacityFor(room) === this.#page.capacity) return;
    const { slab } = this.#share;
    const [oldPage, oldStart] = [this.#page, this.#start];
    this.#page = slab.pageFor(room);
    this.#start = slab.takeRun(this.#page);
    const used = oldPage.bytes.subarray(oldStart, oldStart + this.#count * RECORD_BYTES);
    this.#page.bytes.set(used, this.#start);
    slab.giveRun(oldPage, oldStart);
    this.#fitIndex();
  }

  /** Makes the index anew when it has the wrong length; the slots are what they were. */
  #fitIndex(): void {
    const { capacity, bytes } = this.#page;
    const length = capacity <= SCAN_LIMIT ? 0 : 2 ** Math.ceil(Math.log2(capacity * 2));
    if (length === (this.#index?.length ?? 0)) return;
    this.#index = undefined;
    if (length === 0) return;
    const index = new Uint32Array(length);
    for (let slot = 0; slot < this.#count; slot += 1) {
      index[this.#placeOf(index, bytes, this.offsetOf(slot), this.portAt(slot))] = slot + 1;
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
      const home = this.#hash(this.#page.bytes, this.offsetOf(entry - 1), this.portAt(entry - 1)) & mask;
      // Whether `home` lies cyclically outside (gap, place]: then the entry may move up into the gap.
      if (((place - home) & mask) < ((place - gap) & mask)) continue;
      index[gap] = entry;
      index[place] = 0;
      gap = place;
    }
  }

  #placeOfSlot(index: Uint32Array, slot: number): number {
    const mask = index.length - 1;
    let place = this.#hash(this.#page.bytes, this.offsetOf(slot), this.portAt(slot)) & mask;
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
    const start = this.offsetOf(slot);
    const records = this.#page.bytes;
    if (this.portAt(slot) !== port) return false;
    // From the end: addresses of one network differ there.
    for (let byte = IP_BYTES - 1; byte >= 0; byte -= 1) {
      if (records[start + byte] !== bytes[at + byte]) return false;
    }
    return true;
  }

  /** FNV-1a over address and port from a secret start, then mixed (the finaliser of MurmurHash3). */
  #hash(bytes: Uint8Array, at: number, port: number): number {
    let hash = this.#share.hashSeed ^ port;
    for (let byte = 0; byte < IP_BYTES; byte += 1) hash = Math.imul(hash ^ (bytes[at + byte] ?? 0), 0x01000193);
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    return (hash ^ (hash >>> 16)) >>> 0;
  }
}
