/** New .torrent files, in the one canonical form: equal data and settings give equal bytes and so one swarm. */
import { InvariantError, MetainfoError, OptionError } from '../errors.js';
import { encodeBencode, rawBencode, type BencodeInput } from './bencode.js';
import { MAX_METAINFO_BYTES } from './metainfo-limits.js';
import { PieceLayout } from './piece-layout.js';
import { safeComponent, safePaths } from './safe-path.js';

/** A file of a new torrent. */
export interface NewFile {
  /** Components below the torrent's root; empty for the file of a single-file torrent. */
  readonly path: readonly string[];
  readonly lengthBytes: number;
  readonly isPad?: boolean;
  readonly isExecutable?: boolean;
}

export interface NewInfo {
  readonly name: string;
  readonly isFolder: boolean;
  /** In the order that was hashed; folders are put in order by `sortFiles` first. */
  readonly files: readonly NewFile[];
  readonly pieceLengthBytes: number;
  /** All piece digests concatenated, by algorithm name; at least one. */
  readonly digests: ReadonlyMap<string, Uint8Array>;
  readonly isPrivate: boolean;
}

export interface NewMetainfo {
  readonly infoBytes: Uint8Array;
  readonly trackerTiers: readonly (readonly string[])[];
  /** URLs (BEP 19). */
  readonly webSeeds?: readonly string[] | undefined;
  readonly comment?: string | undefined;
  readonly createdBy?: string | undefined;
  /** Seconds since 1970. */
  readonly creationDate?: number | undefined;
}

/**
 * The files in the order of a new torrent: by the bytes of their paths, component by component. A folder must be sorted
 * before it is hashed.
 */
export function sortFiles<File extends { readonly path: readonly string[] }>(files: readonly File[]): File[] {
  // '\0' sorts before every byte of a name, as the end of a component must; code points sort as their UTF-8 does.
  const keyed = files.map((file) => ({ file, key: UTF8.encode(file.path.join('\0')) }));
  return keyed.sort((a, b) => compareBytes(a.key, b.key)).map(({ file }) => file);
}

/**
 * The info dictionary of a new torrent: `pieces` when `digests` has `sha1`, all others under `piece hashes`.
 * @throws {P2P_PATH_UNSAFE} when a name could not be read again
 * @throws {P2P_INVARIANT} when the digests do not fit the files
 */
export function buildInfo(info: NewInfo): Uint8Array {
  checkNames(info);
  checkDigests(info);
  const { sha1, ...others } = Object.fromEntries(info.digests);
  return encodeBencode({
    name: info.name,
    'piece length': info.pieceLengthBytes,
    ...(info.isFolder
      ? { files: info.files.map(fileEntry) }
      : { length: info.files[0]?.lengthBytes ?? 0, attr: attributesOf(info.files[0]) }),
    pieces: sha1,
    'piece hashes': Object.keys(others).length > 0 ? others : undefined,
    private: info.isPrivate ? 1 : undefined,
  });
}

/**
 * A whole .torrent around an info dictionary, which goes in byte for byte.
 * @throws {P2P_METAINFO_TOO_LARGE} past 16 MiB, which nobody would read
 */
export function buildMetainfo(metainfo: NewMetainfo): Uint8Array {
  const tiers = metainfo.trackerTiers.filter((tier) => tier.length > 0);
  const webSeeds = metainfo.webSeeds ?? [];
  const bytes = encodeBencode({
    announce: tiers[0]?.[0],
    'announce-list': tiers.flat().length > 1 ? tiers : undefined,
    comment: metainfo.comment,
    'created by': metainfo.createdBy,
    'creation date': metainfo.creationDate,
    info: rawBencode(metainfo.infoBytes),
    'url-list': webSeeds.length > 0 ? webSeeds : undefined,
  });
  checkMetainfoSize(bytes.length);
  return bytes;
}

/** @throws {P2P_METAINFO_TOO_LARGE} for a .torrent past 16 MiB */
export function checkMetainfoSize(sizeBytes: number): void {
  if (sizeBytes <= MAX_METAINFO_BYTES) return;
  throw new MetainfoError(
    'P2P_METAINFO_TOO_LARGE',
    `the .torrent would have ${sizeBytes} bytes, more than ${MAX_METAINFO_BYTES} (16 MiB): choose longer pieces, ` +
      'fewer hash algorithms or fewer files',
    { sizeBytes },
  );
}

function fileEntry(file: NewFile): BencodeInput {
  return { length: file.lengthBytes, path: file.path, attr: attributesOf(file) };
}

/** BEP 47. */
function attributesOf(file: NewFile | undefined): string | undefined {
  return `${file?.isPad ? 'p' : ''}${file?.isExecutable ? 'x' : ''}` || undefined;
}

function checkNames(info: NewInfo): void {
  safeComponent(info.name);
  if (!info.isFolder) return;
  safePaths(info.files.map((file) => ({ path: file.path, isPad: file.isPad ?? false })));
  const likePad = info.files.find((file) => !file.isPad && /^\.pad\/\d+$/.test(file.path.join('/')));
  if (likePad) {
    throw new OptionError(`'${likePad.path.join('/')}' has the name of BitTorrent padding; rename it or leave it out`);
  }
}

function checkDigests(info: NewInfo): void {
  const { pieceCount } = new PieceLayout(info.pieceLengthBytes, info.files);
  if (info.digests.size === 0) throw new InvariantError('a torrent without digests');
  if (!info.isFolder && info.files.length !== 1) throw new InvariantError(`${info.files.length} files and no folder`);
  for (const [name, digests] of info.digests) {
    const isWhole = pieceCount === 0 ? digests.length === 0 : digests.length > 0 && digests.length % pieceCount === 0;
    if (!isWhole) throw new InvariantError(`${digests.length} bytes of ${name} do not fit ${pieceCount} pieces`);
  }
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length);
  for (let at = 0; at < shared; at += 1) {
    const difference = (a[at] ?? 0) - (b[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

const UTF8 = new TextEncoder();
