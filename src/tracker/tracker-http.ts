/** The tracker's answers over HTTP: `/announce`, `/scrape`, `/api/…`, `/metrics`. Thread: the tracker's only one. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { StorageError } from '../errors.js';
import { AnnounceReplyWriter, failureReply, scrapeReply } from './announce-reply.js';
import { AnnounceFrom } from './announce-from.js';
import { parseAnnounceQuery, parseScrapeQuery, type AnnounceQuery, type QueryRefusal } from './announce-query.js';
import type { PeerStore } from './peer-store.js';
import type { RequestSource, RequestSources } from './request-source.js';
import { MAX_URL_BYTES } from './tracker-limits.js';
import type { AnswerPlain } from './tracker-server.js';
import { formatMetrics, type TrackerCounters, type TrackerStats } from './tracker-stats.js';

/** An answer that is sent whole. Text is ASCII or bytes below 256. */
export interface HttpAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string | Uint8Array;
  /** For an answer that comes before the request was read to its end. */
  readonly closes?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Answers requests below `/api/torrents`. */
export interface CatalogueHttp {
  /** Never rejects. */
  answer(request: CatalogueRequest): Promise<HttpAnswer>;
}

export interface CatalogueRequest {
  readonly message: IncomingMessage;
  readonly path: string;
  /** What follows the `?`. */
  readonly query: string;
  readonly source: RequestSource;
}

export interface TrackerHttpParts {
  readonly store: PeerStore;
  readonly sources: RequestSources;
  readonly counters: TrackerCounters;
  readonly catalogue: CatalogueHttp;
  readonly stats: () => TrackerStats;
  /** Monotonic. */
  readonly nowMs: () => number;
  readonly onNote: (message: string) => void;
}

export class TrackerHttp {
  readonly #parts: TrackerHttpParts;
  readonly #writer = new AnnounceReplyWriter();

  constructor(parts: TrackerHttpParts) {
    this.#parts = parts;
  }

  /** Answers one request; the listener of the HTTP server. */
  readonly handle = (request: IncomingMessage, response: ServerResponse): void => {
    const url = request.url ?? '';
    const mark = url.indexOf('?');
    const path = mark < 0 ? url : url.slice(0, mark);
    const query = mark < 0 ? '' : url.slice(mark + 1);
    const source = this.#parts.sources.sourceOf(request);
    if (url.length > MAX_URL_BYTES) {
      const answer = textAnswer(414, `the URL has ${url.length} bytes; ${MAX_URL_BYTES} is the most`);
      this.#send(response, { ...answer, closes: true });
    } else if (!source) {
      this.#send(response, textAnswer(400, 'the proxy does not say whom it speaks for'));
    } else if (path === '/api/torrents' || path.startsWith('/api/torrents/')) {
      void this.#answerCatalogue({ message: request, path, query, source }, response);
    } else {
      this.#send(response, this.#answerOrApologise(request.method ?? '', path, query, source));
    }
  };

  /** Answers one request that was read without Node's server: the body, one character below 256 for each byte. */
  readonly answerPlain: AnswerPlain = (bytes, request, source, nowMs) => {
    this.#parts.counters.countResponse(200);
    const { queryStart, queryEnd } = request;
    return request.path === '/announce'
      ? this.#answerAnnounce(parseAnnounceQuery(bytes, queryStart, queryEnd), source, nowMs)
      : this.#answerScrape(parseScrapeQuery(bytes, queryStart, queryEnd));
  };

  /** A database that fails while the stats are made must not end the tracker. */
  #answerOrApologise(method: string, path: string, query: string, source: RequestSource): HttpAnswer {
    try {
      return this.#answer(method, path, query, source);
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      this.#parts.onNote(error.message);
      return textAnswer(503, 'the catalogue cannot be used now');
    }
  }

  #answer(method: string, path: string, query: string, source: RequestSource): HttpAnswer {
    switch (path) {
      case '/announce':
      case '/scrape':
      case '/metrics':
      case '/api/stats':
        if (method !== 'GET' && method !== 'HEAD') return methodAnswer(method, 'GET');
        break;
      default:
        return textAnswer(404, 'nothing is here: this is a BitTorrent tracker, its peers announce at /announce');
    }
    const bytes = Buffer.from(query, 'latin1');
    if (path === '/announce') {
      return bencodeAnswer(this.#answerAnnounce(parseAnnounceQuery(bytes), source, this.#parts.nowMs()));
    }
    if (path === '/scrape') return bencodeAnswer(this.#answerScrape(parseScrapeQuery(bytes)));
    if (path === '/api/stats') return jsonAnswer(200, this.#parts.stats());
    return {
      status: 200,
      contentType: 'text/plain; version=0.0.4; charset=utf-8',
      body: formatMetrics(this.#parts.stats()),
    };
  }

  #answerAnnounce(announce: AnnounceQuery | QueryRefusal, source: RequestSource, nowMs: number): string {
    const { store, counters } = this.#parts;
    if (announce.type === 'refusal') return this.#refuse(announce.reason);
    this.#writer.start(announce);
    const counts = store.announce(new AnnounceFrom(announce, source), nowMs, this.#writer.takePeer);
    if (!counts) return this.#refuse('the tracker is full; try again later');
    counters.announces[announce.event] += 1;
    return this.#writer.finish(counts);
  }

  #answerScrape(scrape: ReturnType<typeof parseScrapeQuery>): string {
    if (scrape.type === 'refusal') return this.#refuse(scrape.reason);
    this.#parts.counters.scrapes += 1;
    return scrapeReply(scrape.infoHashes.map((infoHash) => [infoHash, this.#parts.store.scrape(infoHash)]));
  }

  /** Status 200: clients show a failure reason, but of another status only the number. */
  #refuse(reason: string): string {
    this.#parts.counters.rejected += 1;
    return failureReply(reason);
  }

  async #answerCatalogue(request: CatalogueRequest, response: ServerResponse): Promise<void> {
    const answer = await this.#parts.catalogue.answer(request);
    if (answer.status >= 400 && request.message.method === 'PUT') this.#parts.counters.rejected += 1;
    this.#send(response, answer);
  }

  #send(response: ServerResponse, answer: HttpAnswer): void {
    this.#parts.counters.countResponse(answer.status);
    if (response.destroyed) return;
    const headers: Record<string, string | number> = {
      'Content-Type': answer.contentType,
      'Content-Length': answer.body.length,
      'Cache-Control': 'no-store',
      ...answer.headers,
    };
    if (answer.closes) headers['Connection'] = 'close';
    response.writeHead(answer.status, headers);
    if (typeof answer.body === 'string') response.end(answer.body, 'latin1');
    else response.end(answer.body);
  }
}

/** A line of text. */
export function textAnswer(status: number, line: string): HttpAnswer {
  return { status, contentType: 'text/plain; charset=utf-8', body: `${line}\n` };
}

/** A JSON value, as UTF-8. */
export function jsonAnswer(status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): HttpAnswer {
  return { status, contentType: 'application/json', body: Buffer.from(`${JSON.stringify(value)}\n`), headers };
}

/** For a method that a path does not know. */
export function methodAnswer(method: string, allowed: string): HttpAnswer {
  const answer = textAnswer(405, `${method} is not answered here; allowed: ${allowed}`);
  return { ...answer, headers: { Allow: allowed }, closes: true };
}

function bencodeAnswer(body: string): HttpAnswer {
  return { status: 200, contentType: 'text/plain', body };
}
