/**
 * Reads a torrent's bytes from disk one after the other, and holds up its thread meanwhile.
 *
 * Thread: a worker that holds no links, so that nobody waits. Copies made: none. A read of 1 MiB is hashed by the same
 * core while it is in its cache; through libuv's pool the same took three times as long (measured by: benchmarks, create).
 */
import fs from 'node:fs';

import { StorageError } from '../errors.js';
import type { PieceLayout } from '../metainfo/piece-layout.js';
import { describeDiskError } from './disk-errors.js';
import type { TorrentFile } from './worker-messages.js';

/** Absent on Windows, which has no pipes among its files. */
const { O_RDONLY, O_NONBLOCK = 0 } = fs.constants as { readonly O_RDONLY: number; readonly O_NONBLOCK?: number };

export class BlockingReader {
  readonly #layout: PieceLayout;
  readonly #files: readonly TorrentFile[];
  /** The file that was read last stays open. */
  #open: { readonly path: string; readonly fd: number } | undefined;

  constructor(layout: PieceLayout, files: readonly TorrentFile[]) {
    this.#layout = layout;
    this.#files = files;
  }

  /**
   * Fills `target` from `offset` of the torrent; pad files read as zeros.
   * @throws {P2P_DISK_FAILED} when a file is absent, shorter than it must be, or no regular one
   */
  read(offset: number, target: Uint8Array): void {
    let at = 0;
    for (const { fileIndex, fileOffset, lengthBytes } of this.#layout.fileSlices(offset, target.length)) {
      const part = target.subarray(at, at + lengthBytes);
      at += lengthBytes;
      const path = this.#files[fileIndex]?.path;
      if (path === undefined) part.fill(0);
      else this.#readFile(path, fileOffset, part);
    }
  }

  /** Closes what is open. */
  end(): void {
    if (this.#open) fs.closeSync(this.#open.fd);
    this.#open = undefined;
  }

  #readFile(path: string, position: number, target: Uint8Array): void {
    try {
      const fd = this.#openFile(path);
      for (let done = 0; done < target.length;) {
        const count = fs.readSync(fd, target, done, target.length - done, position + done);
        if (count === 0) throw new StorageError('P2P_DISK_FAILED', `'${path}' is shorter than it must be`, { path });
        done += count;
      }
    } catch (error) {
      throw describeDiskError(error, 'read', path);
    }
  }

  #openFile(path: string): number {
    if (this.#open?.path === path) return this.#open.fd;
    this.end();
    // Opening a named pipe would wait for its other end: not to wait, and then to look.
    const fd = fs.openSync(path, O_RDONLY | O_NONBLOCK);
    this.#open = { path, fd };
    if (fs.fstatSync(fd).isFile()) return fd;
    throw new StorageError('P2P_DISK_FAILED', `'${path}' is not a regular file`, { path });
  }
}
