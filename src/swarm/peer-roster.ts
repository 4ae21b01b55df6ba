/**
 * Which peers there are, whom to dial and when, and which connections may stay.
 *
 * - A downloader dials everybody. A seed dials whoever may still need something: a peer that only uploads is
 *   remembered as such for an hour.
 * - A failed dial or a lost connection backs off, doubling, with jitter. First bytes that were no BitTorrent handshake
 *   are no offence: they cost a short, constant wait.
 * - Who has more candidates than places dials those of the highest canonical priority (BEP 40), and gives a place that
 *   nobody uses to one of a higher. Hearsay (peer exchange, local discovery, the DHT) never displaces what a tracker named.
 * - Of two connections between the same two peers, the one that the peer with the higher id dialled stays; both ends
 *   compute that alike. Dialled by the same side, the newer one stays when it comes from the same host (the older one
 *   is dead, and only one side knows), else the older one.
 */
import {
  formatAddress,
  isLoopbackHost,
  isPrivateHost,
  networkOf,
  normaliseHost,
  type PeerAddress,
  type PeerId,
} from '../protocol/peer-address.js';
import { OwnAddress } from './own-address.js';
import { peerPriority } from './peer-priority.js';
import { isHearsay, type PeerSource } from './peer-source.js';
import type { CloseReason } from './swarm-events.js';

const MOST_HALF_OPEN = 16;
const MOST_KNOWN = 2_000;
/** Of these, what anybody may have told us. */
const MOST_HEARSAY = 1_000;
/** A share of the connections is left to those who dial us. */
const DIALLED_SHARE = 0.75;
const FIRST_BACK_OFF_MS = 2_000;
const LONGEST_BACK_OFF_MS = 300_000;
const MOST_FAILURES = 12;
const FOREIGN_BACK_OFF_MS = 10_000;
const UPLOAD_ONLY_MS = 3_600_000;
/** A connection that lasted so long makes up for earlier failures. */
const PROVEN_AFTER_MS = 30_000;
/** Connections from one address (of public IPv6: one network), so that one stranger cannot take all; loopback is exempt. */
const MOST_PER_PRIVATE_HOST = 50;
const MOST_PER_PUBLIC_HOST = 20;

export interface PeerRosterOptions {
  readonly ourPeerId: PeerId;
  /** Where we listen. */
  readonly ourPort: number;
  /** Most connections, those being dialled included. */
  readonly maxLinks: number;
  readonly random: () => number;
  /** Whether whoever listens there is shut out. */
  readonly isBanned: (address: PeerAddress) => boolean;
  /** Whether nothing would be lost if the connection ended. */
  readonly isSpare: (linkId: number) => boolean;
}

export interface Handshake {
  readonly linkId: number;
  readonly address: PeerAddress;
  readonly incoming: boolean;
  readonly peerId: PeerId;
}

/** Whether a new connection may stay; `replaced` is an older one to the same peer that has to go. */
export type Admission =
  | { readonly isAdmitted: true; readonly replaced: number | undefined }
  | { readonly isAdmitted: false; readonly why: string };

interface KnownPeer {
  readonly address: PeerAddress;
  source: PeerSource;
  /** 0 for whom to dial first, below 1. */
  rank: number;
  failures: number;
  nextDialMs: number;
  /** The connection that was dialled to it, also while it is half-open. */
  linkId: number | undefined;
  /** Who answered there last, or said that it listens there. */
  peerId: PeerId | undefined;
  isOurself: boolean;
  uploadOnlyUntilMs: number;
}

interface RosterLink {
  readonly linkId: number;
  readonly incoming: boolean;
  readonly host: string;
  readonly port: number;
  readonly peerId: PeerId;
  readonly sinceMs: number;
  known: KnownPeer | undefined;
}

export class PeerRoster {
  readonly #options: PeerRosterOptions;
  readonly #known = new Map<string, KnownPeer>();
  /** Dialled, no handshake yet. */
  readonly #halfOpen = new Map<number, KnownPeer>();
  readonly #links = new Map<number, RosterLink>();
  readonly #byPeerId = new Map<PeerId, number>();
  readonly #perNetwork = new Map<string, number>();
  #reservedCount = 0;
  readonly #ourAddress = new OwnAddress();
  /** Known addresses that are hearsay. */
  #hearsayCount = 0;

  constructor(options: PeerRosterOptions) {
    this.#options = options;
  }

  /** Addresses that we know and have no connection with. */
  get unconnectedCount(): number {
    let count = 0;
    for (const peer of this.#known.values()) if (!peer.isOurself && !this.#isConnected(peer)) count += 1;
    return count;
  }

  get halfOpenCount(): number {
    return this.#halfOpen.size;
  }

  get halfOpenLinkIds(): Iterable<number> {
    return this.#halfOpen.keys();
  }

  /** So many of the connections are web seeds'. */
  reserve(count: number): void {
    this.#reservedCount = count;
  }

  /** New addresses; those that are known already, and ports that nobody listens on, are passed over. */
  addAddresses(addresses: readonly PeerAddress[], source: PeerSource, nowMs: number): void {
    for (const address of addresses) this.#learn(address, source, nowMs);
  }

  /** How we heard of the peer at the other end. */
  sourceOf(linkId: number): PeerSource {
    return this.#links.get(linkId)?.known?.source ?? 'incoming';
  }

  /** A peer says at which address it sees us. */
  handleOurHost(linkId: number, ourHost: string): void {
    const link = this.#links.get(linkId);
    if (!link || !this.#ourAddress.handleTold(ourHost, link.host)) return;
    for (const peer of this.#known.values()) peer.rank = this.#rankOf(peer.address);
  }

  /**
   * Whom to dial now; the caller then tells `handleDialled` which link that became.
   * @param isUploadOnly we want nothing, so neither do we call on others who want nothing
   */
  pickDial(isUploadOnly: boolean, nowMs: number): PeerAddress | undefined {
    if (!this.#mayDial()) return undefined;
    let best: KnownPeer | undefined;
    let bestLot = 0;
    for (const peer of this.#known.values()) {
      if (peer.nextDialMs > nowMs || !this.#isWorthDialling(peer, isUploadOnly, nowMs)) continue;
      const lot = peer.failures + peer.rank;
      if (best && lot >= bestLot) continue;
      best = peer;
      bestLot = lot;
    }
    return best?.address;
  }

  /** When `pickDial` may have somebody who is waiting for the end of a back-off. */
  nextDialMs(isUploadOnly: boolean, nowMs: number): number | undefined {
    if (!this.#mayDial()) return undefined;
    let nextMs: number | undefined;
    for (const peer of this.#known.values()) {
      if (!this.#isWorthDialling(peer, isUploadOnly, Math.max(nowMs, peer.nextDialMs))) continue;
      nextMs = Math.min(nextMs ?? Infinity, peer.nextDialMs);
    }
    return nextMs;
  }

  handleDialled(linkId: number, address: PeerAddress): void {
    const peer = this.#known.get(formatAddress(address));
    if (!peer) return;
    peer.linkId = linkId;
    this.#halfOpen.set(linkId, peer);
  }

  handleDialFailed(linkId: number, nowMs: number): void {
    const peer = this.#halfOpen.get(linkId);
    if (!peer) return;
    this.#halfOpen.delete(linkId);
    peer.linkId = undefined;
    this.#backOff(peer, 'timeout', nowMs);
  }

  /** Handshakes were exchanged: may this connection stay? */
  handleHandshake(handshake: Handshake, nowMs: number): Admission {
    const { linkId, incoming, peerId } = handshake;
    const host = normaliseHost(handshake.address.host);
    const { port } = handshake.address;
    const dialled = this.#halfOpen.get(linkId);
    this.#halfOpen.delete(linkId);
    const link: RosterLink = { linkId, incoming, host, port, peerId, sinceMs: nowMs, known: dialled };
    if (peerId === this.#options.ourPeerId) {
      if (dialled) dialled.isOurself = true;
      return this.#refuse(link, 'it is ourself');
    }
    if (dialled) dialled.peerId = peerId;
    const twin = this.#links.get(this.#byPeerId.get(peerId) ?? -1);
    if (twin && !this.#isPreferred(link, twin)) return this.#refuse(link, 'a duplicate connection');
    const network = networkOf(host);
    if (!twin && (this.#perNetwork.get(network) ?? 0) >= mostPerHost(host))
      return this.#refuse(link, 'too many of its host');
    const isFull = this.#links.size + this.#reservedCount >= this.#options.maxLinks;
    const other = twin ?? (isFull ? this.#pickReplaced(link) : undefined);
    if (isFull && !other) return this.#refuse(link, 'connections are full');
    if (other) this.#forgetLink(other);
    this.#links.set(linkId, link);
    this.#byPeerId.set(peerId, linkId);
    this.#perNetwork.set(network, (this.#perNetwork.get(network) ?? 0) + 1);
    return { isAdmitted: true, replaced: other?.linkId };
  }

  /**
   * The peer says which port it listens on.
   * @returns its address, unless that is known to be another connected peer's
   */
  handleListenPort(linkId: number, port: number, nowMs: number): PeerAddress | undefined {
    const link = this.#links.get(linkId);
    if (!link) return undefined;
    const peer = this.#learn({ host: link.host, port }, 'incoming', nowMs);
    if (!peer) return undefined;
    const holder = peer.peerId === undefined ? undefined : this.#byPeerId.get(peer.peerId);
    if (holder !== undefined && holder !== linkId) return undefined;
    peer.peerId = link.peerId;
    link.known ??= peer;
    return peer.address;
  }

  /** The peer wants nothing: a seed needs not dial it for a while. */
  handleUploadOnly(linkId: number, nowMs: number): void {
    const known = this.#links.get(linkId)?.known;
    if (known) known.uploadOnlyUntilMs = nowMs + UPLOAD_ONLY_MS;
  }

  /** @param wasUseful payload went over it, in either direction */
  handleClosed(linkId: number, reason: CloseReason, wasUseful: boolean, nowMs: number): void {
    const halfOpen = this.#halfOpen.get(linkId);
    const link = this.#links.get(linkId);
    const peer = halfOpen ?? link?.known ?? this.#dialledAs(linkId);
    this.#halfOpen.delete(linkId);
    if (link) this.#forgetLink(link);
    if (!peer) return;
    if (peer.linkId === linkId) peer.linkId = undefined;
    const isProven = link !== undefined && (wasUseful || nowMs - link.sinceMs >= PROVEN_AFTER_MS);
    if (isProven && reason !== 'protocol') peer.failures = 0;
    this.#backOff(peer, reason, nowMs);
  }

  #learn(address: PeerAddress, source: PeerSource, nowMs: number): KnownPeer | undefined {
    const host = normaliseHost(address.host);
    const key = formatAddress({ host, port: address.port });
    const known = this.#known.get(key);
    if (known && isHearsay(known.source) && !isHearsay(source)) {
      known.source = source;
      this.#hearsayCount -= 1;
    }
    if (known || address.port < 1 || address.port > 65_535) return known;
    if (isHearsay(source) ? !this.#hasRoomForHearsay() : this.#known.size >= MOST_KNOWN && !this.#forgetWorst()) {
      return undefined;
    }
    const peer: KnownPeer = {
      address: { host, port: address.port },
      source,
      rank: this.#rankOf({ host, port: address.port }),
      failures: 0,
      nextDialMs: nowMs,
      linkId: undefined,
      peerId: undefined,
      isOurself: false,
      uploadOnlyUntilMs: -Infinity,
    };
    this.#known.set(key, peer);
    if (isHearsay(source)) this.#hearsayCount += 1;
    return peer;
  }

  #hasRoomForHearsay(): boolean {
    return this.#hearsayCount < MOST_HEARSAY && this.#known.size < MOST_KNOWN;
  }

  /** Makes room for a new address: hearsay goes first. */
  #forgetWorst(): boolean {
    let worst: KnownPeer | undefined;
    let worstScore = -1;
    for (const peer of this.#known.values()) {
      if (peer.isOurself || this.#isConnected(peer)) continue;
      const score = peer.failures + (isHearsay(peer.source) ? MOST_FAILURES : 0);
      if (score <= worstScore) continue;
      worst = peer;
      worstScore = score;
    }
    return worst !== undefined && this.#forget(worst);
  }

  #forget(peer: KnownPeer): boolean {
    if (!this.#known.delete(formatAddress(peer.address))) return false;
    if (isHearsay(peer.source)) this.#hearsayCount -= 1;
    return true;
  }

  /** Canonical where our own address is known, else drawn. */
  #rankOf(address: PeerAddress): number {
    const priority = this.#priorityOf(address);
    return priority === undefined ? this.#options.random() : 1 - (priority + 1) / 2 ** 32;
  }

  #priorityOf(address: PeerAddress): number | undefined {
    const ourHost = this.#ourAddress.seenFrom(address.host);
    return ourHost === undefined ? undefined : peerPriority({ host: ourHost, port: this.#options.ourPort }, address);
  }

  /** Everything is full: the spare connection of the lowest priority goes, if the newcomer's is higher. */
  #pickReplaced(newcomer: RosterLink): RosterLink | undefined {
    const itsPriority = this.#priorityOf(addressOf(newcomer));
    if (itsPriority === undefined) return undefined;
    let lowest: RosterLink | undefined;
    let lowestPriority = itsPriority;
    for (const link of this.#links.values()) {
      const priority = this.#priorityOf(addressOf(link));
      if (priority === undefined || priority >= lowestPriority || !this.#options.isSpare(link.linkId)) continue;
      lowest = link;
      lowestPriority = priority;
    }
    return lowest;
  }

  #mayDial(): boolean {
    if (this.#halfOpen.size >= MOST_HALF_OPEN) return false;
    const most = Math.ceil(this.#options.maxLinks * DIALLED_SHARE);
    return this.#links.size + this.#halfOpen.size + this.#reservedCount < most;
  }

  #isWorthDialling(peer: KnownPeer, isUploadOnly: boolean, nowMs: number): boolean {
    if (peer.isOurself || this.#isConnected(peer) || this.#options.isBanned(peer.address)) return false;
    return !isUploadOnly || peer.uploadOnlyUntilMs <= nowMs;
  }

  #isConnected(peer: KnownPeer): boolean {
    return peer.linkId !== undefined || (peer.peerId !== undefined && this.#byPeerId.has(peer.peerId));
  }

  /** Whether a new connection to a peer is better than the one that stands. */
  #isPreferred(link: RosterLink, other: RosterLink): boolean {
    if (link.incoming === other.incoming) return link.host === other.host;
    const isTheirsBetter = link.peerId > this.#options.ourPeerId;
    return link.incoming === isTheirsBetter;
  }

  #refuse(link: RosterLink, why: string): Admission {
    // Its address stays taken until the driver says that the connection is closed.
    if (link.known) link.known.linkId = link.linkId;
    return { isAdmitted: false, why };
  }

  #dialledAs(linkId: number): KnownPeer | undefined {
    for (const peer of this.#known.values()) if (peer.linkId === linkId) return peer;
    return undefined;
  }

  #forgetLink(link: RosterLink): void {
    this.#links.delete(link.linkId);
    if (this.#byPeerId.get(link.peerId) === link.linkId) this.#byPeerId.delete(link.peerId);
    const network = networkOf(link.host);
    const left = (this.#perNetwork.get(network) ?? 1) - 1;
    if (left > 0) this.#perNetwork.set(network, left);
    else this.#perNetwork.delete(network);
  }

  #backOff(peer: KnownPeer, reason: CloseReason, nowMs: number): void {
    if (reason === 'foreign') {
      peer.nextDialMs = nowMs + this.#jittered(FOREIGN_BACK_OFF_MS);
      return;
    }
    peer.nextDialMs = nowMs + this.#jittered(Math.min(FIRST_BACK_OFF_MS * 2 ** peer.failures, LONGEST_BACK_OFF_MS));
    if (reason === 'ours') return;
    peer.failures += 1;
    // Whoever is there again will be named by a tracker, or dial us.
    if (peer.failures >= MOST_FAILURES) this.#forget(peer);
  }

  #jittered(durationMs: number): number {
    return durationMs * (0.75 + this.#options.random() / 2);
  }
}

/** Where the other end listens, as far as known. */
function addressOf({ host, port, known }: RosterLink): PeerAddress {
  return known?.address ?? { host, port };
}

function mostPerHost(host: string): number {
  if (isLoopbackHost(host)) return Infinity;
  return isPrivateHost(host) ? MOST_PER_PRIVATE_HOST : MOST_PER_PUBLIC_HOST;
}
