/** New torrents: what lies under a path, hashed in the worker threads and written as metainfo. */
import { OptionError } from '../errors.js';
import { buildInfo, buildMetainfo, checkMetainfoSize, type NewFile } from '../metainfo/build-metainfo.js';
import { padFiles } from '../metainfo/pad-files.js';
import { parseMetainfo } from '../metainfo/parse-metainfo.js';
import { PieceLayout } from '../metainfo/piece-layout.js';
import { checkPieceLength, choosePieceLength, MAX_CREATED_PIECE_LENGTH } from '../metainfo/piece-length.js';
import type { HashTools } from './engine-context.js';
import type { CreateResult, HashProgress } from './engine-types.js';
import { hashAllPieces } from './piece-hashing.js';
import { assertUnchanged, type Source, type SourceFile } from './source-files.js';

/** Digits by which the lengths of all digests may be longer than those of the placeholders. */
const LENGTH_PREFIX_BYTES = 8;

/** A torrent that our peers verify with BLAKE3 and that every client can join. */
export const DEFAULT_HASHES = ['blake3', 'sha1'] as const;

/** What besides the data decides the info hash; chosen when undefined. */
export interface TorrentForm {
  readonly pieceLengthBytes: number | undefined;
  readonly hashes: readonly string[] | undefined;
}

export interface BuildRequest extends TorrentForm {
  readonly source: Source;
  readonly trackerTiers: readonly (readonly string[])[];
  /** URLs of servers that hold the same data (BEP 19). */
  readonly webSeeds: readonly string[];
  readonly isPrivate: boolean;
  /** Padding between the files of a folder, so that each begins on the border of a piece (BEP 47). */
  readonly padFiles?: boolean | undefined;
  /** Say which files are executable (BEP 47). */
  readonly attributes?: boolean | undefined;
  readonly comment: string | undefined;
  readonly createdBy: string;
  readonly onProgress: HashProgress | undefined;
}

/**
 * @throws {P2P_OPTION_INVALID} for a piece length that cannot be made
 * @throws {P2P_HASH_UNKNOWN} {P2P_DISK_FAILED} {P2P_PATH_UNSAFE} {P2P_METAINFO_TOO_LARGE}
 */
export async function buildTorrent(request: BuildRequest, tools: HashTools): Promise<CreateResult> {
  const { source } = request;
  const hashes = [...new Set(request.hashes ?? DEFAULT_HASHES)];
  if (hashes.length === 0) throw new OptionError('name at least one hash algorithm, such as blake3,sha1');
  const algorithms = hashes.map((name) => tools.registry.require(name));
  const digestBytes = algorithms.reduce((sum, algorithm) => sum + algorithm.digestLength, 0);
  // Names and size are judged before anything is hashed.
  const otherBytes = bytesWithoutDigests(request, hashes);
  const pieceLengthBytes =
    request.pieceLengthBytes === undefined
      ? choosePieceLength(source.totalBytes, digestBytes, otherBytes)
      : checkPieceLength(request.pieceLengthBytes);
  const files = torrentEntries(request, pieceLengthBytes);
  const layout = new PieceLayout(pieceLengthBytes, files);
  checkMetainfoSize(otherBytes + layout.pieceCount * digestBytes);
  const { digests, unreadable } = await hashAllPieces({
    ...tools,
    layout,
    files: files.map((file) => ({ path: absolutePathOf(file), lengthBytes: file.lengthBytes, depth: 1 })),
    algorithms: hashes,
    onProgress: request.onProgress,
  });
  await assertUnchanged(source);
  if (unreadable.length > 0) {
    throw new OptionError(`piece ${unreadable[0]} of '${source.rootPath}' cannot be read`, {}, 'P2P_DISK_FAILED');
  }
  const bytes = writeTorrent(request, pieceLengthBytes, digests);
  return { metainfo: parseMetainfo(bytes), bytes, notes: [...source.notes, ...notesFor(source, hashes)] };
}

function writeTorrent(
  request: BuildRequest,
  pieceLengthBytes: number,
  digests: ReadonlyMap<string, Uint8Array>,
): Uint8Array {
  const { source, isPrivate, trackerTiers, webSeeds, createdBy, comment } = request;
  const { name, isFolder } = source;
  const files = torrentEntries(request, pieceLengthBytes);
  const infoBytes = buildInfo({ name, isFolder, files, pieceLengthBytes, digests, isPrivate });
  return buildMetainfo({ infoBytes, trackerTiers, webSeeds, createdBy, comment });
}

/** What the torrent lists: the files that there are, and padding where that is asked for. */
function torrentEntries({ source, padFiles: pads, attributes }: BuildRequest, pieceLengthBytes: number): NewFile[] {
  const files = source.files.map((file) => ({ ...file, isExecutable: attributes === true && file.isExecutable }));
  return [...(pads === true && source.isFolder ? padFiles(files, pieceLengthBytes) : files)];
}

/** Undefined for padding. */
function absolutePathOf(file: NewFile | SourceFile): string | undefined {
  return 'absolutePath' in file ? file.absolutePath : undefined;
}

function bytesWithoutDigests(request: BuildRequest, hashes: readonly string[]): number {
  const { pieceCount } = new PieceLayout(MAX_CREATED_PIECE_LENGTH, torrentEntries(request, MAX_CREATED_PIECE_LENGTH));
  const placeholders = new Map(hashes.map((name) => [name, new Uint8Array(pieceCount)]));
  const trial = writeTorrent(request, MAX_CREATED_PIECE_LENGTH, placeholders);
  return trial.length - pieceCount * hashes.length + hashes.length * LENGTH_PREFIX_BYTES;
}

function notesFor(source: Source, hashes: readonly string[]): string[] {
  const notes: string[] = [];
  if (source.totalBytes === 0)
    notes.push(`${source.name} has 0 bytes: only p2p can share it, other clients refuse such a torrent`);
  if (!hashes.includes('sha1'))
    notes.push('without sha1 only p2p can join; other BitTorrent clients need --hash with sha1');
  return notes;
}
