/** Taking away what is left of a folder when its files are gone. */
import fs from 'node:fs/promises';
import path from 'node:path';

import { describeDiskError } from '../workers/disk-errors.js';

/**
 * Removes the folder and those below it that hold no files. What somebody put beside the torrent's files keeps its folder.
 * @throws {P2P_DISK_FAILED}
 */
export async function removeEmptyFolders(folder: string): Promise<void> {
  try {
    for (const entry of await fs.readdir(folder, { withFileTypes: true })) {
      if (entry.isDirectory()) await removeEmptyFolders(path.join(folder, entry.name));
    }
    if ((await fs.readdir(folder)).length === 0) await fs.rmdir(folder);
  } catch (error) {
    throw describeDiskError(error, 'remove', folder);
  }
}
