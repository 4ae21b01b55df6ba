/** Torrents that were made of a path before, or downloaded to it, and still are what lies there: no need to hash it. */
import { InvariantError } from '../errors.js';
import type { CopyFile } from '../store/copy-store.js';
import type { TorrentFile } from '../workers/worker-messages.js';
import type { Metainfo } from '../metainfo/metainfo.js';
import { parseMetainfo } from '../metainfo/parse-metainfo.js';
import { judgeCopy } from './copy-trust.js';
import type { EngineContext } from './engine-context.js';
import { stampFiles } from './file-stamps.js';
import type { Source } from './source-files.js';
import type { TorrentForm } from './torrent-builder.js';
import { presentFiles } from './torrent-files.js';

/** A torrent that holds exactly what lies there. */
export interface BuiltSource {
  readonly metainfo: Metainfo;
  readonly files: readonly TorrentFile[];
  readonly notes: readonly string[];
  readonly stamps: ReadonlyMap<number, CopyFile>;
  readonly isDurable: boolean;
  /** It was known, and needed no hashing. */
  readonly isKnown: boolean;
}

/**
 * Stored torrents that hold exactly the files of a source, every piece believed without hashing; the one used last comes
 * first. Private ones are not among them: seeding a path must not tell of a torrent that only some may know.
 */
export async function findKnownTorrents(engine: EngineContext, source: Source): Promise<BuiltSource[]> {
  const found: BuiltSource[] = [];
  for (const stored of engine.store().knownAt(source.rootPath)) {
    if (!stored.ownership.verified.isFull()) continue;
    const bytes = engine.store().metainfoBytes(stored.record.infoHash);
    if (!bytes) throw new InvariantError(`the store lost the torrent of copy ${stored.record.id}`);
    const metainfo = parseMetainfo(bytes);
    if (metainfo.isPrivate || !holdsExactly(metainfo, source)) continue;
    const files = await presentFiles(metainfo, source.rootPath);
    const stamps = await stampFiles(files);
    const isReal = (index: number): boolean => files[index]?.path !== undefined;
    if (!judgeCopy(metainfo.layout, isReal, stored, stamps).trusted.isFull()) continue;
    const isDurable = stored.ownership.durable.isFull();
    found.push({ metainfo, files, notes: [], stamps, isDurable, isKnown: true });
  }
  return found;
}

/** Whether a torrent has the piece length and the algorithms that are wanted, as far as they are. */
export function hasForm({ layout, digests }: Metainfo, { pieceLengthBytes, hashes }: TorrentForm): boolean {
  if (pieceLengthBytes !== undefined && pieceLengthBytes !== layout.pieceLengthBytes) return false;
  return hashes === undefined || [...new Set(hashes)].toSorted().join() === [...digests.keys()].toSorted().join();
}

/** The same name and files, none more and none less. */
function holdsExactly(metainfo: Metainfo, source: Source): boolean {
  const files = metainfo.files.filter(({ isPad }) => !isPad);
  if (metainfo.name !== source.name || metainfo.isFolder !== source.isFolder) return false;
  if (files.length !== source.files.length) return false;
  const lengths = new Map(source.files.map((file) => [file.path.join('/'), file.lengthBytes]));
  return files.every(
    ({ path, originalPath, lengthBytes }) => lengths.get((originalPath ?? path).join('/')) === lengthBytes,
  );
}
