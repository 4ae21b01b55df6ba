/**
 * The query of an announce or scrape (BEP 3, 7, 21, 23, 48), read by hand: `info_hash` and `peer_id` are any bytes,
 * percent-encoded, which URL parsers would take for UTF-8. Strings of bytes have one character below 256 for each byte.
 */
import type { PeerRole } from './peer-table.js';
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
 * @param query what follows the `?`
 */
export function parseAnnounceQuery(query: string): AnnounceQuery | QueryRefusal {
  const fields: AnnounceFields = { event: '', left: '', numwant: '', compact: '', no_peer_id: '', port: '' };
  let infoHash: string | undefined;
  let peerId: string | undefined;
  const isWellFormed = readFields(query, (name, value) => {
    if (name === 'info_hash') infoHash = value;
    else if (name === 'peer_id') peerId = value;
    else if (isAnnounceField(name)) fields[name] = value;
  });
  if (!isWellFormed) return refusal('a percent sign in the query is not followed by two hex digits');
  if (infoHash?.length !== HASH_BYTES) return wrongLength('info_hash', infoHash);
  if (peerId?.length !== HASH_BYTES) return wrongLength('peer_id', peerId);
  const port = parseWhole(fields.port);
  if (port === undefined || port > 0xffff) return refusal('port is missing, or no number from 1 to 65535');
  if (port < LEAST_PEER_PORT) return refusal(privilegedPort(port));
  if (fields.left !== '' && parseWhole(fields.left) === undefined) return refusal('left is no whole number');

  const event = parseEvent(fields.event);
  return {
    type: 'announce',
    infoHash,
    peerId: Buffer.from(peerId, 'latin1'),
    port,
    event,
    role: roleOf(event, /^0+$/.test(fields.left)),
    numWant: Math.min(parseWhole(fields.numwant) ?? DEFAULT_NUM_WANT, MAX_NUM_WANT),
    isCompact: fields.compact !== '0',
    withPeerIds: fields.no_peer_id !== '1',
  };
}

/**
 * Reads the query of a scrape: one `info_hash` for each torrent.
 * @returns the info hashes as strings of 20 bytes, ascending, no repeats; at least one
 */
export function parseScrapeQuery(query: string): { readonly type: 'scrape'; infoHashes: string[] } | QueryRefusal {
  const infoHashes = new Set<string>();
  let wrong: string | undefined;
  const isWellFormed = readFields(query, (name, value) => {
    if (name !== 'info_hash') return;
    if (value.length === HASH_BYTES) infoHashes.add(value);
    else wrong = value;
  });
  if (!isWellFormed) return refusal('a percent sign in the query is not followed by two hex digits');
  if (wrong !== undefined) return wrongLength('info_hash', wrong);
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

/** The bytes that a percent-encoded text stands for, `+` being a space; undefined when it is malformed. */
export function unescapeBytes(text: string): string | undefined {
  if (!text.includes('%')) return text.includes('+') ? text.replaceAll('+', ' ') : text;
  const bytes = text.length <= scratch.length ? scratch : Buffer.allocUnsafe(text.length);
  let length = 0;
  for (let at = 0; at < text.length; at += 1) {
    let code = text.charCodeAt(at);
    if (code === PERCENT) {
      const high = hexDigit(text.charCodeAt(at + 1));
      const low = hexDigit(text.charCodeAt(at + 2));
      if (high < 0 || low < 0) return undefined;
      code = high * 16 + low;
      at += 2;
    } else if (code === PLUS) {
      code = SPACE;
    }
    bytes[length] = code;
    length += 1;
  }
  return bytes.toString('latin1', 0, length);
}

/** For info hash and peer id: nothing is left behind for the garbage collector. */
const scratch = Buffer.allocUnsafeSlow(256);

type AnnounceField = 'event' | 'left' | 'numwant' | 'compact' | 'no_peer_id' | 'port';
type AnnounceFields = Record<AnnounceField, string>;

const PERCENT = 0x25;
const PLUS = 0x2b;
const SPACE = 0x20;

function isAnnounceField(name: string): name is AnnounceField {
  switch (name) {
    case 'event':
    case 'left':
    case 'numwant':
    case 'compact':
    case 'no_peer_id':
    case 'port':
      return true;
    default:
      return false;
  }
}

/** Calls `take` for each field; returns false when one is malformed. */
function readFields(query: string, take: (name: string, value: string) => void): boolean {
  for (let start = 0; start < query.length;) {
    const ampersand = query.indexOf('&', start);
    const end = ampersand < 0 ? query.length : ampersand;
    const equals = query.indexOf('=', start);
    const nameEnd = equals < 0 || equals > end ? end : equals;
    const value = unescapeBytes(query.slice(nameEnd + 1, end));
    if (value === undefined) return false;
    take(query.slice(start, nameEnd), value);
    start = end + 1;
  }
  return true;
}

function parseEvent(text: string): AnnounceQueryEvent {
  switch (text) {
    case 'started':
    case 'stopped':
    case 'completed':
    case 'paused':
      return text;
    default:
      return 'none';
  }
}

/** A number of digits alone; past 2^53 it is no more exact, which no field needs. */
function parseWhole(text: string): number | undefined {
  return /^\d{1,30}$/.test(text) ? Number(text) : undefined;
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  if (code >= 0x41 && code <= 0x46) return code - 0x37;
  if (code >= 0x61 && code <= 0x66) return code - 0x57;
  return -1;
}

function wrongLength(field: string, value: string | undefined): QueryRefusal {
  if (value === undefined) return refusal(`${field} is missing`);
  return refusal(`${field} has ${value.length} bytes instead of ${HASH_BYTES}`);
}

function refusal(reason: string): QueryRefusal {
  return { type: 'refusal', reason };
}
