/** What a tracker answers to an announce, read with distrust: bounds on everything, nothing dialled that is no peer. */
import { MetainfoError } from '../errors.js';
import { BencodeDictionary, type BencodeValue } from '../metainfo/bencode-dictionary.js';
import { decodeBencode } from '../metainfo/bencode.js';
import { escapeText } from '../metainfo/escape-text.js';
import { formatAddress, type PeerAddress } from '../protocol/peer-address.js';
import { formatIp, isDialableIp, parseIp } from '../protocol/ip-address.js';
import { readCompactAddresses, type IpLength } from '../protocol/compact-addresses.js';

export interface AnnounceReply {
  /** 15 s to 1 h. */
  readonly intervalMs: number;
  /** 15 s to `intervalMs`. */
  readonly minIntervalMs: number;
  /** Dialable addresses, no repeats, at most 2,000. */
  readonly peers: readonly PeerAddress[];
  readonly seeders?: number;
  readonly leechers?: number;
  /** For people, safe to print. */
  readonly warning?: string;
}

export type ParsedAnnounceReply =
  | { readonly type: 'reply'; readonly reply: AnnounceReply }
  | { readonly type: 'failure'; readonly reason: string }
  | { readonly type: 'invalid'; readonly problem: string };

const LEAST_INTERVAL_MS = 15_000;
const LONGEST_INTERVAL_MS = 3_600_000;
/** For trackers that name no interval, and none that is shortest. */
const DEFAULT_INTERVAL_MS = 1_800_000;
const DEFAULT_MIN_INTERVAL_MS = 60_000;
/** Far more than one torrent can use at once. */
const MAX_PEERS_KEPT = 2_000;
const MAX_TEXT_LENGTH = 300;

/** @param body bencoded, as received */
export function parseAnnounceReply(body: Uint8Array): ParsedAnnounceReply {
  let value: BencodeValue;
  try {
    value = decodeBencode(body);
  } catch (error) {
    if (error instanceof MetainfoError) return { type: 'invalid', problem: error.message };
    throw error;
  }
  if (!(value instanceof BencodeDictionary)) return { type: 'invalid', problem: 'it is no dictionary' };
  const reason = value.text('failure reason');
  if (reason !== undefined) return { type: 'failure', reason: fitForPeople(reason) };
  if (value.has('failure reason')) return { type: 'invalid', problem: 'its failure reason is no text' };

  const intervalMs = clamp(secondsOf(value, 'interval') ?? DEFAULT_INTERVAL_MS, LONGEST_INTERVAL_MS);
  const seeders = countOf(value, 'complete');
  const leechers = countOf(value, 'incomplete');
  const warning = value.text('warning message');
  return {
    type: 'reply',
    reply: {
      intervalMs,
      minIntervalMs: clamp(secondsOf(value, 'min interval') ?? DEFAULT_MIN_INTERVAL_MS, intervalMs),
      peers: peersOf(value),
      ...(seeders !== undefined && { seeders }),
      ...(leechers !== undefined && { leechers }),
      ...(warning !== undefined && { warning: fitForPeople(warning) }),
    },
  };
}

/** The same for an answer over UDP (BEP 15), which has no shortest interval. @param ipLength of its peers */
export function readUdpReply(
  reply: {
    readonly intervalSec: number;
    readonly seeders: number;
    readonly leechers: number;
    readonly peers: Uint8Array;
  },
  ipLength: IpLength,
): AnnounceReply {
  const { seeders, leechers } = reply;
  const intervalMs = clamp(reply.intervalSec * 1000, LONGEST_INTERVAL_MS);
  const peers = new FoundPeers();
  peers.addCompact(reply.peers, ipLength);
  const minIntervalMs = clamp(DEFAULT_MIN_INTERVAL_MS, intervalMs);
  return { intervalMs, minIntervalMs, peers: peers.list(), seeders, leechers };
}

/** What a tracker says, cut short and safe to print. */
export function fitForPeople(text: string): string {
  return escapeText(text.length > MAX_TEXT_LENGTH ? `${text.slice(0, MAX_TEXT_LENGTH)}…` : text);
}

/** From `peers`, compact or a list of dictionaries, and `peers6`. */
function peersOf(reply: BencodeDictionary): PeerAddress[] {
  const peers = new FoundPeers();
  for (const entry of reply.list('peers') ?? []) {
    // A name instead of an address is passed over: it would have us ask the resolver for whatever the tracker likes.
    if (entry instanceof BencodeDictionary) peers.add(parseIp(entry.text('ip') ?? ''), entry.integer('port'));
  }
  peers.addCompact(reply.bytes('peers'), 4);
  peers.addCompact(reply.bytes('peers6'), 16);
  return peers.list();
}

/** Peers that can be dialled, without repeats. */
class FoundPeers {
  readonly #peers = new Map<string, PeerAddress>();

  add(ip: Uint8Array | undefined, port: number | undefined): void {
    if (!ip || !isDialableIp(ip) || port === undefined || port < 1 || port > 0xffff) return;
    this.#keep({ host: formatIp(ip), port });
  }

  /** Address and port, end to end. */
  addCompact(bytes: Uint8Array | undefined, ipLength: IpLength): void {
    if (bytes) readCompactAddresses(bytes, ipLength, MAX_PEERS_KEPT, (peer) => this.#keep(peer));
  }

  list(): PeerAddress[] {
    return [...this.#peers.values()];
  }

  #keep(peer: PeerAddress): void {
    if (this.#peers.size < MAX_PEERS_KEPT) this.#peers.set(formatAddress(peer), peer);
  }
}

function secondsOf(reply: BencodeDictionary, key: string): number | undefined {
  const seconds = reply.integer(key);
  return seconds === undefined || seconds < 0 ? undefined : seconds * 1000;
}

function countOf(reply: BencodeDictionary, key: string): number | undefined {
  const count = reply.integer(key);
  return count === undefined || count < 0 ? undefined : count;
}

function clamp(intervalMs: number, longestMs: number): number {
  return Math.min(Math.max(intervalMs, LEAST_INTERVAL_MS), longestMs);
}
