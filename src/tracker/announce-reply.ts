/**
 * Bencoded replies of the tracker, written straight as strings of bytes (one character below 256 each): node:http sends
 * headers and such a body in one piece. Copies made: each peer once into the list, the list once into the string.
 */
import { formatIp, isIpv4 } from './ip-address.js';
import type { SwarmCounts, TakePeer } from './peer-store.js';
import { ANNOUNCE_INTERVAL_MS, MAX_NUM_WANT, MIN_ANNOUNCE_INTERVAL_MS } from './tracker-limits.js';

const COMPACT_IPV4_BYTES = 6;
const COMPACT_IPV6_BYTES = 18;
const INTERVALS = `8:intervali${ANNOUNCE_INTERVAL_MS / 1000}e12:min intervali${MIN_ANNOUNCE_INTERVAL_MS / 1000}e`;

/** Takes peers and becomes the body of a reply. One object serves all announces, one after another. */
export class AnnounceReplyWriter {
  readonly #ipv4 = Buffer.allocUnsafeSlow(MAX_NUM_WANT * COMPACT_IPV4_BYTES);
  readonly #ipv6 = Buffer.allocUnsafeSlow(MAX_NUM_WANT * COMPACT_IPV6_BYTES);
  #ipv4Length = 0;
  #ipv6Length = 0;
  #dictionaries = '';
  #isCompact = true;
  #withPeerIds = false;

  /** Begins a reply; the one before is forgotten. */
  start(form: { readonly isCompact: boolean; readonly withPeerIds: boolean }): void {
    this.#ipv4Length = 0;
    this.#ipv6Length = 0;
    this.#dictionaries = '';
    this.#isCompact = form.isCompact;
    this.#withPeerIds = form.withPeerIds;
  }

  /** Adds a peer; at most `MAX_NUM_WANT` of them. */
  readonly takePeer: TakePeer = (ip, port, peerId) => {
    if (!this.#isCompact) this.#dictionaries += dictionaryOf(ip, port, this.#withPeerIds ? peerId : undefined);
    else if (isIpv4(ip)) this.#ipv4Length = writeCompact(this.#ipv4, this.#ipv4Length, ip.subarray(12), port);
    else this.#ipv6Length = writeCompact(this.#ipv6, this.#ipv6Length, ip, port);
  };

  /** The reply; keys ascend, as bencode wants. */
  finish(counts: SwarmCounts): string {
    const head = `d8:completei${counts.seeders}e10:incompletei${counts.leechers}e${INTERVALS}5:peers`;
    if (!this.#isCompact) return `${head}l${this.#dictionaries}ee`;
    const peers = `${head}${this.#ipv4Length}:${this.#ipv4.toString('latin1', 0, this.#ipv4Length)}`;
    if (this.#ipv6Length === 0) return `${peers}e`;
    return `${peers}6:peers6${this.#ipv6Length}:${this.#ipv6.toString('latin1', 0, this.#ipv6Length)}e`;
  }
}

/** A reply that says no, which clients show to their users. @param reason ASCII */
export function failureReply(reason: string): string {
  return `d14:failure reason${reason.length}:${reason}e`;
}

/** The reply to a scrape (BEP 48, BEP 21). @param swarms by info hash, ascending */
export function scrapeReply(swarms: readonly (readonly [infoHash: string, counts: SwarmCounts])[]): string {
  let files = '';
  for (const [infoHash, counts] of swarms) {
    files +=
      `20:${infoHash}d8:completei${counts.seeders}e10:downloadedi${counts.completed}e` +
      `11:downloadersi${counts.downloaders}e10:incompletei${counts.leechers}ee`;
  }
  return `d5:filesd${files}ee`;
}

/** @returns where the next peer begins */
function writeCompact(target: Uint8Array, at: number, ip: Uint8Array, port: number): number {
  const portAt = at + ip.length;
  target.set(ip, at);
  target[portAt] = port >>> 8;
  target[portAt + 1] = port & 0xff;
  return portAt + 2;
}

function dictionaryOf(ip: Uint8Array, port: number, peerId: Uint8Array | undefined): string {
  const host = formatIp(ip);
  const id = peerId ? `7:peer id${peerId.length}:${Buffer.from(peerId).toString('latin1')}` : '';
  return `d2:ip${host.length}:${host}${id}4:porti${port}ee`;
}
