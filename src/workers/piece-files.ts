/**
 * The bytes of one torrent on disk, addressed by their offset in the torrent.
 *
 * Thread: one a worker and torrent. Copies made: none; reads and writes go straight between the caller's buffer and the
 * kernel, in libuv's pool, so that the kernel's copy runs on another core; but for writes so short that the way there
 * would take longer, and for reads as short while they come from the kernel's memory. Small pieces that lie one behind the
 * other are written together. Measured by: benchmarks (transfer, many-files, small-pieces)
 */
import fs from 'node:fs';

import { InvariantError, StorageError } from '../errors.js';
import type { FileSlice, PieceLayout } from '../metainfo/piece-layout.js';
import { CallPace } from './call-pace.js';
import { describeDiskError } from './disk-errors.js';
import type { FileHandles } from './file-handles.js';
import type { TorrentFile } from './worker-messages.js';

/** Small pieces that are written together with others. */
const SHORT_PIECE_BYTES = 16_384;
/** Written at once, in the thread that has it: the kernel copies it in a few microseconds. */
const SHORT_WRITE_BYTES = 32_768;
/** Read in the thread that asks, while the kernel has it in memory: the copy takes a few microseconds. */
const SHORT_READ_BYTES = 32_768;
/** The kernel's memory answers in a few microseconds; a disk that takes 10 ms a read so holds up its thread for 0.2 ms. */
const READ_PACE = { fastMs: 1, mostCallsAfterSlow: 64 };
/** A run of small files is read by several of libuv's threads. */
const FILES_READ_AT_ONCE = 4;
/** What is written together is no more than this. */
const MOST_GATHERED_BYTES = 1_048_576;
const MOST_GATHERED_VIEWS = 1_024;

/** Short writes, each beginning where the one before ends. */
interface Gathered {
  readonly offset: number;
  readonly views: Uint8Array[];
  lengthBytes: number;
  readonly written: Promise<void>;
  readonly begin: () => void;
}

export class PieceFiles {
  readonly #layout: PieceLayout;
  readonly #handles: FileHandles;
  readonly #readPace = new CallPace(READ_PACE);
  #files: readonly TorrentFile[];
  #writes: boolean;
  /** Where the files were before they were renamed; handles of theirs may be open still. */
  #formerFiles: readonly TorrentFile[] = [];
  /** Reads wait for it while the files are being renamed. */
  #renamed: Promise<void> = Promise.resolve();
  #endRename: () => void = () => undefined;
  #isEnded = false;
  /** Waits for more, to the end of this turn. */
  #gathered: Gathered | undefined;
  #busyCount = 0;
  #onIdle: (() => void) | undefined;

  constructor(layout: PieceLayout, files: readonly TorrentFile[], writes: boolean, handles: FileHandles) {
    this.#layout = layout;
    this.#files = files;
    this.#writes = writes;
    this.#handles = handles;
  }

  /**
   * Writes `bytes` at `offset` of the torrent, across file borders.
   * @throws {P2P_DISK_FULL} {P2P_DISK_FAILED} {P2P_PATH_UNSAFE}
   */
  async write(offset: number, bytes: Uint8Array): Promise<void> {
    await this.#run(() =>
      bytes.length <= SHORT_PIECE_BYTES ? this.#gather(offset, bytes) : this.#write(offset, [bytes]),
    );
  }

  /**
   * Fills `views` one after the other from `offset` of the torrent.
   * @throws {P2P_DISK_FAILED} when a file is absent, shorter than it must be, or not what it was
   */
  async read(offset: number, views: readonly Uint8Array[]): Promise<void> {
    await this.#renamed;
    await this.#run(() => this.#read(offset, views));
  }

  /** Another thread wrote to these files, and died before it flushed them: the next flush is for all of them. */
  distrust(): void {
    this.#handles.distrust([...this.#formerFiles, ...this.#files]);
  }

  /** Flushes to the disk what was written (fdatasync). */
  sync(): Promise<void> {
    return this.#handles.sync(this.#paths());
  }

  /** Flushes and closes; what is used again is opened again. */
  close(): Promise<void> {
    return this.#handles.close(this.#paths());
  }

  /** Flushes and closes; whoever reads waits until `reopen`. Nothing is written any more. */
  async closeForRename(): Promise<void> {
    this.#renamed = new Promise((resolve) => {
      this.#endRename = resolve;
    });
    await this.#idle();
    await this.close();
  }

  /** The files lie under new paths now, and are only read. */
  reopen(files: readonly TorrentFile[]): void {
    this.#formerFiles = this.#files;
    this.#files = files;
    this.#writes = false;
    this.#endRename();
  }

  /** No new names will come: who waits for them goes on with the old ones. */
  handleNotRenamed(): void {
    this.#endRename();
  }

  /** Closes for good, once what is under way has ended; who waits for a rename is turned away. */
  async end(): Promise<void> {
    this.#isEnded = true;
    this.#endRename();
    await this.#idle();
    await this.close();
  }

  async #run(work: () => Promise<void>): Promise<void> {
    if (this.#isEnded) throw new StorageError('P2P_DISK_FAILED', 'the torrent is stopped: its files are closed');
    this.#busyCount += 1;
    try {
      await work();
    } finally {
      this.#busyCount -= 1;
      if (this.#busyCount === 0) this.#onIdle?.();
    }
  }

  async #idle(): Promise<void> {
    while (this.#busyCount > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
  }

  #gather(offset: number, bytes: Uint8Array): Promise<void> {
    const before = this.#gathered;
    const fits = before && before.lengthBytes + bytes.length <= MOST_GATHERED_BYTES;
    if (fits && before.offset + before.lengthBytes === offset && before.views.length < MOST_GATHERED_VIEWS) {
      before.views.push(bytes);
      before.lengthBytes += bytes.length;
      return before.written;
    }
    this.#beginGathered();
    let begin = (): void => undefined;
    const views = [bytes];
    const started = new Promise<void>((resolve) => {
      begin = resolve;
    });
    const written = started.then(() => this.#write(offset, views));
    this.#gathered = { offset, views, lengthBytes: bytes.length, written, begin };
    if (!before) setImmediate(() => this.#beginGathered());
    return written;
  }

  #beginGathered(): void {
    this.#gathered?.begin();
    this.#gathered = undefined;
  }

  async #write(offset: number, views: readonly Uint8Array[]): Promise<void> {
    if (!this.#writes) throw new InvariantError('a piece was to be written to files that are only read');
    const lengthBytes = views.reduce((sum, view) => sum + view.length, 0);
    let rest = views;
    for (const slice of this.#layout.fileSlices(offset, lengthBytes)) {
      const { head, tail } = splitViews(rest, slice.lengthBytes);
      rest = tail;
      const file = this.#file(slice.fileIndex);
      if (file.path === undefined) continue;
      const name = file.path;
      const write = slice.lengthBytes <= SHORT_WRITE_BYTES ? writeNow : writeAll;
      await this.#handles.withFile(file, true, (fd) => write(fd, head, slice.fileOffset, name));
    }
  }

  async #read(offset: number, views: readonly Uint8Array[]): Promise<void> {
    const lengthBytes = views.reduce((sum, view) => sum + view.length, 0);
    const slices = this.#layout.fileSlices(offset, lengthBytes);
    let rest = views;
    for (let first = 0; first < slices.length; first += FILES_READ_AT_ONCE) {
      const reads = slices.slice(first, first + FILES_READ_AT_ONCE).map((slice) => {
        const { head, tail } = slices.length === 1 ? { head: rest, tail: [] } : splitViews(rest, slice.lengthBytes);
        rest = tail;
        return this.#readSlice(slice, head);
      });
      // All of them, also when one fails: the kernel may still write into the others' views.
      for (const outcome of await Promise.allSettled(reads)) if (outcome.status === 'rejected') throw outcome.reason;
    }
  }

  async #readSlice(slice: FileSlice, views: readonly Uint8Array[]): Promise<void> {
    const file = this.#file(slice.fileIndex);
    if (file.path === undefined) {
      for (const view of views) view.fill(0);
      return;
    }
    const name = file.path;
    const isShort = slice.lengthBytes <= SHORT_READ_BYTES;
    await this.#handles.withFile(file, false, async (fd) => {
      if (isShort && this.#readPace.isFast()) this.#readNow(fd, views, slice.fileOffset, name);
      else await readAll(fd, views, slice.fileOffset, name);
      if (file.expected) assertUntouched(fd, file.expected, name);
    });
  }

  #readNow(fd: number, views: readonly Uint8Array[], position: number, name: string): void {
    const startedMs = performance.now();
    readNow(fd, views, position, name);
    this.#readPace.handleCall(performance.now() - startedMs);
  }

  #paths(): Set<string> {
    return new Set([...this.#formerFiles, ...this.#files].flatMap((file) => file.path ?? []));
  }

  #file(fileIndex: number): TorrentFile {
    const file = this.#files[fileIndex];
    if (!file) throw new RangeError(`no file ${fileIndex}`);
    return file;
  }
}

function writeNow(fd: number, views: readonly Uint8Array[], position: number, name: string): void {
  try {
    for (let rest = views, at = position; rest.length > 0;) {
      const written = fs.writevSync(fd, rest, at);
      at += written;
      rest = splitViews(rest, written).tail;
    }
  } catch (error) {
    throw describeDiskError(error, 'write', name);
  }
}

function writeAll(fd: number, views: readonly Uint8Array[], position: number, name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const next = (rest: readonly Uint8Array[], at: number): void => {
      fs.writev(fd, rest, at, (error, written) => {
        if (error) {
          reject(describeDiskError(error, 'write', name));
          return;
        }
        const { tail } = splitViews(rest, written);
        if (tail.length === 0) resolve();
        else next(tail, at + written);
      });
    };
    next(views, position);
  });
}

function readNow(fd: number, views: readonly Uint8Array[], position: number, name: string): void {
  try {
    for (let rest = views, at = position; rest.length > 0;) {
      const bytesRead = fs.readvSync(fd, rest, at);
      if (bytesRead === 0) throw tooShort(name);
      at += bytesRead;
      rest = splitViews(rest, bytesRead).tail;
    }
  } catch (error) {
    throw describeDiskError(error, 'read', name);
  }
}

function readAll(fd: number, views: readonly Uint8Array[], position: number, name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const next = (rest: readonly Uint8Array[], at: number): void => {
      fs.readv(fd, rest, at, (error, bytesRead) => {
        if (error) reject(describeDiskError(error, 'read', name));
        else if (bytesRead === 0) reject(tooShort(name));
        else {
          const { tail } = splitViews(rest, bytesRead);
          if (tail.length === 0) resolve();
          else next(tail, at + bytesRead);
        }
      });
    };
    if (views.length === 0) resolve();
    else next(views, position);
  });
}

function tooShort(name: string): StorageError {
  return new StorageError('P2P_DISK_FAILED', `'${name}' is shorter than it must be`, { path: name });
}

/**
 * Looks after the read: if nobody wrote to the file until now, what was read is what was there when it was checked. In
 * this thread, since it takes a few microseconds, and a trip through libuv's pool more than the read itself.
 */
function assertUntouched(fd: number, expected: NonNullable<TorrentFile['expected']>, name: string): void {
  const { size, mtimeNs } = fs.fstatSync(fd, { bigint: true });
  if (Number(size) === expected.sizeBytes && mtimeNs === expected.mtimeNs) return;
  throw new StorageError('P2P_DISK_FAILED', `'${name}' was changed while it was shared`, { path: name });
}

/** The views' first `lengthBytes` and what is behind them. */
function splitViews(
  views: readonly Uint8Array[],
  lengthBytes: number,
): { head: readonly Uint8Array[]; tail: readonly Uint8Array[] } {
  const head: Uint8Array[] = [];
  const tail: Uint8Array[] = [];
  let left = lengthBytes;
  for (const view of views) {
    if (left >= view.length) head.push(view);
    else if (left <= 0) tail.push(view);
    else {
      head.push(view.subarray(0, left));
      tail.push(view.subarray(left));
    }
    left -= view.length;
  }
  return { head, tail };
}
