/**
 * The peers of one swarm, packed: a record of 44 bytes each and, in larger swarms, an index of 8 to 20 bytes. The records
 * are a run of a slab that all swarms share.
 *
 * Records lie without gaps in two runs, so that peers can be picked at random without looking at the others:
 *
 *     slot  0 ........ downloaderCount ........ count
 *           downloaders | peers that only upload (seeds, partial seeds)
 *
 * Each is in two parts, the heads of all before the tails of all. Naming an IPv4 peer needs its head alone: most of the
 * cost is waiting for memory, and 65,000 heads find room in a processor's cache (measured: `npm run bench tracker`).
 *
 * Adding and removing fill the hole with the last record of the run; a peer that changes its run changes places with one
 * at the border. The key of a record is its address and port. Thread: the tracker's only one. No clock, no chance but the
 * seed of the hash.
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

/** Where the fields of a head lie, in bytes. An IPv4 address and the port lie as they are sent (BEP 23). */
export const PEER_HEAD = {
  /** The last 4 bytes of the address, which are all of an IPv4 address. */
  ipEnd: 0,
  /** 2 bytes, big-endian. */
  port: 4,
  /** 1 byte: the role in the lowest bits, and what the address is, `ADDRESS_IS`. */
  state: 6,
  /** 1 byte: `peerIdCheck`. */
  idCheck: 7,
  /** 4 bytes in the order of this machine, seconds. */
  heardAt: 8,
  length: 12,
} as const;

/** Where the fields of a tail lie, in bytes. */
export const PEER_TAIL = {
  /** The first 12 bytes of the address. */
  ipStart: 0,
  /** 20 bytes. */
  peerId: 12,
  length: 32,
} as const;

export const PEER_RECORD_BYTES = PEER_HEAD.length + PEER_TAIL.length;

/** Bits of `PEER_HEAD.state`, so that naming a peer needs no look at all its bytes. */
export const ADDRESS_IS = { ipv4: 4, loopback: 8 } as const;
const ROLE_BITS = 3;

/** What tables of one registry share. */
export interface PeerTableShare {
  /** Of records of `PEER_RECORD_BYTES`. */
  readonly slab: RecordSlab;
  /** A secret whole number below 2^32, so that nobody can choose addresses that collide. */
  readonly hashSeed: number;
}

const PEER_ID_BYTES = 20;
const IP_START_BYTES = 12;

const ROLES = ['downloader', 'partial-seed', 'seed'] as const;
/** Up to this many peers are found by looking at each; more get the index. */
const SCAN_LIMIT = 8;

/** A byte of a peer id: two with different ones are different, so that all of it is seldom read. */
export function peerIdCheck(peerId: Uint8Array): number {
  let check = 0;
  for (let at = 0; at < PEER_ID_BYTES; at += 1) check = Math.imul(check ^ (peerId[at] ?? 0), 0x01000193);
  return (check >>> 16) & 0xff;
}

export class PeerTable {
  /** Peers that finished while they were here (BEP 48, `downloaded`). */
  completedCount = 0;
  readonly #share: PeerTableShare;
  #page: SlabPage;
  /** Of the first head and of the first tail, in bytes. */
  #headStart: number;
  #tailStart: number;
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
    this.#headStart = share.slab.takeRun(this.#page);
    this.#tailStart = this.#headStart + this.#page.capacity * PEER_HEAD.length;
  }

  /** Gives the memory back; nothing else may be called afterwards. */
  release(): void {
    this.#share.slab.giveRun(this.#page, this.#headStart);
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
    if (slot < 0) {
      this.#append(peer);
      return undefined;
    }
    const oldRole = this.roleAt(slot);
    if (oldRole === 'seed') this.#seedCount -= 1;
    if (peer.role === 'seed') this.#seedCount += 1;
    this.#writeState(this.#slotInRunOf(peer.role, slot), peer);
    return oldRole;
  }

  /** The slot of a peer, or -1. A slot holds until the next `put` or `removeAt`. */
  find(ip: Uint8Array, port: number): number {
    if (this.#index) return (this.#index[this.#placeOf(this.#index, ip, port)] ?? 0) - 1;
    for (let slot = 0; slot < this.#count; slot += 1) if (this.#isAt(slot, ip, port)) return slot;
    return -1;
  }

  /** Removes the peer in a slot; the last record of its run takes its place. */
  removeAt(slot: number): void {
    if (this.roleAt(slot) === 'seed') this.#seedCount -= 1;
    if ((this.#stateAt(slot) & ADDRESS_IS.ipv4) !== 0) this.#ipv4Count -= 1;
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
    return ROLES[this.#stateAt(slot) & ROLE_BITS] ?? 'downloader';
  }

  heardAtSecAt(slot: number): number {
    return this.#page.words[(this.headOf(slot) + PEER_HEAD.heardAt) >>> 2] ?? 0;
  }

  /** Memory with all records, and more: see `headOf` and `tailOf`. A view, valid until the next change. */
  get records(): Uint8Array {
    return this.#page.bytes;
  }

  /** The same memory by four bytes, in the order of this machine. */
  get recordWords(): Uint32Array {
    return this.#page.words;
  }

  /** Where the head of a slot begins in `records`; the next one follows it. */
  headOf(slot: number): number {
    return this.#headStart + slot * PEER_HEAD.length;
  }

  /** Where the tail of a slot begins in `records`; the next one follows it. */
  tailOf(slot: number): number {
    return this.#tailStart + slot * PEER_TAIL.length;
  }

  #stateAt(slot: number): number {
    return this.#page.bytes[this.headOf(slot) + PEER_HEAD.state] ?? 0;
  }

  #portAt(slot: number): number {
    const at = this.headOf(slot) + PEER_HEAD.port;
    return ((this.#page.bytes[at] ?? 0) << 8) | (this.#page.bytes[at + 1] ?? 0);
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
    if (this.#index) this.#index[this.#placeOf(this.#index, peer.ip, peer.port)] = slot + 1;
  }

  /** Changes places with a peer at the border of the runs where a role asks for the other run. @returns the slot then */
  #slotInRunOf(role: PeerRole, slot: number): number {
    const isDownloader = slot < this.#downloaderCount;
    if (isDownloader === (role === 'downloader')) return slot;
    if (isDownloader) this.#downloaderCount -= 1;
    const border = this.#downloaderCount;
    if (!isDownloader) this.#downloaderCount += 1;
    this.#swap(slot, border);
    return border;
  }

  #write(slot: number, peer: PeerRecord): void {
    const { bytes } = this.#page;
    const [head, tail] = [this.headOf(slot), this.tailOf(slot)];
    copyBytes(peer.ip, bytes, { start: 0, at: tail + PEER_TAIL.ipStart, length: IP_START_BYTES });
    copyBytes(peer.ip, bytes, { start: IP_START_BYTES, at: head + PEER_HEAD.ipEnd, length: IP_BYTES - IP_START_BYTES });
    bytes[head + PEER_HEAD.port] = peer.port >>> 8;
    bytes[head + PEER_HEAD.port + 1] = peer.port;
    bytes[head + PEER_HEAD.state] =
      (isIpv4(peer.ip) ? ADDRESS_IS.ipv4 : 0) | (isLoopbackIp(peer.ip) ? ADDRESS_IS.loopback : 0);
    this.#writeState(slot, peer);
  }

  /** What changes while a peer is here: all but its key. */
  #writeState(slot: number, { role, heardAtSec, peerId }: PeerRecord): void {
    const { bytes, words } = this.#page;
    const head = this.headOf(slot);
    bytes[head + PEER_HEAD.state] = (this.#stateAt(slot) & ~ROLE_BITS) | ROLES.indexOf(role);
    bytes[head + PEER_HEAD.idCheck] = peerIdCheck(peerId);
    words[(head + PEER_HEAD.heardAt) >>> 2] = heardAtSec;
    copyBytes(peerId, bytes, { start: 0, at: this.tailOf(slot) + PEER_TAIL.peerId, length: PEER_ID_BYTES });
  }

  /** Two records change places. */
  #swap(slot: number, other: number): void {
    if (slot === other) return;
    if (this.#index) {
      const [place, otherPlace] = [this.#placeOfSlot(this.#index, slot), this.#placeOfSlot(this.#index, other)];
      this.#index[place] = other + 1;
      this.#index[otherPlace] = slot + 1;
    }
    swapWords(this.#page.words, this.headOf(slot), this.headOf(other), PEER_HEAD.length);
    swapWords(this.#page.words, this.tailOf(slot), this.tailOf(other), PEER_TAIL.length);
  }

  /** Moves a record into a hole and mends the index. */
  #move(from: number, to: number): void {
    if (from === to) return;
    if (this.#index) this.#index[this.#placeOfSlot(this.#index, from)] = to + 1;
    const { bytes } = this.#page;
    copyBytes(bytes, bytes, { start: this.headOf(from), at: this.headOf(to), length: PEER_HEAD.length });
    copyBytes(bytes, bytes, { start: this.tailOf(from), at: this.tailOf(to), length: PEER_TAIL.length });
  }

  /** Moves all to a run of another length. @param room records that it must hold; at least as many as there are */
  #resize(room: number): void {
    if (capacityFor(room) === this.#page.capacity) return;
    const { slab } = this.#share;
    const [oldPage, oldHeads, oldTails] = [this.#page, this.#headStart, this.#tailStart];
    this.#page = slab.pageFor(room);
    this.#headStart = slab.takeRun(this.#page);
    this.#tailStart = this.#headStart + this.#page.capacity * PEER_HEAD.length;
    const { bytes } = this.#page;
    bytes.set(oldPage.bytes.subarray(oldHeads, oldHeads + this.#count * PEER_HEAD.length), this.#headStart);
    bytes.set(oldPage.bytes.subarray(oldTails, oldTails + this.#count * PEER_TAIL.length), this.#tailStart);
    slab.giveRun(oldPage, oldHeads);
    this.#fitIndex();
  }

  /** Makes the index anew when it has the wrong length; the slots are what they were. */
  #fitIndex(): void {
    const { capacity } = this.#page;
    const length = capacity <= SCAN_LIMIT ? 0 : 2 ** Math.ceil(Math.log2(capacity * 2));
    if (length === (this.#index?.length ?? 0)) return;
    this.#index = undefined;
    if (length === 0) return;
    const index = new Uint32Array(length);
    for (let slot = 0; slot < this.#count; slot += 1) {
      let place = this.#hashOfSlot(slot) & (length - 1);
      while (index[place] !== 0) place = (place + 1) & (length - 1);
      index[place] = slot + 1;
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
      const home = this.#hashOfSlot(entry - 1) & mask;
      // Whether `home` lies cyclically outside (gap, place]: then the entry may move up into the gap.
      if (((place - home) & mask) < ((place - gap) & mask)) continue;
      index[gap] = entry;
      index[place] = 0;
      gap = place;
    }
  }

  #placeOfSlot(index: Uint32Array, slot: number): number {
    const mask = index.length - 1;
    let place = this.#hashOfSlot(slot) & mask;
    while (index[place] !== slot + 1) place = (place + 1) & mask;
    return place;
  }

  /** Where the key stands in the index, or the empty place where it belongs. */
  #placeOf(index: Uint32Array, ip: Uint8Array, port: number): number {
    const mask = index.length - 1;
    let hash = mixBytes(this.#share.hashSeed ^ port, ip, IP_START_BYTES, IP_BYTES - IP_START_BYTES);
    if (!isIpv4(ip)) hash = mixBytes(hash, ip, 0, IP_START_BYTES);
    let place = finalMix(hash) & mask;
    for (;;) {
      const entry = index[place] ?? 0;
      if (entry === 0 || this.#isAt(entry - 1, ip, port)) return place;
      place = (place + 1) & mask;
    }
  }

  /** The same hash of the key of a record. */
  #hashOfSlot(slot: number): number {
    const { bytes } = this.#page;
    const ipEnd = this.headOf(slot) + PEER_HEAD.ipEnd;
    let hash = mixBytes(this.#share.hashSeed ^ this.#portAt(slot), bytes, ipEnd, IP_BYTES - IP_START_BYTES);
    if ((this.#stateAt(slot) & ADDRESS_IS.ipv4) === 0) {
      hash = mixBytes(hash, bytes, this.tailOf(slot) + PEER_TAIL.ipStart, IP_START_BYTES);
    }
    return finalMix(hash);
  }

  #isAt(slot: number, ip: Uint8Array, port: number): boolean {
    return this.#portAt(slot) === port && isIpOf(this.#page.bytes, this.headOf(slot), this.tailOf(slot), ip);
  }
}

/** Whether the record with this head and tail is of an address. @param ip 16 bytes */
export function isIpOf(records: Uint8Array, head: number, tail: number, ip: Uint8Array): boolean {
  // Addresses of one network differ at the end.
  for (let at = IP_BYTES - 1; at >= IP_START_BYTES; at -= 1) {
    if (records[head + PEER_HEAD.ipEnd + at - IP_START_BYTES] !== ip[at]) return false;
  }
  for (let at = IP_START_BYTES - 1; at >= 0; at -= 1) {
    if (records[tail + PEER_TAIL.ipStart + at] !== ip[at]) return false;
  }
  return true;
}

/** The address of the record with this head and tail: 16 bytes, a copy. */
export function ipOf(records: Uint8Array, head: number, tail: number): Uint8Array {
  const ip = new Uint8Array(IP_BYTES);
  copyBytes(records, ip, { start: tail + PEER_TAIL.ipStart, at: 0, length: IP_START_BYTES });
  copyBytes(records, ip, { start: head + PEER_HEAD.ipEnd, at: IP_START_BYTES, length: IP_BYTES - IP_START_BYTES });
  return ip;
}

interface Span {
  readonly start: number;
  /** Where it goes. */
  readonly at: number;
  readonly length: number;
}

/** Byte by byte: for so few, calls of `set` and `copyWithin` cost more than the copy. */
function copyBytes(from: Uint8Array, to: Uint8Array, { start, at, length }: Span): void {
  for (let byte = 0; byte < length; byte += 1) to[at + byte] = from[start + byte] ?? 0;
}

/** @param at in bytes, as `other` and `length`; all multiples of 4 */
function swapWords(words: Uint32Array, at: number, other: number, length: number): void {
  for (let byte = 0; byte < length; byte += 4) {
    const value = words[(at + byte) >>> 2] ?? 0;
    words[(at + byte) >>> 2] = words[(other + byte) >>> 2] ?? 0;
    words[(other + byte) >>> 2] = value;
  }
}

/** FNV-1a, from a secret start on. */
function mixBytes(hash: number, bytes: Uint8Array, start: number, length: number): number {
  let mixed = hash;
  for (let at = start; at < start + length; at += 1) mixed = Math.imul(mixed ^ (bytes[at] ?? 0), 0x01000193);
  return mixed;
}

/** The finaliser of MurmurHash3. */
function finalMix(hash: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
