/**
 * What the tracker needs of a place where peers are kept. The one in memory is `TrackerRegistry`; another one lets
 * several trackers behind one address serve one swarm.
 */
import type { PeerRole } from './peer-table.js';

/** One announce, checked. Addresses are 16 bytes (`ip-address.ts`). */
export interface StoreAnnounce {
  /** The 20 bytes of the wire info hash as a string of 20 characters below 256. */
  readonly infoHash: string;
  /** Where the announce came from. */
  readonly ip: Uint8Array;
  /** The address of ours that it reached; undefined when unknown (behind a proxy on this host). */
  readonly reachedIp: Uint8Array | undefined;
  readonly port: number;
  /** 20 bytes. */
  readonly peerId: Uint8Array;
  readonly event: 'stopped' | 'completed' | 'other';
  readonly role: PeerRole;
  /** Most peers that the answer may name. */
  readonly numWant: number;
  /** The answer can name peers of this family alone (BEP 15). */
  readonly onlyFamily: 'ipv4' | 'ipv6' | undefined;
}

/** The state of one swarm. */
export interface SwarmCounts {
  readonly seeders: number;
  /** Everybody else, partial seeds among them. */
  readonly leechers: number;
  /** Leechers without the partial seeds (BEP 21). */
  readonly downloaders: number;
  /** How often a peer finished here since the tracker first saw this swarm. */
  readonly completed: number;
}

/**
 * Takes the peers of an answer, one by one.
 * @param records holds the peer's record (layout: `PEER_HEAD` and `PEER_TAIL`); a view, copy what is needed
 * @param head where the head of the record begins
 * @param tail where its tail begins
 * @param ip where the requester reaches the peer, when that is not the address in the record
 */
export type TakePeer = (records: Uint8Array, head: number, tail: number, ip: Uint8Array | undefined) => void;

export interface PeerStore {
  /**
   * Takes note of the sender and names peers to it.
   * @param nowMs monotonic
   * @returns the swarm after the announce; undefined when a new peer found no room
   */
  announce(announce: StoreAnnounce, nowMs: number, takePeer: TakePeer): SwarmCounts | undefined;
  /** The state of a swarm; zeros when nobody is in it. */
  scrape(infoHash: string): SwarmCounts;
  /**
   * Forgets peers that were not heard for too long; goes on where the last call ended.
   * @param maxPeers how many to look at
   * @returns how many were forgotten
   */
  sweep(nowMs: number, maxPeers: number): number;
  readonly peerCount: number;
  readonly seederCount: number;
  readonly swarmCount: number;
}
