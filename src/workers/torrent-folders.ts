/** The folders of a torrent that is being written: made by us or real ones, so that nothing outside is reached. */
import fs from 'node:fs';
import path from 'node:path';

import { StorageError } from '../errors.js';

/** Pieces of small files open several of one folder within it; a folder that is replaced later is seen. */
const LOOKS_HOLD_MS = 2;

/** Looks at the folders of files that are opened shortly after each other, once for all that lie in the same folder. */
export class TorrentFolders {
  readonly #lookedAt = new Set<string>();
  #sinceMs = -Infinity;

  /**
   * As `ensureFolders`, without another look at folders that were looked at within the last two milliseconds.
   * @param nowMs monotonic
   */
  ensure(filePath: string, depth: number, nowMs: number): void {
    if (nowMs - this.#sinceMs >= LOOKS_HOLD_MS) {
      this.#lookedAt.clear();
      this.#sinceMs = nowMs;
    }
    const folder = `${depth} ${path.dirname(filePath)}`;
    if (this.#lookedAt.has(folder)) return;
    ensureFolders(filePath, depth);
    this.#lookedAt.add(folder);
  }
}

/**
 * Makes the torrent's own folders above a file. Their names are not flushed.
 * @param depth how many trailing components of `filePath` belong to the torrent
 * @throws {P2P_PATH_UNSAFE} when one of them is a symbolic link or a file; or what the system says
 */
export function ensureFolders(filePath: string, depth: number): void {
  for (const folder of foldersAbove(filePath, depth).slice(1)) {
    if (isFolderHere(folder)) continue;
    try {
      fs.mkdirSync(folder);
    } catch (error) {
      // Another thread was faster.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || !isFolderHere(folder)) throw error;
    }
  }
}

/**
 * The folders in which a torrent makes names for a file: the output folder, then the torrent's own, from the outside in.
 * @param depth how many trailing components of `filePath` belong to the torrent
 */
export function foldersAbove(filePath: string, depth: number): string[] {
  const folders: string[] = [];
  for (let level = 0, at = filePath; level < depth; level += 1) folders.unshift((at = path.dirname(at)));
  return folders;
}

/** @throws {P2P_PATH_UNSAFE} when something else is there */
function isFolderHere(folder: string): boolean {
  const stats = fs.lstatSync(folder, { throwIfNoEntry: false });
  if (!stats || stats.isDirectory()) return stats !== undefined;
  throw new StorageError(
    'P2P_PATH_UNSAFE',
    `'${folder}' is ${stats.isSymbolicLink() ? 'a symbolic link' : 'no folder'}: nothing is written through it; remove it first`,
    { path: folder },
  );
}
