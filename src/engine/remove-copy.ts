/** Forgetting a copy, and taking its data away when that is asked for. Loads neither workers nor sockets. */
import fs from 'node:fs/promises';
import path from 'node:path';

import { OptionError, StorageError } from '../errors.js';
import type { Metainfo } from '../metainfo/metainfo.js';
import { parseMetainfo } from '../metainfo/parse-metainfo.js';
import { lockCopy } from '../store/copy-lock.js';
import { CopyStore } from '../store/copy-store.js';
import { openStateDatabase } from '../store/database.js';
import { describeDiskError } from '../workers/disk-errors.js';
import { downloadTarget, entryKind } from './download-target.js';
import type { CopyStatus } from './status-types.js';
import { torrentFiles } from './torrent-files.js';

export interface RemovedCopy {
  /** Bytes of the files that were taken away. */
  readonly removedBytes: number;
  /** Absolute path of the file or folder that is gone (a folder stays where other things lie in it); undefined for none. */
  readonly removedPath: string | undefined;
}

/**
 * Forgets a copy. Its data stays, unless `withData` asks for its end: of a download alone, since what was seeded is the
 * user's own and was there before p2p.
 * @throws {P2P_COPY_IN_USE} when a process works on it
 * @throws {P2P_USAGE} when the data of a seed is to be removed
 * @throws {P2P_DISK_FAILED} {P2P_STATE_UNUSABLE}
 */
export async function removeCopy(stateDir: string, copy: CopyStatus, withData: boolean): Promise<RemovedCopy> {
  if (withData && copy.role === 'seed') {
    throw new OptionError(
      `'${copy.rootPath}' was there before it was seeded: p2p does not remove it; without --with-data it is only forgotten`,
      { path: copy.rootPath },
      'P2P_USAGE',
    );
  }
  const [run] = copy.runs;
  if (run) throw inUse(copy, run.pid);
  const lock = lockCopy(stateDir, copy.infoHash, copy.rootPath);
  const database = openStateDatabase(stateDir);
  try {
    const store = new CopyStore(database);
    const bytes = store.metainfoBytes(copy.infoHash);
    const isOurs = withData && !isOthers(store, copy);
    const removed = isOurs && bytes ? await removeData(parseMetainfo(bytes), copy) : NOTHING;
    store.removeCopy(copy.copyId);
    return removed;
  } finally {
    database.close();
    lock.release();
  }
}

const NOTHING: RemovedCopy = { removedBytes: 0, removedPath: undefined };

/** Whether what lies there was written for another torrent since: downloads of one name share a path. */
function isOthers(store: CopyStore, { copyId, rootPath, activity, updatedAtMs }: CopyStatus): boolean {
  const isComplete = activity === 'complete';
  return store
    .findCopiesAt(rootPath)
    .some(
      (other) => other.id !== copyId && (other.state === 'complete') === isComplete && other.updatedAtMs > updatedAtMs,
    );
}

/** The files of the torrent and nothing else; then the folders that are empty. */
async function removeData(metainfo: Metainfo, { rootPath, activity }: CopyStatus): Promise<RemovedCopy> {
  const { partPath } = downloadTarget(metainfo, path.dirname(rootPath));
  const root = activity === 'complete' ? rootPath : partPath;
  if ((await entryKind(root)) !== (metainfo.isFolder ? 'folder' : 'file')) return NOTHING;
  let removedBytes = 0;
  for (const file of torrentFiles(metainfo, root)) {
    if (file.path !== undefined) removedBytes += await removeFile(file.path);
  }
  if (metainfo.isFolder) await removeEmptyFolders(root);
  return { removedBytes, removedPath: root };
}

async function removeFile(filePath: string): Promise<number> {
  if ((await entryKind(filePath)) !== 'file') return 0;
  try {
    const { size } = await fs.stat(filePath);
    await fs.unlink(filePath);
    return size;
  } catch (error) {
    throw describeDiskError(error, 'remove', filePath);
  }
}

/** What somebody put beside the torrent's files keeps its folder. */
async function removeEmptyFolders(folder: string): Promise<void> {
  try {
    for (const entry of await fs.readdir(folder, { withFileTypes: true })) {
      if (entry.isDirectory()) await removeEmptyFolders(path.join(folder, entry.name));
    }
    if ((await fs.readdir(folder)).length === 0) await fs.rmdir(folder);
  } catch (error) {
    throw describeDiskError(error, 'remove', folder);
  }
}

function inUse({ name, infoHash, rootPath }: CopyStatus, pid: number): StorageError {
  return new StorageError('P2P_COPY_IN_USE', `process ${pid} works on '${name}'; end it first`, {
    pid,
    infoHash,
    rootPath,
  });
}
