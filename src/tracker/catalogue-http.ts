/** The catalogue over HTTP: `/api/torrents` and `/api/torrents/<info hash>`. Errors are JSON: `{ code, message }`. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { ERRORS, P2pError, toErrorValue, type ErrorCode } from '../errors.js';
import type { Catalogue, StoredEntry } from './catalogue.js';
import type { CatalogueEntry } from './catalogue-entry.js';
import type { PeerStore } from './peer-store.js';
import { BodyReader, discardBody } from './read-body.js';
import type { RequestSource } from './request-source.js';
import {
  jsonAnswer,
  methodAnswer,
  type CatalogueHttp,
  type CatalogueRequest,
  type HttpAnswer,
} from './tracker-http.js';
import * as limits from './tracker-limits.js';
import type { TrackerCounters } from './tracker-stats.js';
import { UploadAllowance } from './upload-allowance.js';

export interface CatalogueHttpParts {
  readonly catalogue: Catalogue;
  readonly store: PeerStore;
  readonly counters: TrackerCounters;
  /** Publishing needs it when it is set. */
  readonly token: string | undefined;
  /** Monotonic. */
  readonly nowMs: () => number;
  /** Since 1970. */
  readonly wallClockMs: () => number;
  readonly onNote: (message: string) => void;
}

const COLLECTION = '/api/torrents';

export class CatalogueApi implements CatalogueHttp {
  readonly #parts: CatalogueHttpParts;
  readonly #bodies = new BodyReader(limits.MAX_TORRENT_BYTES, limits.MAX_UPLOADING_BYTES);
  readonly #allowance = new UploadAllowance({
    burst: limits.UPLOAD_BURST,
    refillMs: limits.UPLOAD_REFILL_MS,
    maxAtOnce: limits.MAX_UPLOADS_AT_ONCE,
    maxAddresses: limits.MAX_UPLOADERS,
  });

  constructor(parts: CatalogueHttpParts) {
    this.#parts = parts;
  }

  async answer(request: CatalogueRequest): Promise<HttpAnswer> {
    try {
      return await this.#answer(request);
    } catch (error) {
      return this.#failure(error);
    }
  }

  async #answer({ message, path, query, source }: CatalogueRequest): Promise<HttpAnswer> {
    const { method = '' } = message;
    const isReading = method === 'GET' || method === 'HEAD';
    if (path !== COLLECTION) {
      return isReading ? this.#torrent(path.slice(COLLECTION.length + 1)) : methodAnswer(method, 'GET');
    }
    if (method === 'PUT') return await this.#publish(message, source);
    return isReading ? this.#list(new URLSearchParams(query)) : methodAnswer(method, 'GET, PUT');
  }

  #torrent(hash: string): HttpAnswer {
    if (!/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/i.test(hash)) {
      return errorAnswer(400, 'P2P_USAGE', 'an info hash is 40 or 64 hex digits');
    }
    const body = this.#parts.catalogue.torrentOf(hash);
    if (!body) return errorAnswer(404, 'P2P_TARGET_NOT_FOUND', `no torrent ${hash.toLowerCase()} in the catalogue`);
    return {
      status: 200,
      contentType: 'application/x-bittorrent',
      body,
      headers: { 'X-Content-Type-Options': 'nosniff' },
    };
  }

  #list(query: URLSearchParams): HttpAnswer {
    const { catalogue } = this.#parts;
    const name = query.get('name');
    const limit = Math.min(wholeOf(query.get('limit')) ?? limits.DEFAULT_LIST, limits.MAX_LIST);
    const offset = wholeOf(query.get('offset')) ?? 0;
    const entries = name === null ? catalogue.list(limit, offset) : catalogue.findByName(name);
    const total = name === null ? catalogue.count : entries.length;
    return jsonAnswer(200, { torrents: entries.map((entry) => this.#withCounts(entry)), total });
  }

  async #publish(message: IncomingMessage, source: RequestSource): Promise<HttpAnswer> {
    const refusal = this.#refusalOf(message);
    if (refusal) {
      await discardBody(message, limits.MAX_TORRENT_BYTES);
      return refusal;
    }
    if (source.isLoopback) return await this.#take(message);
    if (!this.#allowance.begin(source.ip, this.#parts.nowMs())) {
      await discardBody(message, limits.MAX_TORRENT_BYTES);
      const answer = errorAnswer(
        429,
        'P2P_REFUSED',
        'too many torrents are published from this address; try again later',
      );
      return { ...answer, headers: { 'Retry-After': String(limits.UPLOAD_REFILL_MS / 1000) } };
    }
    try {
      return await this.#take(message);
    } finally {
      this.#allowance.end(source.ip);
    }
  }

  async #take(message: IncomingMessage): Promise<HttpAnswer> {
    const body = await this.#bodies.read(message);
    switch (body.type) {
      case 'too-large': {
        const text = `a .torrent may have ${limits.MAX_TORRENT_BYTES} bytes (16 MiB) at most`;
        return { ...errorAnswer(413, 'P2P_METAINFO_TOO_LARGE', text), closes: true };
      }
      case 'no-room':
        return { ...errorAnswer(503, 'P2P_REFUSED', 'too much is being published; try again'), closes: true };
      case 'lost':
        return { ...errorAnswer(400, 'P2P_USAGE', 'the torrent did not arrive whole'), closes: true };
      case 'body': {
        const published = this.#parts.catalogue.publish(body.bytes, this.#parts.wallClockMs());
        this.#parts.counters.published += 1;
        return jsonAnswer(published.isNew ? 201 : 200, {
          torrent: this.#withCounts(published.entry),
          isNew: published.isNew,
        });
      }
    }
  }

  /** Whether the sender may publish. */
  #refusalOf(message: IncomingMessage): HttpAnswer | undefined {
    const { token } = this.#parts;
    if (token === undefined) return undefined;
    const given = /^Bearer +(.+)$/i.exec(message.headers.authorization ?? '')?.[1];
    if (given === undefined) {
      const answer = errorAnswer(401, 'P2P_REFUSED', 'publishing to this tracker needs a token: set P2P_TOKEN');
      return { ...answer, headers: { 'WWW-Authenticate': 'Bearer' } };
    }
    if (areSameSecret(given, token)) return undefined;
    return errorAnswer(403, 'P2P_REFUSED', 'the token is not the one of this tracker');
  }

  #withCounts(entry: StoredEntry): CatalogueEntry {
    const infoHash = Buffer.from(entry.infoHash, 'hex').toString('latin1');
    const { seeders, leechers } = this.#parts.store.scrape(infoHash);
    return { ...entry, seeders, leechers };
  }

  #failure(error: unknown): HttpAnswer {
    const { code, message } = toErrorValue(error);
    if (!(error instanceof P2pError)) {
      // The stack is for whoever runs the tracker, not for strangers.
      this.#parts.onNote(`a request to the catalogue failed: ${message}`);
      return errorAnswer(500, 'P2P_BUG', 'the tracker failed to answer; its log says why');
    }
    if (code === 'P2P_REFUSED' || ERRORS[code].fault === 'torrent') return errorAnswer(400, code, message);
    this.#parts.onNote(message);
    return errorAnswer(code === 'P2P_DISK_FULL' ? 507 : 503, code, 'the catalogue cannot be used now');
  }
}

function errorAnswer(status: number, code: ErrorCode, message: string): HttpAnswer {
  return jsonAnswer(status, { code, message });
}

function wholeOf(text: string | null): number | undefined {
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/** Takes the same time wherever they differ. */
function areSameSecret(left: string, right: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(left), digest(right));
}
