/**
 * Open files of one worker, least recently used closed first. Thread: one a worker.
 *
 * Files of a torrent that is being written are opened so that nothing outside the output folder can be reached: each
 * folder of the torrent is made by us or is a real folder, and the last component may not be a symbolic link.
 */
import fs from 'node:fs';
import path from 'node:path';

import { StorageError } from '../errors.js';
import { describeDiskError } from './disk-errors.js';
import type { TorrentFile } from './worker-messages.js';

const { O_CREAT, O_RDONLY, O_RDWR } = fs.constants;
/** Absent on Windows, whose symbolic links need a privilege to make. */
const O_NOFOLLOW = (fs.constants as { readonly O_NOFOLLOW?: number }).O_NOFOLLOW ?? 0;

/** One open file. `users` counts the operations under way: a descriptor in use is never closed (its number is reused). */
interface Handle {
  readonly name: string;
  readonly opening: Promise<number>;
  users: number;
  dirty: boolean;
  onIdle: (() => void) | undefined;
}

export class FileHandles {
  readonly #most: number;
  /** In order of last use. */
  readonly #open = new Map<string, Handle>();

  constructor(most: number) {
    this.#most = most;
  }

  /**
   * Runs `work` with the open file; the descriptor is not closed meanwhile.
   * @throws {P2P_DISK_FAILED} {P2P_DISK_FULL} {P2P_PATH_UNSAFE} when it cannot be opened, or `work` fails
   */
  async withFile(file: TorrentFile, writes: boolean, work: (fd: number) => Promise<void>): Promise<void> {
    const name = file.path ?? '';
    const key = `${writes ? 'w' : 'r'}${name}`;
    const handle = this.#open.get(key) ?? {
      name,
      opening: openFile(file, writes),
      users: 0,
      dirty: false,
      onIdle: undefined,
    };
    this.#open.delete(key);
    this.#open.set(key, handle);
    handle.users += 1;
    try {
      const fd = await handle.opening;
      if (writes) handle.dirty = true;
      await work(fd);
    } catch (error) {
      if (await isNotOpen(handle)) this.#open.delete(key);
      throw error;
    } finally {
      handle.users -= 1;
      if (handle.users === 0) handle.onIdle?.();
      if (this.#open.size > this.#most) await this.#closeOldest();
    }
  }

  /** Flushes the files of `paths` that were written since their last flush (fdatasync, one at a time). */
  async sync(paths: ReadonlySet<string>): Promise<void> {
    for (const handle of [...this.#open.values()]) {
      if (!handle.dirty || !paths.has(handle.name)) continue;
      handle.users += 1;
      try {
        await syncHandle(handle);
      } finally {
        handle.users -= 1;
        if (handle.users === 0) handle.onIdle?.();
      }
    }
  }

  /** Closes the files of `paths`, flushed if they were written. */
  async close(paths: ReadonlySet<string>): Promise<void> {
    for (const [key, handle] of [...this.#open]) {
      if (!paths.has(handle.name)) continue;
      this.#open.delete(key);
      await closeHandle(handle);
    }
  }

  async #closeOldest(): Promise<void> {
    for (const [key, handle] of this.#open) {
      if (handle.users > 0) continue;
      this.#open.delete(key);
      await closeHandle(handle);
      return;
    }
  }
}

function isNotOpen(handle: Handle): Promise<boolean> {
  return handle.opening.then(
    () => false,
    () => true,
  );
}

async function openFile(file: TorrentFile, writes: boolean): Promise<number> {
  const name = file.path ?? '';
  try {
    if (!writes) return await openDescriptor(name, O_RDONLY);
    await ensureFolders(name, file.depth);
    const fd = await openDescriptor(name, O_RDWR | O_CREAT | O_NOFOLLOW);
    await setLength(fd, file.lengthBytes);
    return fd;
  } catch (error) {
    throw describeDiskError(error, writes ? 'open for writing' : 'open', name);
  }
}

/** Makes the torrent's own folders; refuses one that is a symbolic link or a file. */
async function ensureFolders(filePath: string, depth: number): Promise<void> {
  const folders: string[] = [];
  let folder = path.dirname(filePath);
  for (let level = 1; level < depth; level += 1) {
    folders.unshift(folder);
    folder = path.dirname(folder);
  }
  for (const each of folders) {
    const stats = await fs.promises.lstat(each).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    });
    if (!stats) await fs.promises.mkdir(each, { recursive: true });
    else if (!stats.isDirectory()) {
      throw new StorageError(
        'P2P_PATH_UNSAFE',
        `'${each}' is ${stats.isSymbolicLink() ? 'a symbolic link' : 'no folder'}: nothing is written through it; remove it first`,
        { path: each },
      );
    }
  }
}

function openDescriptor(name: string, flags: number): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.open(name, flags, 0o644, (error, fd) => {
      if (error) reject(error);
      else resolve(fd);
    });
  });
}

/** A file has its final length from the start, sparse: its size tells nothing about progress and never changes. */
function setLength(fd: number, lengthBytes: number): Promise<void> {
  return new Promise((resolve, reject) => {
    fs.fstat(fd, (statError, stats) => {
      if (statError) reject(statError);
      else if (stats.size >= lengthBytes) resolve();
      else
        fs.ftruncate(fd, lengthBytes, (error) => {
          if (error) reject(error);
          else resolve();
        });
    });
  });
}

async function syncHandle(handle: Handle): Promise<void> {
  const fd = await handle.opening;
  handle.dirty = false;
  await new Promise<void>((resolve, reject) => {
    fs.fdatasync(fd, (error) => {
      if (error) reject(describeDiskError(error, 'flush', handle.name));
      else resolve();
    });
  });
}

async function closeHandle(handle: Handle): Promise<void> {
  if (await isNotOpen(handle)) return;
  if (handle.users > 0) {
    await new Promise<void>((resolve) => {
      handle.onIdle = resolve;
    });
  }
  const fd = await handle.opening;
  try {
    if (handle.dirty) await syncHandle(handle);
  } finally {
    await new Promise<void>((resolve, reject) => {
      fs.close(fd, (error) => {
        if (error) reject(describeDiskError(error, 'close', handle.name));
        else resolve();
      });
    });
  }
}
