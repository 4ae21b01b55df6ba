/** What of a torrent lies in files on this machine: believed where the store may be, hashed where not. */
import type { Metainfo } from '../metainfo/metainfo.js';
import { Bitfield } from '../protocol/bitfield.js';
import type { CopyFile } from '../store/copy-store.js';
import type { TorrentFile } from '../workers/worker-messages.js';
import { judgeCopy, union, type KnownCopy } from './copy-trust.js';
import { stampFiles } from './file-stamps.js';
import { checkPieces } from './piece-hashing.js';
import type { VerifyTools } from './verify-copy.js';

export interface PresentPieces {
  readonly owned: Bitfield;
  /** How the files looked before any of them was read. */
  readonly stamps: ReadonlyMap<number, CopyFile>;
  /** Whether a power cut cannot take any of them away. */
  readonly isDurable: boolean;
  /** Pieces that were believed without hashing them, and those that were hashed. */
  readonly trustedPieces: number;
  readonly hashedPieces: number;
}

/**
 * @param files where the data lies
 * @param known what the store says of it; undefined hashes everything
 * @throws {P2P_TORRENT_CONTRADICTS_ITSELF} {P2P_METAINFO_UNKNOWN_HASHES} {P2P_DISK_FAILED}
 */
export async function findPresent(
  metainfo: Metainfo,
  files: readonly TorrentFile[],
  known: KnownCopy | undefined,
  tools: VerifyTools,
): Promise<PresentPieces> {
  const stamps = await stampFiles(files);
  const isReal = (index: number): boolean => files[index]?.path !== undefined;
  const { trusted, doubtful } = judgeCopy(metainfo.layout, isReal, known, stamps);
  const good = doubtful.isEmpty()
    ? new Bitfield(metainfo.layout.pieceCount)
    : (await checkPieces({ ...tools, metainfo, files, only: doubtful })).good;
  const owned = union(trusted, good);
  // What was hashed may be in the system's memory only: somebody wrote it anew, or nobody flushed it.
  const isDurable = good.isEmpty() && [...owned.indices()].every((index) => known?.ownership.durable.has(index));
  return { owned, stamps, isDurable, trustedPieces: trusted.count(), hashedPieces: doubtful.count() };
}
