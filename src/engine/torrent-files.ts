/** Where the files of a torrent lie on this machine. */
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

/** The name of a file as users see it: `folder/a/b.txt`, or the file's name. */
export function shownPath(metainfo: Metainfo, fileIndex: number): string {
  return [metainfo.name, ...(metainfo.files[fileIndex]?.path ?? [])].join('/');
}
