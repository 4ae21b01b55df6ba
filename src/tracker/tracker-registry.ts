/**
 * Who is in which swarm, in memory. Pure: the time and the chance are given. Peers are keyed by info hash, address and
 * port, so that a peer that starts again replaces what it was.
 */
import { isIpv4, isLoopbackIp } from '../protocol/ip-address.js';
import type { PeerStore, StoreAnnounce, SwarmCounts, TakePeer } from './peer-store.js';
import {
  ADDRESS_IS,
  isIpOf,
  PEER_HEAD,
  PEER_RECORD_BYTES,
  PEER_TAIL,
  peerIdCheck,
  PeerTable,
  type PeerTableShare,
} from './peer-table.js';
import { RecordSlab } from './record-slab.js';

export interface TrackerRegistryOptions {
  /** How long a peer is kept that is not heard. */
  readonly expiryMs: number;
  /** Peers in all; a new one beyond that finds no room. */
  readonly maxPeers: number;
  /** Numbers from 0 up to, not including, 1. */
  readonly random: () => number;
}

/** A swarm that is being swept, and the slot to look at next. */
interface SweepPlace {
  readonly infoHash: string;
  readonly table: PeerTable;
  slot: number;
}

const NOBODY: SwarmCounts = { seeders: 0, leechers: 0, downloaders: 0, completed: 0 };
/** ::1 is kept as this, so that a peer that is reached by both is one; nearly every listener hears on IPv4. */
const LOOPBACK_IPV4 = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1);
const LOOPBACK_IPV6 = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);

export class TrackerRegistry implements PeerStore {
  readonly #swarms = new Map<string, PeerTable>();
  readonly #expirySec: number;
  readonly #maxPeers: number;
  readonly #random: () => number;
  readonly #share: PeerTableShare;
  #peerCount = 0;
  #seederCount = 0;
  /** Where `sweep` is: the swarms still to come, the one at hand, and its next slot, downwards. */
  #sweepRest: IterableIterator<[string, PeerTable]> | undefined;
  #sweepSwarm: SweepPlace | undefined;

  constructor(options: TrackerRegistryOptions) {
    this.#expirySec = Math.ceil(options.expiryMs / 1000);
    this.#maxPeers = options.maxPeers;
    this.#random = options.random;
    this.#share = {
      slab: new RecordSlab(PEER_RECORD_BYTES),
      hashSeed: Math.floor(options.random() * 2 ** 32),
    };
  }

  get peerCount(): number {
    return this.#peerCount;
  }

  get seederCount(): number {
    return this.#seederCount;
  }

  get swarmCount(): number {
    return this.#swarms.size;
  }

  announce(announce: StoreAnnounce, nowMs: number, takePeer: TakePeer): SwarmCounts | undefined {
    const ip =
      isLoopbackIp(announce.ip) && announce.ip[15] === 1 && announce.ip[10] === 0 ? LOOPBACK_IPV4 : announce.ip;
    // Peers on this host are named to it by loopback, wherever it reached us.
    const requester = ip === announce.ip ? announce : { ...announce, ip, reachedIp: undefined };
    if (announce.event === 'stopped') return this.#leave(requester);

    const table = this.#join(requester, Math.floor(nowMs / 1000));
    if (!table) return undefined;
    if (announce.numWant > 0) this.#pick(table, requester, Math.floor(nowMs / 1000), takePeer);
    return countsOf(table);
  }

  scrape(infoHash: string): SwarmCounts {
    const table = this.#swarms.get(infoHash);
    return table ? countsOf(table) : NOBODY;
  }

  sweep(nowMs: number, maxPeers: number): number {
    const oldestSec = Math.floor(nowMs / 1000) - this.#expirySec;
    const before = this.#peerCount;
    let left = maxPeers;
    while (left > 0) {
      const at = (this.#sweepSwarm ??= this.#nextSweepSwarm());
      if (!at) break;
      // A slot that goes down never meets a record that `removeAt` moved: those come from higher slots.
      for (at.slot = Math.min(at.slot, at.table.count - 1); at.slot >= 0 && left > 0; at.slot -= 1, left -= 1) {
        if (at.table.heardAtSecAt(at.slot) < oldestSec) this.#remove(at.infoHash, at.table, at.slot);
      }
      if (at.slot < 0) {
        this.#sweepSwarm = undefined;
        left -= 1;
      }
    }
    return before - this.#peerCount;
  }

  #nextSweepSwarm(): SweepPlace | undefined {
    this.#sweepRest ??= this.#swarms.entries();
    const next = this.#sweepRest.next();
    if (next.done) {
      this.#sweepRest = undefined;
      return undefined;
    }
    const [infoHash, table] = next.value;
    return { infoHash, table, slot: table.count - 1 };
  }

  #join(announce: StoreAnnounce, nowSec: number): PeerTable | undefined {
    let table = this.#swarms.get(announce.infoHash);
    if (this.#peerCount >= this.#maxPeers && !(table && table.find(announce.ip, announce.port) >= 0)) return undefined;
    if (!table) {
      table = new PeerTable(this.#share);
      this.#swarms.set(copyOf(announce.infoHash), table);
    }
    const seedsBefore = table.seedCount;
    const oldRole = table.put({
      ip: announce.ip,
      port: announce.port,
      role: announce.role,
      peerId: announce.peerId,
      heardAtSec: nowSec,
    });
    if (oldRole === undefined) this.#peerCount += 1;
    this.#seederCount += table.seedCount - seedsBefore;
    if (announce.event === 'completed' && oldRole !== 'seed') table.completedCount += 1;
    return table;
  }

  #leave(announce: StoreAnnounce): SwarmCounts {
    const table = this.#swarms.get(announce.infoHash);
    if (!table) return NOBODY;
    const slot = table.find(announce.ip, announce.port);
    if (slot >= 0) this.#remove(announce.infoHash, table, slot);
    return countsOf(table);
  }

  #remove(infoHash: string, table: PeerTable, slot: number): void {
    if (table.roleAt(slot) === 'seed') this.#seederCount -= 1;
    table.removeAt(slot);
    this.#peerCount -= 1;
    if (table.count > 0) return;
    this.#swarms.delete(infoHash);
    table.release();
  }

  /**
   * Names peers at random. The slots are cut into as many stretches as peers are wanted, and one is drawn from each:
   * O(wanted), no peer twice, each as likely as any other. In larger swarms it is a few neighbours from each of fewer
   * stretches: most of the cost is waiting for memory. Who only uploads is given downloaders only.
   */
  #pick(table: PeerTable, requester: StoreAnnounce, nowSec: number, takePeer: TakePeer): void {
    const slotCount = wantsSeeds(requester) ? table.count : table.downloaderCount;
    // One more than wanted, since the requester itself may be drawn.
    const drawCount = Math.min(slotCount, (requester.numWant + 1) * drawsForOne(table, requester.onlyFamily));
    const neighbours = slotCount > SPARSE * drawCount ? NEIGHBOURS : 1;
    const stretchCount = Math.ceil(drawCount / neighbours);
    const turn = Math.floor(this.#random() * slotCount);
    const naming = new Naming(table, requester, nowSec - this.#expirySec);
    let left = requester.numWant;
    let from = 0;
    for (let stretch = 1; stretch <= stretchCount && left > 0; stretch += 1) {
      const to = Math.floor((stretch * slotCount) / stretchCount);
      const freedom = to - from - neighbours;
      const first = turn + from + (freedom > 0 ? Math.floor(this.#random() * (freedom + 1)) : 0);
      for (let drawn = first; drawn < first + neighbours && left > 0; drawn += 1) {
        if (naming.name(drawn < slotCount ? drawn : drawn - slotCount, takePeer)) left -= 1;
      }
      from = to;
    }
  }
}

/**
 * aria2 says that nothing is left to fetch while it has only a magnet link, and would never hear of who has the metadata.
 * It is counted as the seed that it calls itself, but seeds are named to it.
 */
function wantsSeeds({ role, peerId }: StoreAnnounce): boolean {
  return role === 'downloader' || (role === 'seed' && ARIA2.every((byte, at) => peerId[at] === byte));
}

/** How the peer ids of aria2 begin. */
const ARIA2 = Buffer.from('A2-');

/** Swarms with more than so many peers for each that is wanted have neighbours drawn, so many at once. */
const SPARSE = 8;
const NEIGHBOURS = 4;

/** Where few peers are of the only family that can be named, so many are drawn for each at most. */
const MOST_DRAWS_FOR_ONE = 8;

function drawsForOne(table: PeerTable, family: StoreAnnounce['onlyFamily']): number {
  if (!family) return 1;
  const ofFamily = family === 'ipv4' ? table.ipv4Count : table.count - table.ipv4Count;
  if (ofFamily === 0 || ofFamily === table.count) return 1;
  // One more than on average, since it is by lot.
  return Math.min(MOST_DRAWS_FOR_ONE, Math.ceil(table.count / ofFamily) + 1);
}

/** Decides of single peers whether they are named to who asks, and by which address. */
class Naming {
  readonly #table: PeerTable;
  readonly #records: Uint8Array;
  readonly #words: Uint32Array;
  readonly #requester: StoreAnnounce;
  readonly #oldestSec: number;
  readonly #isRequesterLocal: boolean;
  /** What few others have, so that all of peer ids and addresses is seldom read. */
  readonly #idCheck: number;
  readonly #lastPortByte: number;
  /** See `hostIpFor`; undefined until it is needed. */
  #hostIp: Uint8Array | null | undefined;

  constructor(table: PeerTable, requester: StoreAnnounce, oldestSec: number) {
    this.#table = table;
    this.#records = table.records;
    this.#words = table.recordWords;
    this.#requester = requester;
    this.#oldestSec = oldestSec;
    this.#isRequesterLocal = isLoopbackIp(requester.ip);
    this.#idCheck = peerIdCheck(requester.peerId);
    this.#lastPortByte = requester.port & 0xff;
  }

  /** @returns whether the peer was named */
  name(slot: number, takePeer: TakePeer): boolean {
    const head = this.#table.headOf(slot);
    const tail = this.#table.tailOf(slot);
    const records = this.#records;
    if ((this.#words[(head + PEER_HEAD.heardAt) >>> 2] ?? 0) < this.#oldestSec) return false;
    const isLoopback = ((records[head + PEER_HEAD.state] ?? 0) & ADDRESS_IS.loopback) !== 0;
    const instead = isLoopback ? this.#insteadOfLoopback() : undefined;
    if (instead === null || (this.#requester.onlyFamily && !this.#isOfFamily(head, instead))) return false;
    if (this.#isSelf(head, tail, this.#isRequesterLocal ? undefined : instead)) return false;
    takePeer(records, head, tail, instead);
    return true;
  }

  /** Whether the peer is who asks: by its address as it would be given out, or by its peer id. */
  #isSelf(head: number, tail: number, instead: Uint8Array | undefined): boolean {
    const records = this.#records;
    const { peerId, ip, port } = this.#requester;
    if (records[head + PEER_HEAD.idCheck] === this.#idCheck && isAt(records, tail + PEER_TAIL.peerId, peerId)) {
      return true;
    }
    const portAt = head + PEER_HEAD.port;
    if (records[portAt + 1] !== this.#lastPortByte || records[portAt] !== port >>> 8) return false;
    return instead ? isAt(instead, 0, ip) : isIpOf(records, head, tail, ip);
  }

  /** The address to name instead of a loopback one; undefined when that is right, null when there is none. */
  #insteadOfLoopback(): Uint8Array | null | undefined {
    if (this.#isRequesterLocal) return this.#requester.onlyFamily === 'ipv6' ? LOOPBACK_IPV6 : undefined;
    if (this.#hostIp === undefined) this.#hostIp = hostIpFor(this.#requester);
    return this.#hostIp;
  }

  #isOfFamily(head: number, instead: Uint8Array | undefined): boolean {
    const state = this.#records[head + PEER_HEAD.state] ?? 0;
    const isShort = instead ? isIpv4(instead) : (state & ADDRESS_IS.ipv4) !== 0;
    return isShort === (this.#requester.onlyFamily === 'ipv4');
  }
}

/**
 * A peer that announced from loopback lives on this host, which others reach at the address where they reached us.
 * @returns null when no address is known that others can use
 */
function hostIpFor({ reachedIp }: StoreAnnounce): Uint8Array | null {
  return reachedIp && !isLoopbackIp(reachedIp) ? reachedIp : null;
}

/** Whether `part` lies at `offset`. */
function isAt(bytes: Uint8Array, offset: number, part: Uint8Array): boolean {
  for (let at = part.length - 1; at >= 0; at -= 1) if (bytes[offset + at] !== part[at]) return false;
  return true;
}

/** The same text, in memory of its own: a part of a longer text keeps all of that alive. */
function copyOf(infoHash: string): string {
  return Buffer.from(infoHash, 'latin1').toString('latin1');
}

function countsOf(table: PeerTable): SwarmCounts {
  return {
    seeders: table.seedCount,
    leechers: table.count - table.seedCount,
    downloaders: table.downloaderCount,
    completed: table.completedCount,
  };
}
