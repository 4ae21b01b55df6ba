/** Flushes a folder, so that the names in it survive a power cut: the fsync of a file is not one of its name. */
import { closeSync, fsyncSync, openSync } from 'node:fs';
import { open } from 'node:fs/promises';

/** What is said where folders cannot be flushed: some network file systems, folders that may be written but not read. */
const UNSUPPORTED = new Set(['EINVAL', 'ENOTSUP', 'EPERM', 'EBADF', 'EACCES']);

/**
 * Files and folders that were made, renamed or removed in this folder are so after a power cut too, where the system can
 * promise that: not on Windows.
 * @param path absolute
 * @throws the system's error
 */
export async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  try {
    const handle = await open(path, 'r');
    await handle.sync().finally(() => handle.close());
  } catch (error) {
    passUnsupported(error);
  }
}

/** The same at once, for a start during which nothing else runs. */
export function syncFolderNow(path: string): void {
  if (process.platform === 'win32') return;
  try {
    const fd = openSync(path, 'r');
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    passUnsupported(error);
  }
}

function passUnsupported(error: unknown): void {
  if (!UNSUPPORTED.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
}
