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

interface Handle {
  readonly fd: number;
  users: number;
  dirty: boolean;
}

export class FileHandles {
  readonly #most: number;
  /** In order of last use. */
  readonly #open = new Map<string, Promise<Handle>>();

  constructor(most: number) {
    this.#most = most;
  }

  /**
   * Runs `work` with the open file; the descriptor is not closed meanwhile.
   * @throws {P2P_DISK_FAILED} {P2P_DISK_FULL} {P2P_PATH_UNSAFE} when it cannot be opened, or `work` fails
   */
  async withFile(file: TorrentFile, writes: boolean, work: (fd: number) => Promise<void>): Promise<void> {
    const key = `${writes ? 'w' : 'r'}${file.path ?? ''}`;
    let opening = this.#open.get(key);
    if (opening) this.#open.delete(key);
    else opening = openFile(file, writes).then((fd) => ({ fd, users: 0, dirty: false }));
    this.#open.set(key, opening);
    let handle: Handle;
    try {
      handle = await opening;
    } catch (error) {
      this.#open.delete(key);
      throw error;
    }
    handle.users += 1;
    try {
      await work(handle.fd);
      if (writes) handle.dirty = true;
    } finally {
      handle.users -= 1;
      if (this.#open.size > this.#most) await this.#closeOldest();
    }
  }

  /** Flushes the files of `paths` that were written since their last flush (fdatasync, one at a time). */
  async sync(paths: ReadonlySet<string>): Promise<void> {
    for (const [key, opening] of [...this.#open]) {
      if (!key.startsWith('w') || !paths.has(key.slice(1))) continue;
      const handle = await opening;
      if (handle.dirty) await syncHandle(handle, key.slice(1));
    }
  }

  /** Closes the files of `paths`, flushed if they were written. */
  async close(paths: ReadonlySet<string>): Promise<void> {
    for (const [key, opening] of [...this.#open]) {
      if (!paths.has(key.slice(1))) continue;
      this.#open.delete(key);
      await closeHandle(await opening, key.slice(1));
    }
  }

  async #closeOldest(): Promise<void> {
    for (const [key, opening] of this.#open) {
      const handle = await opening;
      if (handle.users > 0) continue;
      this.#open.delete(key);
      await closeHandle(handle, key.slice(1));
      return;
    }
  }
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

function syncHandle(handle: Handle, name: string): Promise<void> {
  handle.dirty = false;
  return new Promise((resolve, reject) => {
    fs.fdatasync(handle.fd, (error) => {
      if (error) reject(describeDiskError(error, 'flush', name));
      else resolve();
    });
  });
}

async function closeHandle(handle: Handle, name: string): Promise<void> {
  try {
    if (handle.dirty) await syncHandle(handle, name);
  } finally {
    await new Promise<void>((resolve, reject) => {
      fs.close(handle.fd, (error) => {
        if (error) reject(describeDiskError(error, 'close', name));
        else resolve();
      });
    });
  }
}
