/** From what a user types to metainfo: a URL, magnet link, .torrent file, info hash or catalogue name. */
import fs from 'node:fs/promises';

import { MetainfoError, OptionError, P2pError, StorageError, TrackerError } from '../errors.js';
import { assertMatches } from '../metainfo/check-match.js';
import { escapeText } from '../metainfo/escape-text.js';
import { parseMagnet, type Magnet } from '../metainfo/magnet.js';
import type { Metainfo } from '../metainfo/metainfo.js';
import { parseMetainfo } from '../metainfo/parse-metainfo.js';
import { usableWebSeeds } from '../metainfo/web-seeds.js';
import { fetchMetainfo, fetchTorrent, findByName, type CatalogueEntry } from '../tracker/catalogue-client.js';
import { formatSize } from '../units.js';
import { describeDiskError } from '../workers/disk-errors.js';
import type { ResolvedTarget, TargetQuery } from './engine-types.js';
import { askAll, lookUp } from './look-up.js';

/** Tried when neither the command line nor the torrent names a tracker. */
export const DEFAULT_TRACKER = 'http://localhost:9999/announce';

const MAX_TORRENT_FILE_BYTES = 16_777_216;

/** Whether a target is a magnet link, or is meant to be one. */
export function isMagnet(target: string): boolean {
  return /^magnet:/i.test(target);
}

/**
 * @throws {P2P_TARGET_NOT_FOUND} when nobody knows it, {P2P_TARGET_AMBIGUOUS} when a name has several torrents
 * @throws {P2P_TRACKER_UNREACHABLE} when a name or hash is to be looked up and no catalogue answers
 * @throws {P2P_MAGNET_INVALID} {P2P_METAINFO_INVALID} and others of reading metainfo
 * @throws the signal's reason when it aborts
 */
export async function resolveTarget(query: TargetQuery, signal: AbortSignal): Promise<ResolvedTarget> {
  const { target, trackers } = query;
  if (isMagnet(target)) return resolveMagnet(target, trackers, signal);
  if (/^https?:\/\//i.test(target)) {
    return fromMetainfo(parseMetainfo(await fetchTorrent(target, { signal })), trackers);
  }
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(target)) {
    throw new OptionError(`cannot fetch '${escapeText(target)}': only http, https and magnet links are followed`);
  }
  if (!target.startsWith('name:') && /\.torrent$/i.test(target)) {
    const metainfo = await readTorrent(target);
    if (metainfo) return fromMetainfo(metainfo, trackers);
    return resolveName(target, trackers, signal).catch((error: unknown) => {
      throw noSuchFile(target, error);
    });
  }
  if (/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/i.test(target)) return resolveHash(target.toLowerCase(), trackers, signal);
  return resolveName(target.replace(/^name:/, ''), trackers, signal);
}

/**
 * What a .torrent file says, undefined when there is no such file.
 * @throws {P2P_BENCODE_INVALID} {P2P_METAINFO_INVALID} and others of reading metainfo, the file named
 * @throws {P2P_METAINFO_TOO_LARGE} {P2P_DISK_FAILED}
 */
export async function readTorrent(filePath: string): Promise<Metainfo | undefined> {
  const bytes = await readTorrentFile(filePath);
  if (!bytes) return undefined;
  try {
    return parseMetainfo(bytes);
  } catch (error) {
    if (!(error instanceof MetainfoError)) throw error;
    const details = { ...error.details, path: filePath };
    throw new MetainfoError(error.code, `'${escapeText(filePath)}': ${error.message}`, details, error);
  }
}

/**
 * The bytes of a .torrent file, undefined when there is no such file.
 * @throws {P2P_METAINFO_TOO_LARGE} {P2P_DISK_FAILED}
 */
async function readTorrentFile(filePath: string): Promise<Uint8Array | undefined> {
  try {
    const stats = await fs.stat(filePath);
    if (!stats.isFile()) return undefined;
    if (stats.size > MAX_TORRENT_FILE_BYTES) {
      const message = `'${filePath}' has ${formatSize(stats.size)}, a .torrent file has at most ${formatSize(MAX_TORRENT_FILE_BYTES)}`;
      throw new StorageError('P2P_METAINFO_TOO_LARGE', message, { path: filePath, sizeBytes: stats.size });
    }
    return await fs.readFile(filePath);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw describeDiskError(error, 'read', filePath);
  }
}

/** The given trackers, a tier each so that all hear of us, before the torrent's own; the default one when there are none. */
export function trackerTiersOf(given: readonly string[], own: readonly (readonly string[])[]): string[][] {
  const seen = new Set<string>();
  const tiers = [...given.map((url) => [url]), ...own]
    .map((tier) => tier.filter((url) => !seen.has(url) && seen.add(url)))
    .filter((tier) => tier.length > 0);
  return tiers.length > 0 ? tiers : [[DEFAULT_TRACKER]];
}

function fromMetainfo(
  metainfo: Metainfo,
  trackers: readonly string[],
  peers: ResolvedTarget['peers'] = [],
): ResolvedTarget {
  return { metainfo, trackerTiers: trackerTiersOf(trackers, metainfo.trackerTiers), peers };
}

async function resolveMagnet(link: string, trackers: readonly string[], signal: AbortSignal): Promise<ResolvedTarget> {
  const magnet = parseMagnet(link);
  const named = [...trackers, ...magnet.trackers];
  const metainfo = await lookUpHash(magnet.infoHash, named, signal);
  if (!metainfo) throw magnetNotFound(magnet, named);
  return fromMagnet(magnet, metainfo, trackers);
}

/**
 * The target of a magnet link whose metainfo was found.
 * @param trackers named beside those of the link
 * @throws {P2P_METAINFO_MISMATCH} when it is not what the link names
 */
export function fromMagnet(magnet: Magnet, metainfo: Metainfo, trackers: readonly string[]): ResolvedTarget {
  assertMatches(metainfo, magnet);
  const webSeeds = usableWebSeeds([...metainfo.webSeeds, ...magnet.webSeeds]);
  const target = fromMetainfo({ ...metainfo, webSeeds }, [...trackers, ...magnet.trackers], magnet.peers);
  const files = magnet.selectedFiles?.map(({ first, last }) => ({ type: 'range', first, last }) as const);
  return files ? { ...target, files } : target;
}

/** @param named trackers of the link and of the command line */
export function magnetNotFound(magnet: Magnet, named: readonly string[]): OptionError {
  return notFound(
    `no catalogue knows the torrent ${magnet.infoHash} of this magnet link (asked ${askedOf(named).join(', ')}); ` +
      `name a tracker that has it with --tracker, or download from a .torrent file`,
  );
}

/**
 * What the catalogues of these trackers have under a hash; undefined when they do not know it.
 * @param hash wire info hash, or BLAKE3 of the info bytes
 * @throws as `lookUp`
 */
export function lookUpHash(
  hash: string,
  trackers: readonly string[],
  signal: AbortSignal,
): Promise<Metainfo | undefined> {
  return lookUp(askedOf(trackers), (baseUrl, either) => fetchFrom(baseUrl, hash, either), signal);
}

function askedOf(trackers: readonly string[]): string[] {
  return trackerTiersOf(trackers, []).flat();
}

async function resolveHash(hash: string, trackers: readonly string[], signal: AbortSignal): Promise<ResolvedTarget> {
  const metainfo = await lookUpHash(hash, trackers, signal);
  if (!metainfo) throw notFound(`no catalogue knows the info hash ${hash} (asked ${askedOf(trackers).join(', ')})`);
  return fromMetainfo(metainfo, trackers);
}

async function resolveName(name: string, trackers: readonly string[], signal: AbortSignal): Promise<ResolvedTarget> {
  const asked = askedOf(trackers);
  const listed = await askAll(asked, (baseUrl, either) => findAt(baseUrl, name, either), signal);
  const found = new Map(listed.flat().map((entry) => [entry.infoHash, entry]));
  const [entry, ...others] = found.values();
  if (!entry) {
    throw notFound(
      `no catalogue knows '${escapeText(name)}' (asked ${asked.join(', ')}); 'p2p list' shows what there is, and ` +
        `'p2p peer seed ${escapeText(name)}' on the machine that has it publishes it`,
    );
  }
  if (others.length > 0) throw ambiguous(name, [entry, ...others]);
  const metainfo = await lookUp(asked, (baseUrl, either) => fetchFrom(baseUrl, entry.infoHash, either), signal);
  if (!metainfo) throw notFound(`the catalogue lists '${escapeText(name)}' but does not give its torrent`);
  return fromMetainfo(metainfo, trackers);
}

async function findAt(baseUrl: string, name: string, signal: AbortSignal): Promise<readonly CatalogueEntry[]> {
  const reply = await findByName(baseUrl, name, { signal });
  if (reply.type === 'no-catalogue') throw noCatalogue(reply.reason);
  return reply.entries;
}

/**
 * @param hash wire info hash, or BLAKE3 of the info bytes
 * @throws {P2P_METAINFO_MISMATCH} when the catalogue sends another torrent
 */
async function fetchFrom(baseUrl: string, hash: string, signal: AbortSignal): Promise<Metainfo | undefined> {
  const reply = await fetchMetainfo(baseUrl, hash, { signal });
  if (reply.type === 'no-catalogue') throw noCatalogue(reply.reason);
  if (reply.type === 'absent') return undefined;
  const metainfo = parseMetainfo(reply.bytes);
  if (metainfo.infoHash === hash || metainfo.blake3InfoHash === hash) return metainfo;
  throw new MetainfoError('P2P_METAINFO_MISMATCH', `the catalogue sent another torrent than ${hash}`, { hash });
}

function noCatalogue(reason: string): TrackerError {
  return new TrackerError(
    'P2P_TRACKER_UNREACHABLE',
    `${reason}; only a tracker of p2p has a catalogue to look names up in`,
  );
}

/** A path of a .torrent that is not there was looked up as a name: the missing file is what its user wants to hear of. */
function noSuchFile(target: string, error: unknown): unknown {
  const isLookUp =
    error instanceof P2pError && (error.code === 'P2P_TARGET_NOT_FOUND' || error.code === 'P2P_TRACKER_UNREACHABLE');
  if (!isLookUp) return error;
  return notFound(
    `there is no file '${escapeText(target)}', nor a catalogue that knows it as a name (${error.message})`,
  );
}

function notFound(message: string): OptionError {
  return new OptionError(message, {}, 'P2P_TARGET_NOT_FOUND');
}

function ambiguous(name: string, entries: readonly CatalogueEntry[]): OptionError {
  const lines = entries.map((entry) => {
    const date = new Date(entry.publishedAtMs).toISOString().slice(0, 16).replace('T', ' ');
    return `  ${entry.infoHash}  ${formatSize(entry.totalBytes)}  ${date}`;
  });
  return new OptionError(
    `${entries.length} torrents are named '${escapeText(name)}'; download one by its info hash:\n${lines.join('\n')}`,
    { candidates: entries },
    'P2P_TARGET_AMBIGUOUS',
  );
}
