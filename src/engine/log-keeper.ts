/**
 * Keeps the log (WAL) of the state database small: automatic checkpoints are off, since they would stall the main thread.
 * However little is in it, it is moved after a while: with `synchronous=NORMAL` a power cut may take what was neither moved
 * nor flushed.
 */
import { stat } from 'node:fs/promises';

import { P2pError } from '../errors.js';

const LOOK_EVERY_MS = 1_000;
/**
 * The log is moved at once when it is so large. Each time costs a flush in a thread that has connections to serve: from
 * 4 MiB on, a download of 1 GiB took 5 % longer (measured: benchmarks/engine/transfer.bench.ts).
 */
const LARGE_BYTES = 33_554_432;
const PATIENCE_MS = 10_000;

export interface LogKeeperOptions {
  readonly databasePath: string;
  /** Moves the log into the database, in another thread. */
  readonly checkpoint: (databasePath: string) => Promise<void>;
  readonly onNote: (message: string) => void;
}

export class LogKeeper {
  readonly #options: LogKeeperOptions;
  readonly #timer: NodeJS.Timeout;
  #movedMs = performance.now();
  #moving: Promise<void> | undefined;
  #isClosed = false;

  constructor(options: LogKeeperOptions) {
    this.#options = options;
    this.#timer = setInterval(() => {
      this.#moving ??= this.#look().finally(() => {
        this.#moving = undefined;
      });
    }, LOOK_EVERY_MS);
    this.#timer.unref();
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
  }

  /** A log that cannot be moved now is moved the next time. */
  async #look(): Promise<void> {
    const { databasePath, checkpoint, onNote } = this.#options;
    const logBytes = await stat(`${databasePath}-wal`).then(
      ({ size }) => size,
      () => 0,
    );
    const isLate = performance.now() - this.#movedMs >= PATIENCE_MS;
    if (logBytes < (isLate ? 1 : LARGE_BYTES) || this.#hasEnded()) return;
    this.#movedMs = performance.now();
    try {
      await checkpoint(databasePath);
    } catch (error) {
      if (this.#hasEnded()) return;
      if (!(error instanceof P2pError)) throw error;
      onNote(`the log of the state database was not moved: ${error.message}`);
    }
  }

  /** A call, since it may have changed while something was awaited. */
  #hasEnded(): boolean {
    return this.#isClosed;
  }
}
