/** Writes a file that must not replace another one unless asked. */
import { lstat, writeFile } from 'node:fs/promises';
import { StorageError } from '../errors.js';

/**
 * Looks before long work begins whether `writeNewFile` would refuse at its end.
 * @throws {P2P_TARGET_EXISTS}
 */
export async function refuseExisting(path: string, force: boolean): Promise<void> {
  if (force) return;
  const isThere = await lstat(path).then(
    () => true,
    () => false,
  );
  if (isThere) throw existsAlready(path);
}

/**
 * @param force replace what is there
 * @throws {P2P_TARGET_EXISTS} {P2P_DISK_FULL} {P2P_DISK_FAILED}
 */
export async function writeNewFile(path: string, bytes: Uint8Array, force: boolean): Promise<void> {
  try {
    await writeFile(path, bytes, { flag: force ? 'w' : 'wx' });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') throw existsAlready(path);
    const errorCode = code === 'ENOSPC' || code === 'EDQUOT' ? 'P2P_DISK_FULL' : 'P2P_DISK_FAILED';
    throw new StorageError(errorCode, `cannot write ${path}: ${message}`, { path }, error);
  }
}

function existsAlready(path: string): StorageError {
  const message = `${path} is there already: name another file with --output, or replace it with --force`;
  return new StorageError('P2P_TARGET_EXISTS', message, { path });
}
