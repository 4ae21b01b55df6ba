/** New torrents: what lies under a path, hashed in the worker threads and written as metainfo. */
import { OptionError } from '../errors.js';
import { buildInfo, buildMetainfo } from '../metainfo/build-metainfo.js';
import { parseMetainfo } from '../metainfo/parse-metainfo.js';
import { PieceLayout } from '../metainfo/piece-layout.js';
import { checkPieceLength, choosePieceLength } from '../metainfo/piece-length.js';
import type { HashTools } from './engine-context.js';
import type { CreateResult, HashProgress } from './engine-types.js';
import { hashAllPieces } from './piece-hashing.js';
import { assertUnchanged, sourceFiles, type Source } from './source-files.js';

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
  readonly isPrivate: boolean;
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
  const pieceLengthBytes =
    request.pieceLengthBytes === undefined
      ? choosePieceLength(source.totalBytes, digestBytes)
      : checkPieceLength(request.pieceLengthBytes);
  const layout = new PieceLayout(pieceLengthBytes, source.files);
  const { digests, unreadable } = await hashAllPieces({
    ...tools,
    layout,
    files: sourceFiles(source),
    algorithms: hashes,
    onProgress: request.onProgress,
  });
  await assertUnchanged(source);
  if (unreadable.length > 0) {
    throw new OptionError(`piece ${unreadable[0]} of '${source.rootPath}' cannot be read`, {}, 'P2P_DISK_FAILED');
  }
  const infoBytes = buildInfo({
    name: source.name,
    isFolder: source.isFolder,
    files: source.files,
    pieceLengthBytes,
    digests,
    isPrivate: request.isPrivate,
  });
  const bytes = buildMetainfo({
    infoBytes,
    trackerTiers: request.trackerTiers,
    createdBy: request.createdBy,
    comment: request.comment,
  });
  return { metainfo: parseMetainfo(bytes), bytes, notes: [...source.notes, ...notesFor(source, hashes)] };
}

function notesFor(source: Source, hashes: readonly string[]): string[] {
  const notes: string[] = [];
  if (source.totalBytes === 0)
    notes.push(`${source.name} has 0 bytes: only p2p can share it, other clients refuse such a torrent`);
  if (!hashes.includes('sha1'))
    notes.push('without sha1 only p2p can join; other BitTorrent clients need --hash with sha1');
  return notes;
}
