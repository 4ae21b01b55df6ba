/** How files look from outside: enough to know without reading whether one is still what it was. */
import { statSync } from 'node:fs';

import type { CopyFile } from '../store/copy-store.js';
import { describeDiskError } from '../workers/disk-errors.js';
import type { TorrentFile } from '../workers/worker-messages.js';
import { Breather } from '../workers/breather.js';

/**
 * Looks at a torrent's files; those that are not there, pad files and empty files are left out.
 * @param fileIndices only these; all when left out
 * @returns by index of the file
 * @throws {P2P_DISK_FAILED} when the system refuses to tell
 */
export async function stampFiles(
  files: readonly TorrentFile[],
  fileIndices: Iterable<number> = files.keys(),
): Promise<Map<number, CopyFile>> {
  const stamps = new Map<number, CopyFile>();
  const breather = new Breather();
  for (const index of fileIndices) {
    const file = files[index];
    if (file?.path === undefined || file.lengthBytes === 0) continue;
    const stamp = stampFile(index, file.path);
    if (stamp) stamps.set(index, stamp);
    await breather.pause();
  }
  return stamps;
}

function stampFile(fileIndex: number, filePath: string): CopyFile | undefined {
  try {
    const { size, mtimeNs, ctimeNs, ino } = statSync(filePath, { bigint: true });
    return { fileIndex, sizeBytes: Number(size), mtimeNs, ctimeNs, inode: ino };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // ENOTDIR: a file stands where the folder above it would be.
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw describeDiskError(error, 'look at', filePath);
  }
}

/** Whether nothing touched the file since: size, both times and inode. */
export function isUntouched(before: CopyFile, now: CopyFile): boolean {
  return isSameFile(before, now) && before.mtimeNs === now.mtimeNs && before.ctimeNs === now.ctimeNs;
}

/** Whether it is the same file at least, whatever was written into it since: size and inode. */
export function isSameFile(before: CopyFile, now: CopyFile): boolean {
  return before.sizeBytes === now.sizeBytes && before.inode === now.inode;
}

/** The files with what is expected of them, so that whoever reads one notices when it is not that any more. */
export function withStamps(files: readonly TorrentFile[], stamps: ReadonlyMap<number, CopyFile>): TorrentFile[] {
  return files.map((file, index) => {
    const stamp = stamps.get(index);
    return stamp ? { ...file, expected: { sizeBytes: stamp.sizeBytes, mtimeNs: stamp.mtimeNs } } : file;
  });
}
