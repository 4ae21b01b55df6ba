/**
 * Peer exchange (BEP 11): whom to tell of which peers, and what to believe of what peers tell.
 *
 * A peer is told what changed since the last time, at most once a minute, at most 50 new and 50 gone; the rest follows
 * with the next message. Nobody is told of addresses that it cannot reach, or believed to know of ones that it cannot:
 * a stranger from the internet must not send us knocking at doors of our own network.
 */
import { MAX_TOLD_PEERS } from '../protocol/limits.js';
import { formatAddress, isWithinReach, type PeerAddress } from '../protocol/peer-address.js';
import type { ExchangedPeer, PeerExchangeMessage } from '../protocol/peer-exchange.js';

const INTERVAL_MS = 60_000;
/** Peers that one peer knows from us at a time: more than it can have connections with. */
const MOST_KNOWN_FROM_US = 200;
/** Addresses taken from one connection in its whole life. */
const MOST_BELIEVED = 1_000;

/** A connected peer as others may hear of it. */
export interface ExchangeablePeer {
  readonly linkId: number;
  /** Where it accepts connections. */
  readonly listenAddress: PeerAddress;
  readonly isSeed: boolean;
  /** We dialled it. */
  readonly isReachable: boolean;
}

interface Partner {
  readonly linkId: number;
  readonly host: string;
  /** What it was told and has not been told to forget, by address. */
  readonly told: Map<string, PeerAddress>;
  nextMs: number;
  believed: number;
  /** Nothing was to be told after so many changes. */
  settledAt: number;
}

/** Connected peers by where they listen. */
type PeersByKey = ReadonlyMap<string, ExchangeablePeer>;

export class PeerExchange {
  readonly #partners = new Map<number, Partner>();
  #changes = 0;

  /** A peer came, went, or said where it listens. */
  handleChanged(): void {
    this.#changes += 1;
  }

  /** The peer takes our messages. Saying so again changes nothing. */
  handleSupported(linkId: number, host: string, nowMs: number): void {
    if (this.#partners.has(linkId)) return;
    this.#partners.set(linkId, { linkId, host, told: new Map(), nextMs: nowMs, believed: 0, settledAt: -1 });
  }

  handleClosed(linkId: number): void {
    this.#partners.delete(linkId);
  }

  /** What of a peer's message may be dialled. */
  pickBelieved(linkId: number, added: readonly ExchangedPeer[]): readonly PeerAddress[] {
    const partner = this.#partners.get(linkId);
    if (!partner) return [];
    const believed = added
      .map(({ address }) => address)
      .filter(({ host }) => isWithinReach(host, partner.host))
      .slice(0, MOST_BELIEVED - partner.believed);
    partner.believed += believed.length;
    return believed;
  }

  /**
   * The messages that are due.
   * @param connected asked only when somebody may have to be told of a change
   */
  pickMessages(
    connected: () => Iterable<ExchangeablePeer>,
    nowMs: number,
  ): readonly ({ readonly linkId: number } & PeerExchangeMessage)[] {
    const due = [...this.#partners.values()].filter(
      ({ nextMs, settledAt }) => nextMs <= nowMs && settledAt !== this.#changes,
    );
    if (due.length === 0) return [];
    const peers = new Map<string, ExchangeablePeer>();
    for (const peer of connected()) peers.set(formatAddress(peer.listenAddress), peer);
    return due.flatMap((partner) => {
      const message = nextMessage(partner, peers);
      if (message) partner.nextMs = nowMs + INTERVAL_MS;
      else partner.settledAt = this.#changes;
      return message ? [{ linkId: partner.linkId, ...message }] : [];
    });
  }
}

/** Undefined when nothing changed for this partner. What it says counts as told. */
function nextMessage({ linkId, host, told }: Partner, peers: PeersByKey): PeerExchangeMessage | undefined {
  const dropped = [...told].filter(([key]) => !peers.has(key)).slice(0, MAX_TOLD_PEERS);
  for (const [key] of dropped) told.delete(key);
  const added: ExchangedPeer[] = [];
  for (const [key, peer] of beginningElsewhere(peers, linkId)) {
    if (added.length >= MAX_TOLD_PEERS || told.size >= MOST_KNOWN_FROM_US) break;
    const { listenAddress: address, isSeed, isReachable } = peer;
    if (peer.linkId === linkId || told.has(key) || !isWithinReach(address.host, host)) continue;
    told.set(key, address);
    added.push({ address, isSeed, isReachable });
  }
  if (added.length === 0 && dropped.length === 0) return undefined;
  return { added, dropped: dropped.map(([, address]) => address) };
}

/** Each partner begins elsewhere, so that not all of them hear of the same few first. */
function beginningElsewhere(peers: PeersByKey, linkId: number): readonly (readonly [string, ExchangeablePeer])[] {
  const all = [...peers];
  const start = linkId % Math.max(1, all.length);
  return [...all.slice(start), ...all.slice(0, start)];
}
