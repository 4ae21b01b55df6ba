/**
 * From the bytes of a .torrent, whoever made it, to checked `Metainfo` (BEP 3, 12, 27, 47; the v1 half of BEP 52
 * hybrids; `piece hashes` is ours, see docs/formats.md). After this nothing needs to be checked again.
 */
import { MetainfoError } from '../errors.js';
import { blake3, sha1, toHex } from '../hashing/digests.js';
import { BencodeDictionary, type BencodeValue } from './bencode-dictionary.js';
import { decodeBencode } from './bencode.js';
import { escapeText } from './escape-text.js';
import { infoHashFromBlake3, infoHashFromBytes } from './info-hash.js';
import type { InfoHash, Metainfo } from './metainfo.js';
import { MAX_METAINFO_BYTES, MAX_PIECE_LENGTH } from './metainfo-limits.js';
import { parseFiles } from './parse-files.js';
import { parseDigests } from './parse-digests.js';
import { PieceLayout } from './piece-layout.js';
import { safeComponent } from './safe-path.js';
import { usableTiers } from './trackers.js';
import { usableWebSeeds } from './web-seeds.js';

/**
 * The metainfo in `bytes`. Info bytes and digests are copied out, so `bytes` may be changed or dropped afterwards.
 * @throws {P2P_METAINFO_TOO_LARGE} past 16 MiB
 * @throws {P2P_BENCODE_INVALID} when it is no bencode
 * @throws {P2P_METAINFO_V2_ONLY} for a BitTorrent v2 torrent without a v1 half
 * @throws {P2P_PATH_UNSAFE} when a name leads out of the output folder
 * @throws {P2P_METAINFO_INVALID} for everything else that cannot be; the message names value and limit
 */
export function parseMetainfo(bytes: Uint8Array): Metainfo {
  if (bytes.length > MAX_METAINFO_BYTES) {
    throw new MetainfoError(
      'P2P_METAINFO_TOO_LARGE',
      `a .torrent of ${bytes.length} bytes exceeds ${MAX_METAINFO_BYTES} (16 MiB)`,
      { sizeBytes: bytes.length },
    );
  }
  const root = decodeBencode(bytes);
  if (!(root instanceof BencodeDictionary)) throw invalid('it is not a dictionary');
  const info = root.get('info');
  if (!(info instanceof BencodeDictionary)) throw invalid('it has no info dictionary');
  return {
    ...parseInfo(info),
    trackerTiers: parseTrackers(root),
    webSeeds: parseWebSeeds(root),
    createdBy: root.text('created by'),
    comment: root.text('comment.utf-8') ?? root.text('comment'),
    creationDate: parseCreationDate(root.integer('creation date')),
  };
}

/**
 * Metainfo from the info dictionary alone, as peers and magnet links give it (BEP 9): without trackers and comments.
 * @throws as `parseMetainfo`
 */
export function parseInfoBytes(infoBytes: Uint8Array): Metainfo {
  const info = decodeBencode(infoBytes);
  if (!(info instanceof BencodeDictionary)) throw invalid('its info is not a dictionary');
  return {
    ...parseInfo(info),
    ...{ trackerTiers: [], webSeeds: [], createdBy: undefined, comment: undefined, creationDate: undefined },
  };
}

type InfoPart = Omit<Metainfo, 'trackerTiers' | 'webSeeds' | 'createdBy' | 'comment' | 'creationDate'>;

function parseInfo(info: BencodeDictionary): InfoPart {
  refuseV2Only(info);
  const { name, originalName, notes: nameNotes } = parseName(info);
  const { isFolder, files, notes } = parseFiles(info);
  const layout = new PieceLayout(parsePieceLength(info), files);
  const digests = parseDigests(info, layout);
  const infoBytes = info.rawBytes.slice();
  const blake3InfoHash = toHex(blake3(infoBytes));
  const hasSha1 = digests.has('sha1');
  return {
    kind: !hasSha1 ? 'pure' : digests.size > 1 ? 'dual-hash' : 'v1',
    name,
    ...(originalName === undefined ? {} : { originalName }),
    isFolder,
    files,
    layout,
    infoBytes,
    infoHash: wireInfoHash(infoBytes, blake3InfoHash, hasSha1),
    blake3InfoHash,
    digests,
    isPrivate: info.integer('private') === 1,
    notes: [...nameNotes, ...notes],
  };
}

function wireInfoHash(infoBytes: Uint8Array, blake3InfoHash: string, hasSha1: boolean): InfoHash {
  return hasSha1 ? infoHashFromBytes(sha1(infoBytes)) : infoHashFromBlake3(blake3InfoHash);
}

function refuseV2Only(info: BencodeDictionary): void {
  const version = info.integer('meta version') ?? 1;
  if (version < 2 || info.has('pieces') || info.has('piece hashes')) return;
  throw new MetainfoError(
    'P2P_METAINFO_V2_ONLY',
    `this torrent is BitTorrent v${version} only, which p2p cannot read yet: ask its maker for a hybrid or v1 torrent, ` +
      'or make one from the data with `p2p create`',
    { metaVersion: version },
  );
}

interface ParsedName extends Pick<Metainfo, 'name' | 'originalName'> {
  readonly notes: readonly string[];
}

function parseName(info: BencodeDictionary): ParsedName {
  const name = info.bytes('name.utf-8') ?? info.get('name');
  if (!(name instanceof Uint8Array)) throw invalid('its info has no name');
  const safeName = safeComponent(name);
  const written = LENIENT_UTF8.decode(name);
  if (safeName === written) return { name: safeName, notes: [] };
  const notes = [`'${escapeText(written)}' is named '${safeName}', which works everywhere`];
  return { name: safeName, originalName: written, notes };
}

function parsePieceLength(info: BencodeDictionary): number {
  const pieceLength = info.integer('piece length');
  if (pieceLength === undefined) throw invalid('its info has no piece length');
  if (pieceLength < 1 || pieceLength > MAX_PIECE_LENGTH) {
    throw invalid(`piece length ${pieceLength} is not from 1 to ${MAX_PIECE_LENGTH} bytes`, { pieceLength });
  }
  return pieceLength;
}

/** BEP 12: a usable `announce-list` replaces `announce`. Some makers write a flat list: a tier each. */
function parseTrackers(root: BencodeDictionary): string[][] {
  const tiers = (root.list('announce-list') ?? []).map((tier) => (isList(tier) ? tier : [tier]));
  const usable = usableTiers(
    tiers.map((tier) => tier.flatMap((url) => (url instanceof Uint8Array ? [LENIENT_UTF8.decode(url)] : []))),
  );
  if (usable.length > 0) return usable;
  const announce = root.text('announce');
  return announce === undefined ? [] : usableTiers([[announce]]);
}

/** BEP 19: one URL, or a list of them; what is no text is passed over. */
function parseWebSeeds(root: BencodeDictionary): string[] {
  const value = root.get('url-list');
  const urls = value === undefined ? [] : isList(value) ? value : [value];
  return usableWebSeeds(urls.flatMap((url) => (url instanceof Uint8Array ? [LENIENT_UTF8.decode(url)] : [])));
}

function parseCreationDate(seconds: number | undefined): number | undefined {
  return seconds !== undefined && seconds >= 0 ? seconds : undefined;
}

function invalid(problem: string, details: Readonly<Record<string, unknown>> = {}): MetainfoError {
  return new MetainfoError('P2P_METAINFO_INVALID', `not a usable .torrent: ${escapeText(problem)}`, details);
}

function isList(value: BencodeValue): value is readonly BencodeValue[] {
  return Array.isArray(value);
}

/** What is no ASCII becomes U+FFFD or a letter, and `usableTiers` drops it. */
const LENIENT_UTF8 = new TextDecoder('utf-8', { ignoreBOM: true });
