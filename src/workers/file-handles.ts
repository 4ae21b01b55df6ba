/**
 * Open files of one worker, least recently used closed first. Thread: one a worker.
 *
 * Opening and closing happen in this thread at once: they take a few microseconds each, and a trip through libuv's pool a
 * hundred, which a folder of ten thousand files pays ten thousand times. Flushing goes through the pool where it waits.
 * Measured by: benchmarks (many-files)
 *
 * Files of a torrent that is being written are opened so that nothing outside the output folder can be reached: each
 * folder of the torrent is made by us or is a real folder, and the last component may not be a symbolic link.
 */
import fs from 'node:fs';

import { syncFolder } from '../database/sync-folder.js';
import { StorageError, type P2pError } from '../errors.js';
import { describeDiskError } from './disk-errors.js';
import { Flusher } from './flusher.js';
import { TorrentFolders, foldersAbove } from './torrent-folders.js';
import type { TorrentFile } from './worker-messages.js';

/** While pieces are written: more would keep their writes out of libuv's pool. */
const FLUSHES_AT_ONCE = 2;
/** When a torrent's files are closed, nothing of it waits to be written; a disk takes flushes together better than in turn. */
const FLUSHES_AT_CLOSE = 6;

const { O_CREAT, O_RDONLY, O_RDWR } = fs.constants;
/** Absent on Windows, whose symbolic links need a privilege to make, and which has no pipes among its files. */
const { O_NOFOLLOW = 0, O_NONBLOCK = 0 } = fs.constants as {
  readonly O_NOFOLLOW?: number;
  readonly O_NONBLOCK?: number;
};

/** One open file. `users` counts the operations under way: a descriptor in use is never closed (its number is reused). */
interface Handle {
  readonly key: string;
  readonly name: string;
  readonly fd: number;
  users: number;
  /** Written since its last flush. */
  dirty: boolean;
  onIdle: (() => void) | undefined;
}

export class FileHandles {
  readonly #most: number;
  readonly #flusher: Flusher;
  readonly #folders = new TorrentFolders();
  /** In order of last use. */
  readonly #open = new Map<string, Handle>();
  /** Written, then closed to make room before they were flushed. */
  readonly #unflushed = new Set<string>();
  /** Why some of these could not be flushed: the next flush says so, since the system may tell only once. */
  readonly #failedFlushes = new Map<string, P2pError>();
  /** Perhaps written by a thread that died. */
  readonly #distrusted = new Set<string>();
  /** Files that were opened for writing, and the folders above them whose names wait for the next flush. */
  readonly #unflushedNames = new Map<string, readonly string[]>();
  /** Files whose names were flushed. */
  readonly #flushedNames = new Set<string>();
  readonly #closing = new Set<Promise<void>>();
  #busyCount = 0;

  constructor(most: number, flusher = new Flusher()) {
    this.#most = most;
    this.#flusher = flusher;
  }

  /** Operations under way. */
  get busyCount(): number {
    return this.#busyCount;
  }

  /** Files that are open. */
  get openCount(): number {
    return this.#open.size;
  }

  /**
   * Runs `work` with the open file; the descriptor is not closed meanwhile.
   * @param writes make the file when it is absent; without it, an absent file is an error
   * @throws {P2P_DISK_FAILED} {P2P_DISK_FULL} {P2P_PATH_UNSAFE} when it cannot be opened, or `work` fails
   */
  async withFile(file: TorrentFile, writes: boolean, work: (fd: number) => Promise<void> | void): Promise<void> {
    const handle = this.#take(file, writes);
    try {
      await work(handle.fd);
    } finally {
      // Afterwards: a flush while the write was under way does not count.
      if (writes) handle.dirty = true;
      this.#leave(handle);
      if (this.#open.size > this.#most) this.#closeOldest();
    }
  }

  /** Somebody else wrote to these files, if they are there, and will not flush them. */
  distrust(files: readonly TorrentFile[]): void {
    for (const { path: name, depth } of files) {
      if (name === undefined) continue;
      this.#distrusted.add(name);
      this.#unflushedNames.set(name, foldersAbove(name, depth));
    }
  }

  /**
   * Flushes the files of `paths` that were written since their last flush (fdatasync, two at a time), and their names at
   * the first time.
   */
  async sync(paths: ReadonlySet<string>): Promise<void> {
    await Promise.all(this.#closing);
    await inTurn([...this.#open.values()], FLUSHES_AT_ONCE, async (handle) => {
      if (!handle.dirty || !paths.has(handle.name) || this.#open.get(handle.key) !== handle) return;
      this.#enter(handle);
      try {
        await this.#flush(handle);
      } finally {
        this.#leave(handle);
      }
    });
    await inTurn(this.#closedOf(paths), FLUSHES_AT_ONCE, (name) => this.#flushClosed(name));
    await this.#flushNames(paths);
  }

  /**
   * Closes the files of `paths`, flushed if they were written.
   * @throws {P2P_DISK_FAILED} when one could not be flushed; all are closed nevertheless
   */
  async close(paths: ReadonlySet<string>): Promise<void> {
    const failures: unknown[] = [];
    const noteFailure = (error: unknown): void => void failures.push(error);
    await inTurn([...this.#open.values()], FLUSHES_AT_CLOSE, async (handle) => {
      if (!paths.has(handle.name) || this.#open.get(handle.key) !== handle) return;
      this.#open.delete(handle.key);
      await this.#close(handle).catch(noteFailure);
    });
    await inTurn(this.#closedOf(paths), FLUSHES_AT_CLOSE, (name) => this.#flushClosed(name).catch(noteFailure));
    await this.#flushNames(paths).catch(noteFailure);
    // Another download may write files of the same names anew.
    for (const name of paths) this.#flushedNames.delete(name);
    if (failures.length > 0) throw failures[0];
  }

  /** The handle of a file, in use from now on; for reading, one that is open for writing serves as well. */
  #take(file: TorrentFile, writes: boolean): Handle {
    const name = file.path ?? '';
    const open = this.#open.get(`w${name}`) ?? (writes ? undefined : this.#open.get(`r${name}`));
    const handle = open ?? this.#make(file, writes);
    this.#open.delete(handle.key);
    this.#open.set(handle.key, handle);
    this.#enter(handle);
    return handle;
  }

  #make(file: TorrentFile, writes: boolean): Handle {
    const name = file.path ?? '';
    const handle: Handle = {
      key: `${writes ? 'w' : 'r'}${name}`,
      name,
      fd: this.#openFile(file, writes),
      users: 0,
      dirty: false,
      onIdle: undefined,
    };
    return handle;
  }

  /**
   * Who made a file is not asked: another thread may have, or a run that was killed before it flushed the name.
   */
  #openFile(file: TorrentFile, writes: boolean): number {
    const fd = openFile(file, writes, this.#folders);
    const name = file.path ?? '';
    if (writes && !this.#flushedNames.has(name)) this.#unflushedNames.set(name, foldersAbove(name, file.depth));
    return fd;
  }

  #enter(handle: Handle): void {
    handle.users += 1;
    this.#busyCount += 1;
  }

  #leave(handle: Handle): void {
    handle.users -= 1;
    this.#busyCount -= 1;
    if (handle.users === 0) handle.onIdle?.();
  }

  /** Makes room. */
  #closeOldest(): void {
    for (const handle of this.#open.values()) {
      if (handle.users > 0) continue;
      this.#open.delete(handle.key);
      if (handle.dirty && !this.#isFlushedNow(handle)) this.#unflushed.add(handle.name);
      closeDescriptor(handle);
      return;
    }
  }

  /**
   * Flushes where that takes no time: else the file would be opened again for it. Where it takes time it waits for the next
   * `sync`: one flush at a time, and not in the way of a piece.
   */
  #isFlushedNow({ fd, name }: Handle): boolean {
    if (!this.#flusher.isFast()) return false;
    try {
      this.#flusher.flushNow(fd);
      return true;
    } catch (error) {
      this.#failedFlushes.set(name, describeDiskError(error, 'flush', name));
      return false;
    }
  }

  #close(handle: Handle): Promise<void> {
    const closing = this.#closeHandle(handle);
    const tracked: Promise<void> = closing
      .catch(() => undefined)
      .finally(() => {
        this.#closing.delete(tracked);
      });
    this.#closing.add(tracked);
    return closing;
  }

  /** Waits until nobody uses it. */
  async #closeHandle(handle: Handle): Promise<void> {
    if (handle.users > 0) {
      await new Promise<void>((resolve) => {
        handle.onIdle = resolve;
      });
    }
    try {
      if (handle.dirty) await this.#flush(handle);
    } finally {
      closeDescriptor(handle);
    }
  }

  async #flush(handle: Handle): Promise<void> {
    handle.dirty = false;
    try {
      await this.#flusher.flush(handle.fd);
    } catch (error) {
      handle.dirty = true;
      throw describeDiskError(error, 'flush', handle.name);
    }
  }

  #closedOf(paths: ReadonlySet<string>): string[] {
    return [...new Set([...this.#unflushed, ...this.#distrusted])].filter((name) => paths.has(name));
  }

  async #flushNames(paths: ReadonlySet<string>): Promise<void> {
    const names = [...this.#unflushedNames].filter(([name]) => paths.has(name));
    for (const [name] of names) this.#unflushedNames.delete(name);
    const folders = new Set(names.flatMap(([, above]) => above));
    for (const folder of folders) {
      try {
        await syncFolder(folder);
      } catch (error) {
        // Nothing in it can be kept then, and nothing of it is found either.
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') continue;
        for (const [name, above] of names) this.#unflushedNames.set(name, above);
        throw describeDiskError(error, 'flush', folder);
      }
    }
    for (const [name] of names) this.#flushedNames.add(name);
  }

  async #flushClosed(name: string): Promise<void> {
    const failure = this.#failedFlushes.get(name);
    this.#failedFlushes.delete(name);
    if (failure) throw failure;
    const isOurs = this.#unflushed.delete(name);
    this.#distrusted.delete(name);
    try {
      const fd = fs.openSync(name, O_RDWR | O_NOFOLLOW);
      await this.#flusher.flush(fd).finally(() => {
        fs.closeSync(fd);
      });
    } catch (error) {
      if (!isOurs && (error as NodeJS.ErrnoException).code === 'ENOENT') return;
      this.#unflushed.add(name);
      throw describeDiskError(error, 'flush', name);
    }
  }
}

function openFile(file: TorrentFile, writes: boolean, folders: TorrentFolders): number {
  const name = file.path ?? '';
  try {
    if (!writes) return openRegular(name, O_RDONLY);
    folders.ensure(name, file.depth, performance.now());
    return openRegular(name, O_RDWR | O_CREAT | O_NOFOLLOW, file.lengthBytes);
  } catch (error) {
    throw describeDiskError(error, writes ? 'open for writing' : 'open', name);
  }
}

/** @param atOnce how many are under way at a time @throws the first failure, when none is under way */
async function inTurn<Item>(
  items: readonly Item[],
  atOnce: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const rest = items.values();
  const runRest = async (): Promise<void> => {
    for (const item of rest) await work(item);
  };
  const outcomes = await Promise.allSettled(Array.from({ length: atOnce }, runRest));
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
}

/**
 * Opening a named pipe would wait for its other end: not to wait, and then to look.
 * @param lengthBytes a file has its final length from the start, sparse: its size tells nothing about progress and never
 *   changes
 */
function openRegular(name: string, flags: number, lengthBytes?: number): number {
  const fd = fs.openSync(name, flags | O_NONBLOCK, 0o644);
  try {
    const stats = fs.fstatSync(fd);
    if (!stats.isFile()) {
      throw new StorageError('P2P_DISK_FAILED', `'${name}' is not a regular file`, { path: name });
    }
    if (lengthBytes !== undefined && stats.size !== lengthBytes) fs.ftruncateSync(fd, lengthBytes);
    return fd;
  } catch (error) {
    fs.closeSync(fd);
    throw error;
  }
}

function closeDescriptor({ fd, name }: Handle): void {
  try {
    fs.closeSync(fd);
  } catch (error) {
    throw describeDiskError(error, 'close', name);
  }
}
