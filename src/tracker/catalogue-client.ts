/** The peer's side of a tracker's catalogue, and .torrent files from the web. A tracker without a catalogue is no error. */
import { TrackerError } from '../errors.js';
import { escapeText } from '../metainfo/escape-text.js';
import { MAX_METAINFO_BYTES } from '../metainfo/metainfo-limits.js';
import type { CatalogueEntry } from './catalogue-entry.js';
import { requestOverHttp, type HttpReply, type HttpRequest } from './http-request.js';
import { parseCatalogueReply, type CatalogueReply } from './parse-catalogue-reply.js';

export type { CatalogueEntry } from './catalogue-entry.js';

/** The tracker answers, but not as a catalogue does. */
export interface NoCatalogue {
  readonly type: 'no-catalogue';
  /** For people, safe to print. */
  readonly reason: string;
}

export type EntriesReply = { readonly type: 'entries'; readonly entries: readonly CatalogueEntry[] } | NoCatalogue;
export type TorrentReply =
  | { readonly type: 'torrent'; readonly bytes: Uint8Array }
  /** The catalogue does not list it. */
  | { readonly type: 'absent' }
  | NoCatalogue;
export type PublishReply =
  | { readonly type: 'published'; readonly entry: CatalogueEntry; /** Not there before. */ readonly isNew: boolean }
  | NoCatalogue;

export interface CatalogueCall {
  readonly signal?: AbortSignal;
  /** For the whole call; 10 s when left out, 60 s for a torrent on its way. */
  readonly timeoutMs?: number;
}

const LIST_TIMEOUT_MS = 10_000;
const TORRENT_TIMEOUT_MS = 60_000;
const DOWNLOAD_TIMEOUT_MS = 30_000;
/** A thousand entries with long names are half of it. */
const MAX_LIST_BYTES = 4 * 1024 * 1024;
const PAGE_ENTRIES = 1_000;
/** More than anybody reads; a catalogue that never ends must not keep us. */
const MAX_PAGES = 20;

/**
 * Where the catalogue of a tracker is: beside its announce path.
 * @returns a URL that ends with a slash; undefined when the tracker is not reached over HTTP
 */
export function catalogueBaseUrl(announceUrl: string): string | undefined {
  if (!URL.canParse(announceUrl)) return undefined;
  const url = new URL('.', announceUrl);
  return url.protocol === 'http:' || url.protocol === 'https:' ? url.href : undefined;
}

/**
 * All torrents of exactly this name.
 * @param baseUrl from `catalogueBaseUrl`
 * @throws {P2P_TRACKER_UNREACHABLE} {P2P_TRACKER_REPLY_INVALID} {P2P_TRACKER_FAILURE} {P2P_REFUSED}
 */
export async function findByName(baseUrl: string, name: string, call: CatalogueCall = {}): Promise<EntriesReply> {
  const reply = await ask(baseUrl, `?name=${encodeURIComponent(name)}`, listRequest(call));
  if (reply.type !== 'list') return noCatalogue(baseUrl, reply);
  return { type: 'entries', entries: reply.entries.filter((entry) => entry.name === name) };
}

/**
 * All torrents, by name; at most 20,000.
 * @throws as `findByName`
 */
export async function listAll(baseUrl: string, call: CatalogueCall = {}): Promise<EntriesReply> {
  const entries = new Map<string, CatalogueEntry>();
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const query = `?limit=${PAGE_ENTRIES}&offset=${page * PAGE_ENTRIES}`;
    const reply = await ask(baseUrl, query, listRequest(call));
    if (reply.type !== 'list') return noCatalogue(baseUrl, reply);
    for (const entry of reply.entries) entries.set(entry.infoHash, entry);
    if (reply.rowCount < PAGE_ENTRIES) break;
  }
  return { type: 'entries', entries: [...entries.values()] };
}

/**
 * A .torrent from the catalogue. Whether it is the one that was asked for, the caller checks (`assertMatches`).
 * @param hash wire info hash (40 hex digits) or BLAKE3 of the info bytes (64)
 * @throws as `findByName`
 */
export async function fetchMetainfo(baseUrl: string, hash: string, call: CatalogueCall = {}): Promise<TorrentReply> {
  const reply = await ask(baseUrl, `/${hash}`, {
    maxBytes: MAX_METAINFO_BYTES,
    timeoutMs: call.timeoutMs ?? TORRENT_TIMEOUT_MS,
    ...(call.signal && { signal: call.signal }),
  });
  if (reply.type === 'torrent' || reply.type === 'absent') return reply;
  return noCatalogue(baseUrl, reply);
}

/**
 * Publishes a torrent; doing so again changes nothing.
 * @param bytes the .torrent file
 * @param token the tracker's secret, when it wants one; sent to no other host
 * @throws {P2P_REFUSED} when the token is missing or wrong
 * @throws {P2P_TRACKER_FAILURE} when the torrent is private, too many were published, or the catalogue is full
 * @throws {P2P_METAINFO_TOO_LARGE} past 16 MiB
 * @throws as `findByName`
 */
export async function publish(
  baseUrl: string,
  bytes: Uint8Array,
  token?: string,
  call: CatalogueCall = {},
): Promise<PublishReply> {
  if (bytes.length > MAX_METAINFO_BYTES) {
    throw new TrackerError(
      'P2P_METAINFO_TOO_LARGE',
      `a .torrent of ${bytes.length} bytes exceeds ${MAX_METAINFO_BYTES} (16 MiB); take longer pieces`,
    );
  }
  const reply = await ask(baseUrl, '', {
    method: 'PUT',
    body: bytes,
    headers: {
      'Content-Type': 'application/x-bittorrent',
      ...(token !== undefined && { Authorization: `Bearer ${token}` }),
    },
    maxBytes: MAX_LIST_BYTES,
    timeoutMs: call.timeoutMs ?? TORRENT_TIMEOUT_MS,
    ...(call.signal && { signal: call.signal }),
  });
  return reply.type === 'published' ? reply : noCatalogue(baseUrl, reply);
}

/**
 * A .torrent file from a web server: http and https alone, 3 redirects, 16 MiB, 30 s.
 * @throws {P2P_TARGET_NOT_FOUND} when the server says that there is none
 * @throws {P2P_TRACKER_UNREACHABLE} {P2P_TRACKER_REPLY_INVALID} {P2P_TRACKER_FAILURE}
 */
export async function fetchTorrent(url: string, call: CatalogueCall = {}): Promise<Uint8Array> {
  const reply = await requestOverHttp({
    url,
    maxBytes: MAX_METAINFO_BYTES,
    timeoutMs: call.timeoutMs ?? DOWNLOAD_TIMEOUT_MS,
    ...(call.signal && { signal: call.signal }),
  });
  if (reply.status === 200) return reply.body;
  const code = reply.status === 404 || reply.status === 410 ? 'P2P_TARGET_NOT_FOUND' : 'P2P_TRACKER_FAILURE';
  throw new TrackerError(code, `${new URL(url).origin} answers with HTTP status ${reply.status}, not a .torrent`, {
    status: reply.status,
  });
}

type CatalogueRequest = Omit<HttpRequest, 'url'>;

function listRequest(call: CatalogueCall): CatalogueRequest {
  return {
    maxBytes: MAX_LIST_BYTES,
    timeoutMs: call.timeoutMs ?? LIST_TIMEOUT_MS,
    ...(call.signal && { signal: call.signal }),
  };
}

/** Asks, and throws what the catalogue says no with. */
async function ask(baseUrl: string, tail: string, request: CatalogueRequest): Promise<CatalogueReply> {
  const http: HttpReply = await requestOverHttp({ ...request, url: `${new URL('api/torrents', baseUrl).href}${tail}` });
  const reply = parseCatalogueReply(http);
  if (reply.type !== 'failure') return reply;
  const { origin } = new URL(baseUrl);
  // Anything else may pass, or concerns this torrent alone.
  const isTokenRefused = http.status === 401 || http.status === 403;
  const code = isTokenRefused ? 'P2P_REFUSED' : 'P2P_TRACKER_FAILURE';
  throw new TrackerError(code, `the catalogue of ${origin} refuses: ${reply.message}`, { origin, status: http.status });
}

function noCatalogue(baseUrl: string, reply: CatalogueReply): NoCatalogue {
  const what = reply.type === 'foreign' ? reply.problem : 'it answers something else than was asked';
  return { type: 'no-catalogue', reason: escapeText(`${new URL(baseUrl).origin} has no catalogue: ${what}`) };
}
