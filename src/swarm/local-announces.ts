/**
 * Local discovery of a whole process (BEP 14): when to announce which torrents, and what of others' announces to believe.
 *
 * A torrent is announced when it begins, a minute later (a datagram may be lost) and then every five minutes; whoever
 * comes later announces itself, so that both learn of each other at once. Several torrents share a datagram, and one
 * datagram a second is sent at most.
 *
 * Who has an address of each family announces itself out of both, by the same cookie: one of the two is enough to dial.
 * The other would be a second connection, made for nothing with every peer of a crowd.
 */
import { MAX_LOCAL_INFO_HASHES_TOLD } from '../protocol/limits.js';
import type { LocalAnnounce } from '../protocol/local-announce.js';
import type { PeerAddress } from '../protocol/peer-address.js';

const SECOND_AFTER_MS = 60_000;
const INTERVAL_MS = 300_000;
const LEAST_GAP_MS = 1_000;
/** Announces heeded in a second: more is a storm. */
const MOST_HEARD_PER_SEC = 100;
/** Different ports believed of one host, whatever it claims, in each five minutes. */
const MOST_PORTS_PER_HOST = 32;
const MOST_HOSTS = 1_000;
/** Announces out of all interfaces of a peer take no longer to come in; later it may have another address. */
const SAME_ANNOUNCE_MS = 10_000;

interface Announced {
  nextMs: number;
  isFirst: boolean;
}

export interface LocalPeer {
  readonly infoHash: string;
  readonly address: PeerAddress;
}

export class LocalAnnounces {
  readonly #cookie: string;
  readonly #port: number;
  readonly #torrents = new Map<string, Announced>();
  readonly #portsOfHost = new Map<string, Set<number>>();
  #hostsSinceMs = -Infinity;
  /** Where an announce with each cookie came from first, and when. */
  readonly #cookies = new Map<string, { readonly host: string; readonly sinceMs: number }>();
  #heard = 0;
  #heardSinceMs = -Infinity;
  #lastMs = -Infinity;

  /**
   * @param cookie of this process alone
   * @param port where it listens for peers
   */
  constructor(cookie: string, port: number) {
    this.#cookie = cookie;
    this.#port = port;
  }

  addTorrent(infoHash: string, nowMs: number): void {
    if (!this.#torrents.has(infoHash)) this.#torrents.set(infoHash, { nextMs: nowMs, isFirst: true });
  }

  removeTorrent(infoHash: string): void {
    this.#torrents.delete(infoHash);
  }

  /** When `poll` has something; undefined when it never will. */
  get nextMs(): number | undefined {
    if (this.#torrents.size === 0) return undefined;
    const due = Math.min(...[...this.#torrents.values()].map(({ nextMs }) => nextMs));
    return Math.max(due, this.#lastMs + LEAST_GAP_MS);
  }

  /** The announce that is due. */
  poll(nowMs: number): LocalAnnounce | undefined {
    if (nowMs < this.#lastMs + LEAST_GAP_MS) return undefined;
    const due = [...this.#torrents].filter(([, { nextMs }]) => nextMs <= nowMs).slice(0, MAX_LOCAL_INFO_HASHES_TOLD);
    if (due.length === 0) return undefined;
    this.#lastMs = nowMs;
    for (const [, torrent] of due) {
      torrent.nextMs = nowMs + (torrent.isFirst ? SECOND_AFTER_MS : INTERVAL_MS);
      torrent.isFirst = false;
    }
    return { port: this.#port, infoHashes: due.map(([infoHash]) => infoHash), cookie: this.#cookie };
  }

  /**
   * Somebody's announce.
   * @param host where it came from: an announce speaks for its sender alone
   * @returns the sender, for each torrent of ours that it names
   */
  handleAnnounce(announce: LocalAnnounce, host: string, nowMs: number): readonly LocalPeer[] {
    if (announce.cookie === this.#cookie || !this.#hears(nowMs)) return [];
    const infoHashes = announce.infoHashes.filter((infoHash) => this.#torrents.has(infoHash));
    if (infoHashes.length === 0 || this.#isKnownOtherwise(announce.cookie, host, nowMs)) return [];
    if (!this.#believes(host, announce.port, nowMs)) return [];
    const address = { host, port: announce.port };
    return infoHashes.map((infoHash) => ({ infoHash, address }));
  }

  /** Whether the sender was just heard of by its address of the other family. */
  #isKnownOtherwise(cookie: string | undefined, host: string, nowMs: number): boolean {
    if (cookie === undefined) return false;
    const first = this.#cookies.get(cookie);
    if (first && nowMs - first.sinceMs < SAME_ANNOUNCE_MS) return isIpv6(first.host) !== isIpv6(host);
    if (this.#cookies.size >= MOST_HOSTS) this.#cookies.clear();
    this.#cookies.set(cookie, { host, sinceMs: nowMs });
    return false;
  }

  #hears(nowMs: number): boolean {
    if (nowMs - this.#heardSinceMs >= 1_000) {
      this.#heardSinceMs = nowMs;
      this.#heard = 0;
    }
    this.#heard += 1;
    return this.#heard <= MOST_HEARD_PER_SEC;
  }

  #believes(host: string, port: number, nowMs: number): boolean {
    if (nowMs - this.#hostsSinceMs >= INTERVAL_MS) {
      this.#hostsSinceMs = nowMs;
      this.#portsOfHost.clear();
    }
    const ports = this.#portsOfHost.get(host) ?? new Set<number>();
    if (ports.size >= MOST_PORTS_PER_HOST || this.#portsOfHost.size >= MOST_HOSTS) return ports.has(port);
    ports.add(port);
    this.#portsOfHost.set(host, ports);
    return true;
  }
}

function isIpv6(host: string): boolean {
  return host.includes(':');
}
