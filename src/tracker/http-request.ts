/**
 * One HTTP request with bounds: on time, on the size of the answer, on redirects, and on schemes (http and https
 * alone). No connection is kept. Messages name the origin only, since paths and queries may hold passkeys.
 */
import { request as requestHttp, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isIP } from 'node:net';
import { TrackerError } from '../errors.js';
import { escapeText } from '../metainfo/escape-text.js';

export interface HttpRequest {
  /** http or https. */
  readonly url: string;
  readonly method?: 'GET' | 'PUT';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** Bytes of the answer's body at most. */
  readonly maxBytes: number;
  /** For the whole of it, redirects included. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  /** Local address to send from; the system's choice when left out. */
  readonly localAddress?: string | undefined;
  /** The family of addresses to go out by; any when left out. */
  readonly family?: 4 | 6;
}

export interface HttpReply {
  readonly status: number;
  readonly contentType: string;
  readonly body: Uint8Array;
}

/** Redirects that are followed; only for GET. */
export const MAX_REDIRECTS = 3;

const USER_AGENT = 'p2p-fileshare';
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];

/**
 * Sends a request and reads the whole answer, whatever its status.
 * @throws {P2P_TRACKER_UNREACHABLE} when there is no answer in time, or the URL or a redirect is not http or https
 * @throws {P2P_TRACKER_REPLY_INVALID} when the answer is too large, or redirects too often
 * @throws the signal's reason when it aborts
 */
export async function requestOverHttp(request: HttpRequest): Promise<HttpReply> {
  request.signal?.throwIfAborted();
  let url = parseHttpUrl(request.url);
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(), request.timeoutMs);
  const signal = request.signal ? AbortSignal.any([request.signal, timeout.signal]) : timeout.signal;
  try {
    for (let redirects = 0; ; redirects += 1) {
      const response = await open(url, request, signal);
      const target = redirectOf(response, request);
      if (target === undefined) return await readReply(url, response, request.maxBytes);
      response.destroy();
      if (redirects === MAX_REDIRECTS) throw invalid(url, `redirects more than ${MAX_REDIRECTS} times`);
      url = parseHttpUrl(target, url);
    }
  } catch (error) {
    request.signal?.throwIfAborted();
    if (timeout.signal.aborted) throw unreachable(url, `no answer within ${request.timeoutMs / 1000} s`, error);
    if (error instanceof TrackerError) throw error;
    throw unreachable(url, describeFailure(error), error);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * A URL that can be asked.
 * @param base for the target of a redirect
 * @throws {P2P_TRACKER_UNREACHABLE} when the text is no http or https URL
 */
export function parseHttpUrl(text: string, base?: URL): URL {
  if (!URL.canParse(text, base?.href)) {
    throw new TrackerError(
      'P2P_TRACKER_UNREACHABLE',
      `'${escapeText(text)}' is no URL; write for example http://host:9999/announce`,
    );
  }
  const url = new URL(text, base);
  if (url.protocol === 'http:' || url.protocol === 'https:') return url;
  const where = base ? `${base.origin}, which redirects to ${url.protocol}` : `${url.protocol}//${url.host}`;
  throw new TrackerError(
    'P2P_TRACKER_UNREACHABLE',
    `cannot reach ${where}: ${url.protocol} is not supported; use http or https`,
  );
}

/** Resolves when the head of the answer is there. */
function open(url: URL, request: HttpRequest, signal: AbortSignal): Promise<IncomingMessage> {
  const body = request.body;
  const options: RequestOptions & { autoSelectFamily: boolean } = {
    method: request.method ?? 'GET',
    headers: {
      'User-Agent': USER_AGENT,
      Connection: 'close',
      ...(body && { 'Content-Length': String(body.length) }),
      ...request.headers,
    },
    agent: false,
    signal,
    // localhost is ::1 and 127.0.0.1, and a tracker may listen on one of them.
    autoSelectFamily: request.localAddress === undefined,
    ...(request.family !== undefined && { family: request.family }),
    ...(request.localAddress !== undefined && {
      localAddress: request.localAddress,
      family: isIP(request.localAddress),
    }),
  };
  return new Promise((resolve, reject) => {
    const send = url.protocol === 'https:' ? requestHttps : requestHttp;
    const sent = send(url, options, resolve);
    sent.on('error', reject);
    sent.end(body);
  });
}

function redirectOf(response: IncomingMessage, request: HttpRequest): string | undefined {
  if ((request.method ?? 'GET') !== 'GET' || !REDIRECTS.includes(response.statusCode ?? 0)) return undefined;
  return response.headers.location;
}

async function readReply(url: URL, response: IncomingMessage, maxBytes: number): Promise<HttpReply> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  const announced = Number(response.headers['content-length'] ?? 0);
  try {
    if (announced > maxBytes) throw invalid(url, `answers with ${announced} bytes; ${maxBytes} is the most`);
    for await (const chunk of response as AsyncIterable<Uint8Array>) {
      length += chunk.length;
      if (length > maxBytes) throw invalid(url, `answers with more than ${maxBytes} bytes`);
      chunks.push(chunk);
    }
  } finally {
    response.destroy();
  }
  return {
    status: response.statusCode ?? 0,
    contentType: response.headers['content-type'] ?? '',
    body: Buffer.concat(chunks, length),
  };
}

function unreachable(url: URL, why: string, cause: unknown): TrackerError {
  return new TrackerError(
    'P2P_TRACKER_UNREACHABLE',
    `cannot reach ${url.origin}: ${why}`,
    { origin: url.origin },
    cause,
  );
}

function invalid(url: URL, what: string): TrackerError {
  return new TrackerError('P2P_TRACKER_REPLY_INVALID', `${url.origin} ${what}`, { origin: url.origin });
}

/** With several addresses tried, Node's error has no message of its own, only one for each address. */
function describeFailure(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(describeFailure).join(', ');
  return error instanceof Error ? error.message : String(error);
}
