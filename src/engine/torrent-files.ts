/** Where the files of a torrent lie on this machine. */
import fs from 'node:fs/promises';
import path from 'node:path';

import type { Metainfo } from '../metainfo/metainfo.js';
import type { TorrentFile } from '../workers/worker-messages.js';

/**
 * The torrent's files under a root: the file itself, or the folder. Names were made safe when the metainfo was read.
 * @param rootPath absolute
 */
export function torrentFiles(metainfo: Metainfo, rootPath: string): TorrentFile[] {
  return metainfo.files.map((file) => ({
    path: file.isPad ? undefined : path.join(rootPath, ...file.path),
    lengthBytes: file.lengthBytes,
    depth: file.path.length + 1,
  }));
}

/**
 * The same for data that is only read: a file whose name had to be made safe may lie there under the torrent's own name.
 * @param rootPath absolute
 */
export async function presentFiles(metainfo: Metainfo, rootPath: string): Promise<TorrentFile[]> {
  const files = torrentFiles(metainfo, rootPath);
  for (const [index, { originalPath }] of metainfo.files.entries()) {
    const file = files[index];
    if (!originalPath || !file || file.path === undefined || process.platform === 'win32') continue;
    const original = path.join(rootPath, ...originalPath);
    if (!(await exists(file.path)) && (await exists(original))) files[index] = { ...file, path: original };
  }
  return files;
}

function exists(filePath: string): Promise<boolean> {
  return fs.access(filePath).then(
    () => true,
    () => false,
  );
}

/** The name of a file as users see it: `folder/a/b.txt`, or the file's name. */
export function shownPath(metainfo: Metainfo, fileIndex: number): string {
  return [metainfo.name, ...(metainfo.files[fileIndex]?.path ?? [])].join('/');
}
