/**
 * Flushes files to the disk (fdatasync). In the thread that asks while the system answers at once: where files were written
 * down before, or are kept by memory alone, the way through libuv's pool costs ten times as much as the flush. Through
 * that pool as soon as one had to wait for the disk. Measured by: benchmarks (many-files)
 */
import fs from 'node:fs';

import { Breather } from './breather.js';
import { CallPace } from './call-pace.js';

/** A disk that takes 10 ms a flush so holds up its thread for 0.04 ms a flush. */
const FLUSH_PACE = { fastMs: 0.25, mostCallsAfterSlow: 256 };

export class Flusher {
  readonly #pace: Pick<CallPace, 'isFast' | 'handleCall'>;
  readonly #breather = new Breather();

  constructor(pace: Pick<CallPace, 'isFast' | 'handleCall'> = new CallPace(FLUSH_PACE)) {
    this.#pace = pace;
  }

  /** Whether the next flush may hold up the thread; ask once a flush. */
  isFast(): boolean {
    return this.#pace.isFast();
  }

  /** @throws the system's error */
  flushNow(fd: number): void {
    const startedMs = performance.now();
    try {
      fs.fdatasyncSync(fd);
    } finally {
      this.#pace.handleCall(performance.now() - startedMs);
    }
  }

  /**
   * Now or through the pool; the event loop has a turn now and then, however many files there are.
   * @throws the system's error
   */
  async flush(fd: number): Promise<void> {
    if (!this.isFast()) return fdatasync(fd);
    this.flushNow(fd);
    await this.#breather.pause();
  }
}

function fdatasync(fd: number): Promise<void> {
  return new Promise((resolve, reject) => {
    fs.fdatasync(fd, (error) => {
      if (error) reject(error);
      else resolve();
    });
  });
}
