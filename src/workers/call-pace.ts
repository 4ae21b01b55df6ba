/**
 * Whether short calls of the file system are worth their way through libuv's pool: not while the kernel answers from its
 * memory, where that way costs more than the call; as soon as one had to wait for the disk, the thread would be held up.
 * Measured by: benchmarks (many-files)
 */

export interface CallPaceOptions {
  /** What takes longer waited for the disk. */
  readonly fastMs: number;
  /** How many calls go another way after one that waited: so much rarer is the thread held up by a slow disk. */
  readonly callsAfterSlow: number;
}

export class CallPace {
  readonly #options: CallPaceOptions;
  #slowCalls = 0;

  constructor(options: CallPaceOptions) {
    this.#options = options;
  }

  /** Whether the next call may hold up the thread; ask once a call. */
  isFast(): boolean {
    if (this.#slowCalls === 0) return true;
    this.#slowCalls -= 1;
    return false;
  }

  /** How long a call took that held up the thread. */
  handleCall(tookMs: number): void {
    if (tookMs > this.#options.fastMs) this.#slowCalls = this.#options.callsAfterSlow;
  }
}
