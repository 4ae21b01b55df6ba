/**
 * Magnet links (BEP 9, BEP 53 for `btmh` and `so`). A dual-hash torrent is `xt=urn:btih:<SHA-1>` with `x.b3=<BLAKE3>`, since
 * other clients refuse a whole link over a multihash that they do not know; a pure one is `xt=urn:btmh:1e20<BLAKE3>`.
 */
import { MetainfoError } from '../errors.js';
import { escapeText } from './escape-text.js';
import { infoHashFromBlake3, infoHashFromBytes, parseInfoHash } from './info-hash.js';
import type { InfoHash, Metainfo } from './metainfo.js';
import { isTrackerUrl, MAX_TRACKERS } from './trackers.js';
import { usableWebSeeds } from './web-seeds.js';

/** A peer's address in a link; the host may be a name. */
export interface MagnetPeer {
  readonly host: string;
  readonly port: number;
}

/** Files of a torrent by their index, from `first` to `last`, both included. */
export interface FileRange {
  readonly first: number;
  readonly last: number;
}

export interface Magnet {
  readonly infoHash: InfoHash;
  /** 64 lower-case hex digits; the metainfo that is found must have it (`assertMatches`). */
  readonly blake3InfoHash?: string;
  /** For people to read until the metainfo is there; not a safe file name. */
  readonly name?: string;
  /** Announce URLs, without repeats. */
  readonly trackers: readonly string[];
  readonly peers: readonly MagnetPeer[];
  /** URLs of web seeds (`ws`), without repeats. */
  readonly webSeeds: readonly string[];
  /** The files to be fetched (`so`), as the link has them; all when left out. The torrent may have fewer files. */
  readonly selectedFiles?: readonly FileRange[];
}

/** Characters of a link; browsers and chat programs pass far less. */
export const MAX_MAGNET_LENGTH = 65_536;
/** Peers taken from one link. */
export const MAX_MAGNET_PEERS = 100;

/** The link of a torrent, its name and web seeds included. Trackers and peers are those given, not the torrent's own. */
export function formatMagnet(
  metainfo: Pick<Metainfo, 'kind' | 'infoHash' | 'blake3InfoHash' | 'name' | 'webSeeds'>,
  others: { readonly trackers: readonly string[]; readonly peers?: readonly MagnetPeer[] },
): string {
  const parts: string[] = [];
  if (metainfo.kind === 'pure') parts.push(`xt=urn:btmh:${BLAKE3_MULTIHASH}${metainfo.blake3InfoHash}`);
  else parts.push(`xt=urn:btih:${metainfo.infoHash}`);
  if (metainfo.kind === 'dual-hash') parts.push(`x.b3=${metainfo.blake3InfoHash}`);
  parts.push(`dn=${encodeText(metainfo.name)}`);
  for (const url of others.trackers) parts.push(`tr=${encodeText(url)}`);
  for (const url of metainfo.webSeeds) parts.push(`ws=${encodeText(url)}`);
  for (const { host, port } of others.peers ?? []) {
    parts.push(`x.pe=${encodeText(host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`)}`);
  }
  return `magnet:?${parts.join('&')}`;
}

/**
 * A magnet link, ours or another client's. Unknown parameters, trackers of other schemes and unusable peers are passed
 * over; what names the torrent must be right.
 * @throws {P2P_MAGNET_INVALID} when it names no torrent that we could fetch; the message says why
 */
export function parseMagnet(text: string): Magnet {
  const link = text.trim();
  if (!/^magnet:\?/i.test(link)) throw invalid("a magnet link begins with 'magnet:?xt=urn:btih:'");
  if (link.length > MAX_MAGNET_LENGTH) throw invalid(`${link.length} characters exceed ${MAX_MAGNET_LENGTH}`);
  const parameters = parseParameters(link.slice('magnet:?'.length));
  const name = parameters.find(([key]) => key === 'dn')?.[1].replaceAll('+', ' ');
  const selectedFiles = valuesOf(parameters, 'so').map(decodeText).flatMap(parseFileRanges);
  return {
    ...parseHashes(valuesOf(parameters, 'xt'), valuesOf(parameters, 'x.b3')),
    ...(name ? { name: decodeText(name) } : {}),
    trackers: [...new Set(valuesOf(parameters, 'tr').map(decodeText).filter(isTrackerUrl))].slice(0, MAX_TRACKERS),
    webSeeds: usableWebSeeds(valuesOf(parameters, 'ws').map(decodeText)),
    peers: valuesOf(parameters, 'x.pe').map(decodeText).flatMap(parsePeer).slice(0, MAX_MAGNET_PEERS),
    ...(selectedFiles.length > 0 ? { selectedFiles } : {}),
  };
}

type Parameters = readonly (readonly [key: string, value: string])[];

/** Keys in lower case, without the number of `xt.1`; values still percent-encoded. `&amp;` comes from copied HTML. */
function parseParameters(query: string): Parameters {
  return query.split(/&(?:amp;)?/).map((part) => {
    const equals = part.indexOf('=');
    const key = decodeText(equals < 0 ? part : part.slice(0, equals)).toLowerCase();
    return [key.replace(/\.\d+$/, ''), equals < 0 ? '' : part.slice(equals + 1)] as const;
  });
}

function valuesOf(parameters: Parameters, key: string): string[] {
  return parameters.filter(([name]) => name === key).map(([, value]) => value);
}

function parseHashes(
  topics: readonly string[],
  blake3Hints: readonly string[],
): { readonly infoHash: InfoHash; readonly blake3InfoHash?: string } {
  const infoHashes = new Set<InfoHash>();
  const blake3Hashes = new Set<string>();
  let isV2 = false;
  for (const topic of topics.map(decodeText)) {
    const [, kind = '', hash = ''] = /^urn:(btih|btmh):(.*)$/i.exec(topic) ?? [];
    if (kind.toLowerCase() === 'btih') infoHashes.add(parseBtih(hash));
    else if (kind !== '' && hash.toLowerCase().startsWith(SHA256_MULTIHASH)) isV2 = true;
    else if (kind !== '') blake3Hashes.add(parseBlake3(hash.slice(BLAKE3_MULTIHASH.length), hash, BLAKE3_MULTIHASH));
  }
  const isPure = infoHashes.size === 0;
  const [pureHash] = blake3Hashes;
  for (const hint of blake3Hints.map(decodeText)) blake3Hashes.add(parseBlake3(hint, hint, ''));
  if (infoHashes.size > 1 || blake3Hashes.size > 1) throw invalid('it names several torrents');

  const [blake3InfoHash] = blake3Hashes;
  const infoHash = isPure && pureHash ? infoHashFromBlake3(pureHash) : [...infoHashes][0];
  if (infoHash !== undefined) return { infoHash, ...(blake3InfoHash ? { blake3InfoHash } : {}) };
  if (isV2) throw invalid('it names a BitTorrent v2 torrent only, which p2p cannot fetch yet');
  throw invalid("it has no 'xt=urn:btih:' with an info hash");
}

/** An info hash in hex (40 digits) or base32 (32 letters, RFC 4648), as BEP 9 allows. */
function parseBtih(text: string): InfoHash {
  if (/^[0-9a-f]{40}$/i.test(text)) return parseInfoHash(text);
  if (/^[a-z2-7]{32}$/i.test(text)) return infoHashFromBytes(decodeBase32(text));
  throw invalid(`an info hash is 40 hex digits or 32 letters of base32, not ${quoted(text)}`);
}

function parseBlake3(hex: string, whole: string, prefix: string): string {
  if (!whole.toLowerCase().startsWith(prefix) || !/^[0-9a-f]{64}$/i.test(hex)) {
    const form = prefix === '' ? '64 hex digits' : `${prefix} and 64 hex digits (BLAKE3)`;
    throw invalid(`expected ${form}, not ${quoted(whole)}`);
  }
  return hex.toLowerCase();
}

function decodeBase32(text: string): Uint8Array {
  const bytes = new Uint8Array(Math.floor((text.length * 5) / 8));
  let buffer = 0;
  let bits = 0;
  let at = 0;
  for (const letter of text.toLowerCase()) {
    buffer = ((buffer << 5) | BASE32.indexOf(letter)) & 0xfff;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes[at] = buffer >>> bits;
      at += 1;
    }
  }
  return bytes;
}

/** `host:port` or `[v6]:port`; nothing when it is neither. */
function parsePeer(text: string): MagnetPeer[] {
  const match = /^(?:\[([0-9a-f:.]{2,45})\]|([a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?)):(\d{1,5})$/i.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  return host !== undefined && port > 0 && port <= 65_535 ? [{ host, port }] : [];
}

/** `0,2,4-6` (BEP 53); what is no index or range is passed over. */
function parseFileRanges(text: string): FileRange[] {
  return text.split(',').flatMap((part) => {
    const [, from, to = from] = /^(\d{1,7})(?:-(\d{1,7}))?$/.exec(part.trim()) ?? [];
    const range = { first: Number(from), last: Number(to) };
    return from !== undefined && range.first <= range.last ? [range] : [];
  });
}

/** Percent-encoded, quotes and brackets too, so that the link can stand in quotes in a shell and in a chat. */
function encodeText(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** Percent-decoded; text that is not validly encoded stands for itself. */
function decodeText(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return text;
    throw error;
  }
}

function quoted(text: string): string {
  return `'${escapeText(text.length > 80 ? `${text.slice(0, 80)}…` : text)}'`;
}

function invalid(problem: string): MetainfoError {
  return new MetainfoError('P2P_MAGNET_INVALID', `not a usable magnet link: ${problem}`);
}

/** Multihash prefixes: the function's code and 32 as the digest's length. */
const BLAKE3_MULTIHASH = '1e20';
const SHA256_MULTIHASH = '1220';
const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';
