/** The peer's side of a scrape over HTTP (BEP 48). */
import { MetainfoError, TrackerError } from '../errors.js';
import { BencodeDictionary, type BencodeValue } from '../metainfo/bencode-dictionary.js';
import { decodeBencode } from '../metainfo/bencode.js';
import { escapeBytes } from './announce-client.js';
import { parseHttpUrl, requestOverHttp } from './http-request.js';
import { fitForPeople } from './parse-announce-reply.js';

export interface ScrapeRequest {
  /** Announce URL. */
  readonly url: string;
  /** Wire info hash, 40 hex digits. */
  readonly infoHash: string;
  /** 15 s when left out. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** The state of one torrent. */
export interface ScrapeCounts {
  readonly seeders: number;
  readonly leechers: number;
  /** How often a download was completed. */
  readonly completed: number;
}

const DEFAULT_TIMEOUT_MS = 15_000;
const MAX_REPLY_BYTES = 65_536;

/**
 * Asks for one torrent.
 * @returns undefined when the tracker does not know it
 * @throws as `TrackerClient.scrape`
 */
export async function scrapeOverHttp(request: ScrapeRequest): Promise<ScrapeCounts | undefined> {
  const url = scrapeUrl(request.url);
  const infoHash = Buffer.from(request.infoHash, 'hex');
  const field = `info_hash=${escapeBytes(infoHash)}`;
  url.search = url.search === '' ? field : `${url.search}&${field}`;
  const reply = await requestOverHttp({
    url: url.href,
    maxBytes: MAX_REPLY_BYTES,
    timeoutMs: request.timeoutMs ?? DEFAULT_TIMEOUT_MS,
    ...(request.signal && { signal: request.signal }),
  });
  const parsed = parseScrapeReply(reply.body, infoHash);
  const { origin } = url;
  if (parsed.type === 'failure') throw failure(origin, `tracker ${origin} refuses: ${parsed.reason}`);
  if (reply.status !== 200) throw failure(origin, `tracker ${origin} answers with HTTP status ${reply.status}`);
  if (parsed.type === 'invalid') {
    const message = `tracker ${origin} answers a scrape with nonsense: ${parsed.problem}`;
    throw new TrackerError('P2P_TRACKER_REPLY_INVALID', message, { origin });
  }
  return parsed.counts;
}

/**
 * Where to scrape (BEP 48): the announce URL with `scrape` in place of `announce` in the last part of its path.
 * @throws {P2P_TRACKER_FAILURE} when that part does not begin with `announce`
 * @throws {P2P_TRACKER_UNREACHABLE} when the URL is not http or https
 */
export function scrapeUrl(announceUrl: string): URL {
  const url = parseHttpUrl(announceUrl);
  const slash = url.pathname.lastIndexOf('/');
  const last = url.pathname.slice(slash + 1);
  if (!last.startsWith('announce')) {
    throw failure(url.origin, `tracker ${url.origin} cannot be scraped: its path does not end in /announce`);
  }
  url.pathname = `${url.pathname.slice(0, slash + 1)}scrape${last.slice('announce'.length)}`;
  return url;
}

type ParsedScrapeReply =
  | { readonly type: 'reply'; readonly counts: ScrapeCounts | undefined }
  | { readonly type: 'failure'; readonly reason: string }
  | { readonly type: 'invalid'; readonly problem: string };

/** What a tracker answers, for one torrent. @param body bencoded, as received */
export function parseScrapeReply(body: Uint8Array, infoHash: Uint8Array): ParsedScrapeReply {
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
  const files = value.dictionary('files');
  if (!files) return { type: 'invalid', problem: 'it has no files' };
  const [only, ...others] = files.entries();
  // npm's bittorrent-tracker writes the info hash as UTF-8, so that it is another one; we asked for one torrent.
  const stray = only && others.length === 0 && only[1] instanceof BencodeDictionary ? only[1] : undefined;
  const entry = files.dictionary(Buffer.from(infoHash).toString('latin1')) ?? stray;
  if (!entry) return { type: 'reply', counts: undefined };
  const count = (key: string): number => Math.max(0, entry.integer(key) ?? 0);
  const counts = { seeders: count('complete'), leechers: count('incomplete'), completed: count('downloaded') };
  return { type: 'reply', counts };
}

function failure(origin: string, message: string): TrackerError {
  return new TrackerError('P2P_TRACKER_FAILURE', message, { origin });
}
