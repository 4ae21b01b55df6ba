/**
 * The bytes of one torrent on disk, addressed by their offset in the torrent.
 *
 * Thread: one a worker and torrent. Copies made: none; reads and writes go straight between the caller's buffer and the
 * kernel, in libuv's pool, so that the kernel's copy runs on another core; but for writes so short that the way there
 * would take longer. Measured by: benchmarks (transfer, many-files, small-pieces)
 */
import fs from 'node:fs';

import { InvariantError, StorageError } from '../errors.js';
import type { PieceLayout } from '../metainfo/piece-layout.js';
import { describeDiskError } from './disk-errors.js';
import type { FileHandles } from './file-handles.js';
import type { TorrentFile } from './worker-messages.js';

/** Written at once, in the thread that has it: the kernel copies it in a few microseconds. */
const SHORT_WRITE_BYTES = 16_384;

export class PieceFiles {
  readonly #layout: PieceLayout;
  readonly #handles: FileHandles;
  #files: readonly TorrentFile[];
  #writes: boolean;
  /** Where the files were before they were renamed; handles of theirs may be open still. */
  #formerFiles: readonly TorrentFile[] = [];
  /** Reads wait for it while the files are being renamed. */
  #renamed: Promise<void> = Promise.resolve();
  #endRename: () => void = () => undefined;
  #isEnded = false;
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
    await this.#run(() => this.#write(offset, bytes));
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

  async #write(offset: number, bytes: Uint8Array): Promise<void> {
    if (!this.#writes) throw new InvariantError('a piece was to be written to files that are only read');
    let at = 0;
    for (const slice of this.#layout.fileSlices(offset, bytes.length)) {
      const part = bytes.subarray(at, at + slice.lengthBytes);
      at += slice.lengthBytes;
      const file = this.#file(slice.fileIndex);
      if (file.path === undefined) continue;
      const name = file.path;
      const write = part.length <= SHORT_WRITE_BYTES ? writeNow : writeAll;
      await this.#handles.withFile(file, true, (fd) => write(fd, part, slice.fileOffset, name));
    }
  }

  async #read(offset: number, views: readonly Uint8Array[]): Promise<void> {
    const lengthBytes = views.reduce((sum, view) => sum + view.length, 0);
    const slices = this.#layout.fileSlices(offset, lengthBytes);
    let rest = views;
    for (const slice of slices) {
      const { head, tail } = slices.length === 1 ? { head: rest, tail: [] } : splitViews(rest, slice.lengthBytes);
      rest = tail;
      const file = this.#file(slice.fileIndex);
      if (file.path === undefined) {
        for (const view of head) view.fill(0);
        continue;
      }
      const name = file.path;
      await this.#handles.withFile(file, false, async (fd) => {
        await readAll(fd, head, slice.fileOffset, name);
        if (file.expected) assertUntouched(fd, file.expected, name);
      });
    }
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

function writeNow(fd: number, bytes: Uint8Array, position: number, name: string): void {
  try {
    for (let done = 0; done < bytes.length;) {
      done += fs.writeSync(fd, bytes, done, bytes.length - done, position + done);
    }
  } catch (error) {
    throw describeDiskError(error, 'write', name);
  }
}

function writeAll(fd: number, bytes: Uint8Array, position: number, name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const next = (done: number): void => {
      fs.write(fd, bytes, done, bytes.length - done, position + done, (error, written) => {
        if (error) reject(describeDiskError(error, 'write', name));
        else if (done + written < bytes.length) next(done + written);
        else resolve();
      });
    };
    next(0);
  });
}

function readAll(fd: number, views: readonly Uint8Array[], position: number, name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const next = (rest: readonly Uint8Array[], at: number): void => {
      fs.readv(fd, rest, at, (error, bytesRead) => {
        if (error) reject(describeDiskError(error, 'read', name));
        else if (bytesRead === 0)
          reject(new StorageError('P2P_DISK_FAILED', `'${name}' is shorter than it must be`, { path: name }));
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
