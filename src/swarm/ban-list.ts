/**
 * Who did damage, and who is shut out for it. On the open internet an address stands for a peer (of IPv6 the network, of
 * which a liar has every address). On loopback and in
 * private ranges many peers share one, so there the peer is known by its peer id and by the port that it listens on:
 * one liar does not ban an office.
 */
import { formatAddress, isPrivateHost, networkOf, type PeerAddress, type PeerId } from '../protocol/peer-address.js';

/** Points of blame. A peer is banned at `BAN_POINTS`. */
export const BLAME = {
  /** It broke a rule of the protocol. */
  protocol: 1,
  /** A piece that came from it alone failed its hash. */
  failedPiece: 2,
  /** A comparison of blocks proved that it sent a wrong one. */
  provenLie: 4,
} as const;

const BAN_POINTS = 4;
/** Entries kept; the oldest is forgotten, so that strangers cannot fill our memory. */
const MOST_ENTRIES = 10_000;

export class BanList {
  readonly #points = new Map<string, number>();
  /** Blame key → the key of the address that this peer listens on. */
  readonly #listening = new Map<string, string>();

  /** What names a peer in block sources: the same across its connections, in either direction. */
  blameKey(address: PeerAddress, peerId: PeerId): string {
    return isPrivateHost(address.host) ? `id:${peerId}` : networkOf(address.host);
  }

  /** The peer listens at this address: we dialled it there, or it said so. Blame now sticks to the address too. */
  learnAddress(blameKey: string, address: PeerAddress): void {
    const addressKey = keyOfAddress(address);
    if (addressKey !== blameKey) remember(this.#listening, blameKey, addressKey);
  }

  /**
   * Counts damage.
   * @param points one of `BLAME`
   * @returns whether the peer is banned by this very blame
   */
  blame(blameKey: string, points: number): boolean {
    if (this.isBanned(blameKey)) return false;
    this.#add(blameKey, points);
    const addressKey = this.#listening.get(blameKey);
    if (addressKey !== undefined) this.#add(addressKey, points);
    return this.isBanned(blameKey);
  }

  isBanned(blameKey: string): boolean {
    const addressKey = this.#listening.get(blameKey);
    return this.#isOver(blameKey) || (addressKey !== undefined && this.#isOver(addressKey));
  }

  /** Whether whoever listens at this address is banned. */
  isAddressBanned(address: PeerAddress): boolean {
    // Asked of every known peer, and mostly nobody is.
    return this.#points.size > 0 && this.#isOver(keyOfAddress(address));
  }

  #add(key: string, points: number): void {
    remember(this.#points, key, (this.#points.get(key) ?? 0) + points);
  }

  #isOver(key: string): boolean {
    return (this.#points.get(key) ?? 0) >= BAN_POINTS;
  }
}

function keyOfAddress(address: PeerAddress): string {
  return isPrivateHost(address.host) ? formatAddress(address) : networkOf(address.host);
}

function remember<Value>(map: Map<string, Value>, key: string, value: Value): void {
  map.set(key, value);
  if (map.size <= MOST_ENTRIES) return;
  const [oldest] = map.keys();
  if (oldest !== undefined) map.delete(oldest);
}
