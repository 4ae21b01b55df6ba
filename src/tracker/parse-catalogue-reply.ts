/** What a catalogue answers, read with distrust: it may be any web server. */
import { escapeText } from '../metainfo/escape-text.js';
import type { CatalogueEntry } from './catalogue-entry.js';
import type { HttpReply } from './http-request.js';

export type CatalogueReply =
  | {
      readonly type: 'list';
      readonly entries: readonly CatalogueEntry[];
      /** How many came, those that were no entries among them. */
      readonly rowCount: number;
    }
  | { readonly type: 'torrent'; readonly bytes: Uint8Array }
  | { readonly type: 'absent' }
  | { readonly type: 'published'; readonly entry: CatalogueEntry; readonly isNew: boolean }
  /** It is a catalogue, and says no. The message is safe to print. */
  | { readonly type: 'failure'; readonly code: string; readonly message: string }
  /** No catalogue answers there. */
  | { readonly type: 'foreign'; readonly problem: string };

const MAX_MESSAGE_LENGTH = 300;

export function parseCatalogueReply(reply: HttpReply): CatalogueReply {
  const { status, contentType, body } = reply;
  const problem = `HTTP status ${status}`;
  if (status === 200 && contentType.startsWith('application/x-bittorrent')) return { type: 'torrent', bytes: body };
  const value = contentType.startsWith('application/json') ? parseObject(body) : undefined;
  if (!value) return { type: 'foreign', problem };
  if (status === 200 || status === 201) return parseAnswer(value) ?? { type: 'foreign', problem };
  const { code, message } = value;
  if (typeof code !== 'string' || !code.startsWith('P2P_') || typeof message !== 'string') {
    return { type: 'foreign', problem };
  }
  if (code === 'P2P_TARGET_NOT_FOUND') return { type: 'absent' };
  return { type: 'failure', code, message: escapeText(message.slice(0, MAX_MESSAGE_LENGTH)) };
}

function parseAnswer(value: Readonly<Record<string, unknown>>): CatalogueReply | undefined {
  const { torrents, torrent, isNew } = value;
  if (Array.isArray(torrents)) {
    return { type: 'list', entries: torrents.flatMap((row) => parseEntry(row) ?? []), rowCount: torrents.length };
  }
  const entry = parseEntry(torrent);
  return entry && { type: 'published', entry, isNew: isNew === true };
}

/** @returns undefined for what is no entry: a newer tracker may list what we do not know */
function parseEntry(value: unknown): CatalogueEntry | undefined {
  if (!isObject(value)) return undefined;
  const { name, infoHash, blake3InfoHash, hashes } = value;
  if (typeof name !== 'string' || name === '' || escapeText(name) !== name) return undefined;
  if (typeof infoHash !== 'string' || !/^[0-9a-f]{40}$/.test(infoHash)) return undefined;
  if (typeof blake3InfoHash !== 'string' || !/^[0-9a-f]{64}$/.test(blake3InfoHash)) return undefined;
  if (!Array.isArray(hashes) || !hashes.every(isAlgorithmName)) return undefined;
  const numbers = NUMBER_FIELDS.map((field) => value[field]);
  if (!numbers.every(isCount)) return undefined;
  const [totalBytes = 0, pieceLengthBytes = 0, pieceCount = 0, fileCount = 0, publishedAtMs = 0] = numbers;
  return {
    name,
    infoHash,
    blake3InfoHash,
    totalBytes,
    pieceLengthBytes,
    pieceCount,
    fileCount,
    hashes,
    publishedAtMs,
    seeders: isCount(value['seeders']) ? value['seeders'] : 0,
    leechers: isCount(value['leechers']) ? value['leechers'] : 0,
  };
}

const NUMBER_FIELDS = ['totalBytes', 'pieceLengthBytes', 'pieceCount', 'fileCount', 'publishedAtMs'] as const;

function parseObject(body: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(body).toString('utf8'));
    return isObject(value) ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isAlgorithmName(value: unknown): value is string {
  return typeof value === 'string' && /^[a-z0-9][a-z0-9-]{0,31}$/.test(value);
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
