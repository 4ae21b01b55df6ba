/** Forgetting a copy, and taking its data away when that is asked for. Loads neither workers nor sockets. */
import fs from 'node:fs/promises';
import path from 'node:path';

import { OptionError, StorageError } from '../errors.js';
import type { Metainfo } from '../metainfo/metainfo.js';
import { parseMetainfo } from '../metainfo/parse-metainfo.js';
import { lockCopy } from '../store/copy-lock.js';
import { CopyStore, type CopyFile } from '../store/copy-store.js';
import { openStateDatabase } from '../store/database.js';
import { describeDiskError } from '../workers/disk-errors.js';
import type { TorrentFile } from '../workers/worker-messages.js';
import { findFinal, placedFiles } from './download-files.js';
import { downloadTarget, entryKind } from './download-target.js';
import { isSameFile, stampFiles } from './file-stamps.js';
import { removeEmptyFolders } from './remove-empty-folders.js';
import type { CopyStatus } from './status-types.js';
import { torrentFiles } from './torrent-files.js';

export interface RemovedCopy {
  /** Bytes of the files that were taken away. */
  readonly removedBytes: number;
  /** Absolute path of the file or folder whose files were taken away; undefined when nothing was. */
  readonly removedPath: string | undefined;
  /** Files of the torrent that stay, since somebody changed them after they were written. Absolute. */
  readonly keptFiles: readonly string[];
  /** Whether the folder stays, for those or for other things that lie in it. */
  readonly isFolderKept: boolean;
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
    const removed = isOurs && bytes ? await removeData(parseMetainfo(bytes), copy, store.files(copy.copyId)) : NOTHING;
    store.removeCopy(copy.copyId);
    return removed;
  } finally {
    database.close();
    lock.release();
  }
}

const NOTHING: RemovedCopy = { removedBytes: 0, removedPath: undefined, keptFiles: [], isFolderKept: false };

/** Whether what lies there was written for another torrent since: downloads of one name share a path. */
function isOthers(store: CopyStore, { copyId, rootPath, activity, updatedAtMs }: CopyStatus): boolean {
  const isComplete = activity === 'complete';
  return store
    .findCopiesAt(rootPath)
    .some(
      (other) => other.id !== copyId && (other.state === 'complete') === isComplete && other.updatedAtMs > updatedAtMs,
    );
}

/**
 * The files of the torrent and nothing else, as far as they are what was written; then the folders that are empty.
 * @param written how the files looked when p2p wrote to them last, by index
 */
async function removeData(
  metainfo: Metainfo,
  copy: CopyStatus,
  written: ReadonlyMap<number, CopyFile>,
): Promise<RemovedCopy> {
  const { rootPath, activity, chosenFiles } = copy;
  const { partPath } = downloadTarget(metainfo, path.dirname(rootPath));
  const isComplete = activity === 'complete';
  const roots = chosenFiles !== undefined ? [rootPath, partPath] : [isComplete ? rootPath : partPath];
  const kinds = await Promise.all(roots.map(entryKind));
  if (!kinds.includes(metainfo.isFolder ? 'folder' : 'file')) return NOTHING;
  const root = roots[kinds[0] === 'nothing' ? roots.length - 1 : 0] ?? rootPath;
  const files = chosenFiles === undefined ? torrentFiles(metainfo, root) : await whereTheyLie(metainfo, copy);
  const now = await stampFiles(files);
  const keptFiles: string[] = [];
  let removedBytes = 0;
  for (const [index, file] of files.entries()) {
    if (file.path === undefined || (await entryKind(file.path)) !== 'file') continue;
    const { size } = await fs.stat(file.path);
    if (isAsWritten(written.get(index), now.get(index), { isComplete, isLong: size === file.lengthBytes })) {
      removedBytes += await removeFile(file.path);
    } else keptFiles.push(file.path);
  }
  let isFolderKept = false;
  for (const folder of metainfo.isFolder ? roots : []) {
    if ((await entryKind(folder)) !== 'folder') continue;
    await removeEmptyFolders(folder);
    isFolderKept ||= (await entryKind(folder)) === 'folder';
  }
  const removedPath = keptFiles.length < files.length ? root : undefined;
  return { removedBytes, removedPath, keptFiles, isFolderKept };
}

/** The files of a download with a choice: under their final names, or in the `.part`. */
async function whereTheyLie(metainfo: Metainfo, { rootPath }: CopyStatus): Promise<TorrentFile[]> {
  const target = downloadTarget(metainfo, path.dirname(rootPath));
  return placedFiles(metainfo, target, await findFinal(metainfo, target));
}

/** A complete file is at rest; one that is being written was only ever touched by us while its name ends in `.part`. */
function isAsWritten(
  written: CopyFile | undefined,
  now: CopyFile | undefined,
  { isComplete, isLong }: { readonly isComplete: boolean; readonly isLong: boolean },
): boolean {
  if (!written || !now) return isLong || !isComplete;
  return isSameFile(written, now) && (!isComplete || written.mtimeNs === now.mtimeNs);
}

async function removeFile(filePath: string): Promise<number> {
  try {
    const { size } = await fs.stat(filePath);
    await fs.unlink(filePath);
    return size;
  } catch (error) {
    throw describeDiskError(error, 'remove', filePath);
  }
}

function inUse({ name, infoHash, rootPath }: CopyStatus, pid: number): StorageError {
  return new StorageError('P2P_COPY_IN_USE', `process ${pid} works on '${name}'; end it first`, {
    pid,
    infoHash,
    rootPath,
  });
}
