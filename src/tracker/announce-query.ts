/**
 * The query of an announce or scrape (BEP 3, 7, 21, 23, 48). Strings of bytes have one character below 256 for each
 * byte. Thread: the tracker's only one.
 */
import type { PeerRole } from './peer-table.js';
import { QueryFields } from './query-fields.js';
import { DEFAULT_NUM_WANT, LEAST_PEER_PORT, MAX_NUM_WANT } from './tracker-limits.js';

const HASH_BYTES = 20;

/** What happened to the peer; `none` is the announce that comes every interval. */
export type AnnounceQueryEvent = 'started' | 'stopped' | 'completed' | 'paused' | 'none';

export interface AnnounceQuery {
  readonly type: 'announce';
  /** 20 bytes, as a string. */
  readonly infoHash: string;
  /** 20 bytes. */
  readonly peerId: Uint8Array;
  readonly port: number;
  readonly event: AnnounceQueryEvent;
  readonly role: PeerRole;
  /** 0 to 200. */
  readonly numWant: number;
  readonly isCompact: boolean;
  readonly withPeerIds: boolean;
}

/** A query that is not answered, with a reason for its sender: ASCII, without control characters. */
export interface QueryRefusal {
  readonly type: 'refusal';
  readonly reason: string;
}

/**
 * Reads the query of an announce. Unknown fields and `ip` (a third party's address) are passed over.
 * @param bytes what follows the `?`, from `start` to `end`
 */
export function parseAnnounceQuery(bytes: Buffer, start = 0, end = bytes.length): AnnounceQuery | QueryRefusal {
  let infoHash: string | undefined;
  let infoHashLength = MISSING;
  let peerId: Uint8Array | undefined;
  let peerIdLength = MISSING;
  let port: number | undefined;
  let left: number | undefined;
  let isLeftWrong = false;
  let numWant: number | undefined;
  let event: AnnounceQueryEvent = 'none';
  let isCompact = true;
  let withPeerIds = true;
  fields.start(bytes, start, end);
  while (fields.next()) {
    switch (announceFieldAtHand()) {
      case 'info_hash':
        infoHashLength = fields.valueLength;
        infoHash = infoHashLength === HASH_BYTES ? infoHashAtHand() : undefined;
        break;
      case 'peer_id':
        peerIdLength = fields.valueLength;
        peerId = peerIdLength === HASH_BYTES ? fields.valueBytes() : undefined;
        break;
      case 'port':
        port = fields.valueWhole();
        break;
      case 'left':
        left = fields.valueWhole();
        isLeftWrong = left === undefined && fields.valueLength > 0;
        break;
      case 'numwant':
        numWant = fields.valueWhole();
        break;
      case 'event':
        event = EVENTS.find(({ text }) => fields.isValue(text))?.event ?? 'none';
        break;
      case 'compact':
        isCompact = !fields.isValue(NO);
        break;
      case 'no_peer_id':
        withPeerIds = !fields.isValue(YES);
        break;
      default:
    }
  }
  if (fields.isMalformed) return refusal(MALFORMED);
  if (infoHash === undefined) return wrongLength('info_hash', infoHashLength);
  if (peerId === undefined) return wrongLength('peer_id', peerIdLength);
  if (port === undefined || port > 0xffff) return refusal('port is missing, or no number from 1 to 65535');
  if (port < LEAST_PEER_PORT) return refusal(privilegedPort(port));
  if (isLeftWrong) return refusal('left is no whole number');
  return {
    type: 'announce',
    infoHash,
    peerId,
    port,
    event,
    role: roleOf(event, left === 0),
    numWant: Math.min(numWant ?? DEFAULT_NUM_WANT, MAX_NUM_WANT),
    isCompact,
    withPeerIds,
  };
}

/**
 * Reads the query of a scrape: one `info_hash` for each torrent.
 * @param bytes what follows the `?`, from `start` to `end`
 * @returns the info hashes as strings of 20 bytes, ascending, no repeats; at least one
 */
export function parseScrapeQuery(
  bytes: Buffer,
  start = 0,
  end = bytes.length,
): { readonly type: 'scrape'; infoHashes: string[] } | QueryRefusal {
  const infoHashes = new Set<string>();
  let wrongBytes: number | undefined;
  fields.start(bytes, start, end);
  while (fields.next()) {
    if (announceFieldAtHand() !== 'info_hash') continue;
    if (fields.valueLength === HASH_BYTES) infoHashes.add(fields.valueText());
    else wrongBytes = fields.valueLength;
  }
  if (fields.isMalformed) return refusal(MALFORMED);
  if (wrongBytes !== undefined) return wrongLength('info_hash', wrongBytes);
  if (infoHashes.size === 0) return refusal('a scrape of all torrents is not answered: name them by info_hash');
  return { type: 'scrape', infoHashes: [...infoHashes].sort() };
}

/** What an announcing peer is for the others. @param hasAll nothing is left to fetch */
export function roleOf(event: AnnounceQueryEvent, hasAll: boolean): PeerRole {
  if (event === 'paused') return 'partial-seed';
  return event === 'completed' || hasAll ? 'seed' : 'downloader';
}

/** Why a port below `LEAST_PEER_PORT` is refused. */
export function privilegedPort(port: number): string {
  return `port ${port} is refused: peers listen on ${LEAST_PEER_PORT} or above`;
}

/** One object reads all queries, one after another. */
const fields = new QueryFields();

type AnnounceField = 'info_hash' | 'peer_id' | 'port' | 'left' | 'numwant' | 'event' | 'compact' | 'no_peer_id';

/** Which of the fields of an announce is at hand; undefined for one that is not known. */
function announceFieldAtHand(): AnnounceField | undefined {
  const ofLength = FIELDS[fields.nameLength];
  if (!ofLength) return undefined;
  for (const field of ofLength) if (fields.isNamed(field.bytes)) return field.name;
  return undefined;
}

/** Most announces are of the torrent of the one before: then its string is used again, and with it its hash. */
function infoHashAtHand(): string {
  if (!fields.isValue(lastInfoHash.bytes)) {
    lastInfoHash = { bytes: fields.valueBytes(), text: fields.valueText() };
  }
  return lastInfoHash.text;
}

let lastInfoHash: { readonly bytes: Uint8Array; readonly text: string } = { bytes: new Uint8Array(), text: '' };

/** The fields of an announce by the length of their names. */
const FIELDS = fieldsByLength(['info_hash', 'peer_id', 'port', 'left', 'numwant', 'event', 'compact', 'no_peer_id']);
const EVENTS = (['started', 'stopped', 'completed', 'paused'] as const).map((event) => ({
  event,
  text: Buffer.from(event),
}));
const YES = Buffer.from('1');
const NO = Buffer.from('0');
const MISSING = -1;
const MALFORMED = 'a percent sign in the query is not followed by two hex digits';

interface NamedField {
  readonly name: AnnounceField;
  readonly bytes: Uint8Array;
}

function fieldsByLength(names: readonly AnnounceField[]): readonly (readonly NamedField[])[] {
  const longest = Math.max(...names.map(({ length }) => length));
  return Array.from({ length: longest + 1 }, (_, length) =>
    names.filter((name) => name.length === length).map((name) => ({ name, bytes: Buffer.from(name) })),
  );
}

/** @param length of the value, or `MISSING` */
function wrongLength(field: string, length: number): QueryRefusal {
  if (length === MISSING) return refusal(`${field} is missing`);
  return refusal(`${field} has ${length} bytes instead of ${HASH_BYTES}`);
}

function refusal(reason: string): QueryRefusal {
  return { type: 'refusal', reason };
}
