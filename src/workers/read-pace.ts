/**
 * Whether short reads are worth their way through libuv's pool: not while they come from the kernel's memory, where that
 * way costs more than the read; as soon as one had to wait for the disk, the thread would be held up. Measured by:
 * benchmarks (many-files)
 */

/** The kernel's memory answers in a few microseconds, a disk in a hundred or in ten thousand. */
const FROM_MEMORY_MS = 1;
/** A disk that takes 10 ms a read so holds up its thread for 0.2 ms a read. */
const READS_AFTER_SLOW = 50;

export class ReadPace {
  #slowReads = 0;

  /** Whether the next short read may hold up the thread; call once a read. */
  isFast(): boolean {
    if (this.#slowReads === 0) return true;
    this.#slowReads -= 1;
    return false;
  }

  /** How long a read took that held up the thread. */
  handleRead(tookMs: number): void {
    if (tookMs > FROM_MEMORY_MS) this.#slowReads = READS_AFTER_SLOW;
  }
}
