/**
 * Finds the requests that a tracker gets all day long in what a connection sent: `GET /announce?…` and `GET /scrape?…`,
 * whole, with nothing in their headers that changes what they mean. Whatever else comes is not judged here, only left
 * to Node's HTTP server: it refuses what is malformed, and waits for what is not whole yet. So this reader may be strict,
 * and can be wrong in one way only, by taking what Node would not. Pure; copies nothing.
 */
import { MAX_HEADER_BYTES, MAX_URL_BYTES } from './tracker-limits.js';

/** A request whose header ends with it: it has no body. */
export interface PlainRequest {
  readonly path: '/announce' | '/scrape';
  /** What follows the `?`, as offsets into the bytes that were read; printable ASCII. */
  readonly queryStart: number;
  readonly queryEnd: number;
  /** Whether its sender wants to use the connection for another one. */
  readonly keepsAlive: boolean;
  /** Where the next request begins. */
  readonly end: number;
}

/**
 * Reads the request that begins at an offset.
 * @returns undefined when it is not whole, or not plain
 */
export function readPlainRequest(bytes: Buffer, start: number): PlainRequest | undefined {
  const path = pathAt(bytes, start);
  if (path === undefined) return undefined;
  const targetStart = start + METHOD.length;
  let at = targetStart + path.length;
  while (isOf(TARGET, bytes[at])) at += 1;
  if (at - targetStart > MAX_URL_BYTES || !isAt(VERSION, bytes, at)) return undefined;
  const minor = bytes[at + VERSION.length];
  if ((minor !== ZERO && minor !== ONE) || !isLineEnd(bytes, at + VERSION.length + 1)) return undefined;

  const header = readHeader(bytes, at + VERSION.length + 3, start + MAX_HEADER_BYTES);
  if (!header) return undefined;
  // HTTP/1.1 asks for one Host, and keeps connections unless told otherwise; HTTP/1.0 neither.
  if (minor === ONE ? header.hostCount !== 1 : header.connection === 'keep-alive') return undefined;
  return {
    path,
    queryStart: Math.min(targetStart + path.length + 1, at),
    queryEnd: at,
    keepsAlive: minor === ONE && header.connection !== 'close',
    end: header.end,
  };
}

interface PlainHeader {
  hostCount: number;
  connection: 'close' | 'keep-alive' | undefined;
  end: number;
}

/** The rest of a header, with its empty line. @param limit the offset that it may reach */
function readHeader(bytes: Buffer, start: number, limit: number): PlainHeader | undefined {
  const header: PlainHeader = { hostCount: 0, connection: undefined, end: 0 };
  const last = Math.min(bytes.length, limit);
  for (let at = start; at < last;) {
    if (isLineEnd(bytes, at)) {
      header.end = at + 2;
      return header.end <= limit ? header : undefined;
    }
    const nameStart = at;
    while (isOf(TOKEN, bytes[at])) at += 1;
    if (at === nameStart || bytes[at] !== COLON) return undefined;
    const nameEnd = at;
    at += 1;
    while (isOf(VALUE, bytes[at])) at += 1;
    if (!isLineEnd(bytes, at) || !takeField(header, bytes, nameStart, { nameEnd, end: at })) return undefined;
    at += 2;
  }
  return undefined;
}

/** Notes a field that counts. @returns false for one that makes the request more than plain */
function takeField(
  header: PlainHeader,
  bytes: Buffer,
  start: number,
  { nameEnd, end }: { readonly nameEnd: number; readonly end: number },
): boolean {
  switch (nameEnd - start) {
    case HOST.length:
      if (isAtAnyCase(HOST, bytes, start)) header.hostCount += 1;
      return true;
    case CONNECTION.length: {
      if (!isAtAnyCase(CONNECTION, bytes, start)) return true;
      const value = bytes
        .toString('latin1', nameEnd + 1, end)
        .trim()
        .toLowerCase();
      if (header.connection !== undefined || (value !== 'close' && value !== 'keep-alive')) return false;
      header.connection = value;
      return true;
    }
    default:
      return !NOT_PLAIN.some((name) => name.length === nameEnd - start && isAtAnyCase(name, bytes, start));
  }
}

function pathAt(bytes: Buffer, start: number): PlainRequest['path'] | undefined {
  if (!isAt(METHOD, bytes, start)) return undefined;
  const at = start + METHOD.length;
  const path = isAt(ANNOUNCE, bytes, at) ? '/announce' : isAt(SCRAPE, bytes, at) ? '/scrape' : undefined;
  if (path === undefined) return undefined;
  const next = bytes[at + path.length];
  return next === QUESTION_MARK || next === SPACE ? path : undefined;
}

function isAt(text: Uint8Array, bytes: Uint8Array, start: number): boolean {
  for (let at = 0; at < text.length; at += 1) if (bytes[start + at] !== text[at]) return false;
  return true;
}

/** @param name in lower case, letters and dashes alone */
function isAtAnyCase(name: Uint8Array, bytes: Uint8Array, start: number): boolean {
  for (let at = 0; at < name.length; at += 1) if (((bytes[start + at] ?? 0) | 0x20) !== name[at]) return false;
  return true;
}

function isLineEnd(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === CR && bytes[at + 1] === LF;
}

function isOf(set: Uint8Array, byte: number | undefined): boolean {
  return byte !== undefined && set[byte] === 1;
}

/** The bytes from 0 to 255 for which something holds. */
function bytesWhere(holds: (character: string) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => (holds(String.fromCharCode(byte)) ? 1 : 0));
}

/** RFC 9110, 5.6.2. */
const TOKEN = bytesWhere((character) => /[!#$%&'*+\-.^_`|~0-9A-Za-z]/.test(character));
/** RFC 9110, 5.5: no control characters but the tab. */
const VALUE = bytesWhere((character) => /[\t\x20-\x7e\x80-\xff]/.test(character));
const TARGET = bytesWhere((character) => /[\x21-\x7e]/.test(character) && character !== '#');

const METHOD = Buffer.from('GET ');
const ANNOUNCE = Buffer.from('/announce');
const SCRAPE = Buffer.from('/scrape');
const VERSION = Buffer.from(' HTTP/1.');
const HOST = Buffer.from('host');
const CONNECTION = Buffer.from('connection');
/** A body, an answer before the request is whole, another protocol. */
const NOT_PLAIN = ['content-length', 'transfer-encoding', 'expect', 'upgrade'].map((name) => Buffer.from(name));
const SPACE = 0x20;
const QUESTION_MARK = 0x3f;
const ZERO = 0x30;
const ONE = 0x31;
const COLON = 0x3a;
const CR = 0x0d;
const LF = 0x0a;
