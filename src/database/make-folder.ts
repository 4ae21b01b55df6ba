/** Makes a folder and those above it, for good. */
import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

import { syncFolderNow } from './sync-folder.js';

/**
 * Like `mkdirSync` with `recursive`, which never returns where the system says ENOENT for a folder whose parent is there
 * (Linux does so below /proc). Here each level is tried once more at most. A folder that was made survives a power cut.
 * @param path absolute
 * @throws the system's error
 */
export function makeFolder(path: string): void {
  try {
    mkdirSync(path);
    syncFolderNow(dirname(path));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' && dirname(path) !== path && !isFolder(dirname(path))) {
      makeFolder(dirname(path));
      mkdirSync(path);
      syncFolderNow(dirname(path));
    } else if (!isFolder(path)) {
      throw error;
    }
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
