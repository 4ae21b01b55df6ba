/** The peer's side of an announce over HTTP and HTTPS (BEP 3, 7, 21, 23). */
import { TrackerError } from '../errors.js';
import { parseHttpUrl, requestOverHttp } from './http-request.js';
import { parseAnnounceReply, type AnnounceReply } from './parse-announce-reply.js';

export type { AnnounceReply } from './parse-announce-reply.js';

export interface AnnounceRequest {
  /** Announce URL; what it has as a query is kept. */
  readonly url: string;
  /** Wire info hash, 40 hex digits. */
  readonly infoHash: string;
  /** 40 hex digits. */
  readonly peerId: string;
  /** Where we listen. */
  readonly port: number;
  readonly uploadedBytes: number;
  readonly downloadedBytes: number;
  readonly leftBytes: number;
  /** `paused`: a partial seed, which has not everything and wants nothing more (BEP 21). */
  readonly event: 'started' | 'stopped' | 'completed' | 'paused' | 'none';
  /** Peers wanted; the tracker decides when left out. */
  readonly numWant?: number;
  /** Same in all announces of a process, so that the tracker knows us by another address. */
  readonly key?: string;
  /** For the whole of it; 15 s over HTTP when left out, and over UDP what `patience` says. */
  readonly timeoutMs?: number;
  /** Over UDP: whether a silent tracker is asked once, for 15 s, or three times, for 105 s; `long` when left out. */
  readonly patience?: 'short' | 'long';
  /** The family of addresses to go out by; any when left out. */
  readonly family?: 'ipv4' | 'ipv6';
  readonly signal?: AbortSignal;
  /** Local address to announce from: the tracker tells others of it. The system's choice when left out. */
  readonly localAddress?: string | undefined;
}

const DEFAULT_TIMEOUT_MS = 15_000;
/** 200 peers need 4 KiB; other trackers send some thousands. */
const MAX_REPLY_BYTES = 1_048_576;

/**
 * Tells a tracker about us and takes peers from it.
 * @throws {P2P_TRACKER_UNREACHABLE} when it does not answer in time, or is reached by another scheme than http or https
 * @throws {P2P_TRACKER_FAILURE} when it says no; the message has its reason, safe to print
 * @throws {P2P_TRACKER_REPLY_INVALID} when it answers nonsense
 * @throws the signal's reason when it aborts
 */
export async function announce(request: AnnounceRequest): Promise<AnnounceReply> {
  const reply = await requestOverHttp({
    url: announceUrl(request),
    maxBytes: MAX_REPLY_BYTES,
    timeoutMs: request.timeoutMs ?? DEFAULT_TIMEOUT_MS,
    localAddress: request.localAddress,
    ...(request.family && { family: request.family === 'ipv4' ? 4 : 6 }),
    ...(request.signal && { signal: request.signal }),
  });
  const { origin } = new URL(request.url);
  const parsed = parseAnnounceReply(reply.body);
  if (parsed.type === 'failure') {
    throw new TrackerError('P2P_TRACKER_FAILURE', `tracker ${origin} refuses: ${parsed.reason}`, {
      origin,
      reason: parsed.reason,
    });
  }
  if (reply.status !== 200) {
    throw new TrackerError('P2P_TRACKER_FAILURE', `tracker ${origin} answers with HTTP status ${reply.status}`, {
      origin,
      status: reply.status,
    });
  }
  if (parsed.type === 'invalid') {
    throw new TrackerError('P2P_TRACKER_REPLY_INVALID', `tracker ${origin} answers nonsense: ${parsed.problem}`, {
      origin,
    });
  }
  return parsed.reply;
}

/**
 * The URL of an announce: the query is appended to what the tracker's URL has already.
 * @throws {P2P_TRACKER_UNREACHABLE} when the tracker's URL is not http or https
 */
export function announceUrl(request: AnnounceRequest): string {
  const url = parseHttpUrl(request.url);
  const fields = [
    `info_hash=${escapeBytes(Buffer.from(request.infoHash, 'hex'))}`,
    `peer_id=${escapeBytes(Buffer.from(request.peerId, 'hex'))}`,
    `port=${request.port}`,
    `uploaded=${request.uploadedBytes}`,
    `downloaded=${request.downloadedBytes}`,
    `left=${request.leftBytes}`,
    'compact=1',
  ];
  if (request.event !== 'none') fields.push(`event=${request.event}`);
  if (request.numWant !== undefined) fields.push(`numwant=${request.numWant}`);
  if (request.key !== undefined) fields.push(`key=${encodeURIComponent(request.key)}`);
  // Not through `searchParams`, which would encode the tracker's own query anew.
  url.search = url.search === '' ? fields.join('&') : `${url.search}&${fields.join('&')}`;
  return url.href;
}

/** Each byte percent-encoded but the unreserved ones of RFC 3986. */
export function escapeBytes(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) {
    const character = String.fromCharCode(byte);
    text += /[A-Za-z0-9._~-]/.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return text;
}
