/**
 * Bencoded replies of the tracker, written straight as strings of bytes (one character below 256 each): node:http sends
 * headers and such a body in one piece. Copies made: each peer once into the list, the list once into the string.
 */
import { formatIp, IP_BYTES, isIpv4 } from '../protocol/ip-address.js';
import type { SwarmCounts, TakePeer } from './peer-store.js';
import { ADDRESS_IS, ipOf, PEER_HEAD, PEER_TAIL } from './peer-table.js';
import { ANNOUNCE_INTERVAL_MS, MAX_NUM_WANT, MIN_ANNOUNCE_INTERVAL_MS } from './tracker-limits.js';

/** Of one peer: address and port (BEP 23, BEP 7). */
export const COMPACT_IPV4_BYTES = 6;
export const COMPACT_IPV6_BYTES = 18;
const PEER_ID_BYTES = 20;
const INTERVALS = `8:intervali${ANNOUNCE_INTERVAL_MS / 1000}e12:min intervali${MIN_ANNOUNCE_INTERVAL_MS / 1000}e`;

/** Takes peers and becomes the body of a reply. One object serves all announces, one after another. */
export class AnnounceReplyWriter {
  readonly #ipv4 = new CompactPeers(COMPACT_IPV4_BYTES);
  readonly #ipv6 = new CompactPeers(COMPACT_IPV6_BYTES);
  #dictionaries = '';
  #isCompact = true;
  #withPeerIds = false;

  /** Begins a reply; the one before is forgotten. */
  start(form: { readonly isCompact: boolean; readonly withPeerIds: boolean }): void {
    this.#ipv4.clear();
    this.#ipv6.clear();
    this.#dictionaries = '';
    this.#isCompact = form.isCompact;
    this.#withPeerIds = form.withPeerIds;
  }

  /** Adds a peer; at most `MAX_NUM_WANT` of them. */
  readonly takePeer: TakePeer = (records, head, tail, insteadIp) => {
    if (!this.#isCompact) {
      this.#dictionaries += dictionaryOf(records, head, tail, { insteadIp, withPeerId: this.#withPeerIds });
      return;
    }
    const isShort = insteadIp ? isIpv4(insteadIp) : ((records[head + PEER_HEAD.state] ?? 0) & ADDRESS_IS.ipv4) !== 0;
    (isShort ? this.#ipv4 : this.#ipv6).takePeer(records, head, tail, insteadIp);
  };

  /** The reply; keys ascend, as bencode wants. */
  finish(counts: SwarmCounts): string {
    const head = `d8:completei${counts.seeders}e10:incompletei${counts.leechers}e${INTERVALS}5:peers`;
    if (!this.#isCompact) return `${head}l${this.#dictionaries}ee`;
    const peers6 = this.#ipv6.length === 0 ? '' : `6:peers6${this.#ipv6.toBencode()}`;
    return `${head}${this.#ipv4.toBencode()}${peers6}e`;
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

/** Compact peers of one family, end to end; one object serves all replies, one after another. */
export class CompactPeers {
  readonly #buffer: Buffer;
  readonly #isIpv4: boolean;
  #length = 0;

  /** @param peerBytes `COMPACT_IPV4_BYTES` or `COMPACT_IPV6_BYTES` */
  constructor(peerBytes: number) {
    this.#buffer = Buffer.allocUnsafeSlow(MAX_NUM_WANT * peerBytes);
    this.#isIpv4 = peerBytes === COMPACT_IPV4_BYTES;
  }

  get length(): number {
    return this.#length;
  }

  /** A view, valid until the next change. */
  get bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  clear(): void {
    this.#length = 0;
  }

  /** Adds a peer of this family; at most `MAX_NUM_WANT` of them. */
  readonly takePeer: TakePeer = (records, head, tail, insteadIp) => {
    if (insteadIp) {
      this.#append(insteadIp, this.#isIpv4 ? IP_BYTES - 4 : 0, IP_BYTES);
      this.#append(records, head + PEER_HEAD.port, head + PEER_HEAD.port + 2);
    } else {
      if (!this.#isIpv4) this.#append(records, tail + PEER_TAIL.ipStart, tail + PEER_TAIL.ipStart + IP_BYTES - 4);
      // The port follows the last bytes of the address.
      this.#append(records, head + PEER_HEAD.ipEnd, head + PEER_HEAD.port + 2);
    }
  };

  /** As a bencoded byte string. */
  toBencode(): string {
    return `${this.#length}:${this.#buffer.toString('latin1', 0, this.#length)}`;
  }

  /** Byte by byte: for so few, `set` and `subarray` cost more than the copy. */
  #append(from: Uint8Array, start: number, end: number): void {
    const to = this.#buffer;
    let length = this.#length;
    for (let at = start; at < end; at += 1, length += 1) to[length] = from[at] ?? 0;
    this.#length = length;
  }
}

function dictionaryOf(
  records: Uint8Array,
  head: number,
  tail: number,
  { insteadIp, withPeerId }: { readonly insteadIp: Uint8Array | undefined; readonly withPeerId: boolean },
): string {
  const host = formatIp(insteadIp ?? ipOf(records, head, tail));
  const port = ((records[head + PEER_HEAD.port] ?? 0) << 8) | (records[head + PEER_HEAD.port + 1] ?? 0);
  const peerIdAt = tail + PEER_TAIL.peerId;
  const peerId = Buffer.from(records.subarray(peerIdAt, peerIdAt + PEER_ID_BYTES)).toString('latin1');
  const id = withPeerId ? `7:peer id${PEER_ID_BYTES}:${peerId}` : '';
  return `d2:ip${host.length}:${host}${id}4:porti${port}ee`;
}
