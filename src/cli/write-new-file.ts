/** Writes a file that must not replace another one unless asked. */
import { writeFile } from 'node:fs/promises';
import { StorageError } from '../errors.js';

/**
 * @param force replace what is there
 * @throws {P2P_TARGET_EXISTS} {P2P_DISK_FULL} {P2P_DISK_FAILED}
 */
export async function writeNewFile(path: string, bytes: Uint8Array, force: boolean): Promise<void> {
  try {
    await writeFile(path, bytes, { flag: force ? 'w' : 'wx' });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') {
      const what = `${path} is there already: name another file with --output, or replace it with --force`;
      throw new StorageError('P2P_TARGET_EXISTS', what, { path }, error);
    }
    const errorCode = code === 'ENOSPC' || code === 'EDQUOT' ? 'P2P_DISK_FULL' : 'P2P_DISK_FAILED';
    throw new StorageError(errorCode, `cannot write ${path}: ${message}`, { path }, error);
  }
}
