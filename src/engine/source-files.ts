/** What lies under a path that is to be shared. */
import { accessSync, constants, statSync, type Stats } from 'node:fs';
import fs from 'node:fs/promises';
import path from 'node:path';

import { OptionError, StorageError } from '../errors.js';
import { sortFiles } from '../metainfo/build-metainfo.js';
import { describeDiskError } from '../workers/disk-errors.js';
import type { TorrentFile } from '../workers/worker-messages.js';
import { Breather } from '../workers/breather.js';

export interface SourceFile {
  /** Components below the root; empty for a single file. */
  readonly path: readonly string[];
  readonly absolutePath: string;
  readonly lengthBytes: number;
  readonly mtimeMs: number;
  /** Whether its owner may run it; false on Windows, where that is no matter of the file. */
  readonly isExecutable: boolean;
}

export interface Source {
  readonly name: string;
  /** Absolute. */
  readonly rootPath: string;
  readonly isFolder: boolean;
  /** In the order of a new torrent. */
  readonly files: readonly SourceFile[];
  readonly totalBytes: number;
  /** What was passed over, and why. */
  readonly notes: readonly string[];
}

/**
 * A file, or all regular files below a folder. Symbolic links inside a folder and special files are passed over.
 * @throws {P2P_PATH_NOT_FOUND} {P2P_DISK_FAILED} {P2P_NOTHING_TO_SEED}
 * @throws the signal's reason when it aborts
 */
export async function readSource(givenPath: string, signal: AbortSignal): Promise<Source> {
  const rootPath = path.resolve(givenPath);
  const stats = await statRoot(rootPath, givenPath);
  const name = path.basename(rootPath);
  if (name === '') throw new OptionError(`'${givenPath}' has no name to share it under; name a file or folder in it`);
  if (stats.isFile()) {
    const { size: lengthBytes, mtimeMs } = stats;
    const file = { path: [], absolutePath: rootPath, lengthBytes, mtimeMs, isExecutable: isExecutable(stats) };
    assertReadable(rootPath);
    return { name, rootPath, isFolder: false, files: [file], totalBytes: stats.size, notes: [] };
  }
  if (!stats.isDirectory()) throw new OptionError(`'${givenPath}' is neither a file nor a folder`);
  const notes: string[] = [];
  const found: SourceFile[] = [];
  await collect(rootPath, [], { found, notes, signal, breather: new Breather() });
  if (found.length === 0) {
    throw new StorageError('P2P_NOTHING_TO_SEED', `folder '${givenPath}' has no files to share`, { path: rootPath });
  }
  const files = sortFiles(found);
  const totalBytes = files.reduce((sum, file) => sum + file.lengthBytes, 0);
  return { name, rootPath, isFolder: true, files, totalBytes, notes };
}

/** The files as workers read them: where they lie, whatever the torrent had to call them. */
export function sourceFiles(source: Source): TorrentFile[] {
  return source.files.map((file) => ({ path: file.absolutePath, lengthBytes: file.lengthBytes, depth: 1 }));
}

/**
 * Whether the files are still as they were when they were listed.
 * @throws {P2P_DISK_FAILED} naming the file that changed
 */
export async function assertUnchanged(source: Source): Promise<void> {
  const breather = new Breather();
  for (const file of source.files) {
    await breather.pause();
    const stats = statIfReadable(file.absolutePath);
    if (stats?.size === file.lengthBytes && stats.mtimeMs === file.mtimeMs) continue;
    throw new StorageError(
      'P2P_DISK_FAILED',
      `'${file.absolutePath}' changed while it was hashed; start again when it is at rest`,
      {
        path: file.absolutePath,
      },
    );
  }
}

function statIfReadable(filePath: string): Stats | undefined {
  try {
    return statSync(filePath, { throwIfNoEntry: false });
  } catch (error) {
    throw describeDiskError(error, 'look at', filePath);
  }
}

async function statRoot(rootPath: string, givenPath: string): Promise<Stats> {
  try {
    return await fs.stat(rootPath);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || (error as NodeJS.ErrnoException).code === 'ENOTDIR') {
      throw new OptionError(`there is no file or folder '${givenPath}'`, { path: rootPath }, 'P2P_PATH_NOT_FOUND');
    }
    throw describeDiskError(error, 'read', rootPath);
  }
}

interface Collected {
  readonly found: SourceFile[];
  readonly notes: string[];
  readonly signal: AbortSignal;
  readonly breather: Breather;
}

async function collect(folder: string, below: readonly string[], collected: Collected): Promise<void> {
  const { found, notes, signal, breather } = collected;
  const entries = await fs.readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    throw describeDiskError(error, 'read', folder);
  });
  for (const entry of entries) {
    await breather.pause();
    signal.throwIfAborted();
    const absolutePath = path.join(folder, entry.name);
    const entryPath = [...below, entry.name];
    if (!isTextName(entry.name)) {
      notes.push(`passed over ${entryPath.join('/')}: its name is not UTF-8, rename it to share it`);
    } else if (entry.isDirectory()) {
      await collect(absolutePath, entryPath, collected);
    } else if (entry.isFile()) {
      assertReadable(absolutePath);
      const fileStats = statSync(absolutePath);
      const { size: lengthBytes, mtimeMs } = fileStats;
      found.push({ path: entryPath, absolutePath, lengthBytes, mtimeMs, isExecutable: isExecutable(fileStats) });
    } else {
      notes.push(
        `passed over ${entryPath.join('/')}: ${entry.isSymbolicLink() ? 'a symbolic link' : 'not a regular file'}`,
      );
    }
  }
}

/** Bytes of a name that are no UTF-8 come as U+FFFD, under which the file cannot be opened. */
function isTextName(name: string): boolean {
  return !name.includes('\ufffd');
}

function isExecutable({ mode }: Stats): boolean {
  return process.platform !== 'win32' && (mode & 0o100) !== 0;
}

function assertReadable(filePath: string): void {
  try {
    accessSync(filePath, constants.R_OK);
  } catch (error) {
    throw describeDiskError(error, 'read', filePath);
  }
}
