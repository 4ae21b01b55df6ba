/**
 * Whether short calls of the file system are worth their way through libuv's pool: not while the kernel answers from its
 * memory, where that way costs more than the call; as soon as one had to wait for the disk, the thread would be held up.
 *
 *     slow  ──▶ 8 calls go the other way, one is tried ──▶ slow ──▶ 16, one is tried ──▶ … as many as given at most
 *                                                     └──▶ fast ──▶ all are fast again
 *
 * One that is slow alone waited for another process more likely than for the disk: both cores of a small machine may be
 * busy. Measured by: benchmarks (many-files)
 */

const FIRST_CALLS_AFTER_SLOW = 8;

export interface CallPaceOptions {
  /** What takes longer waited for the disk. */
  readonly fastMs: number;
  /** How many calls go the other way at most before one is tried: so much rarer does a slow disk hold up the thread. */
  readonly mostCallsAfterSlow: number;
}

export class CallPace {
  readonly #options: CallPaceOptions;
  #slowCalls = 0;
  /** After the next slow one. */
  #callsAfterSlow = FIRST_CALLS_AFTER_SLOW;

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
    const { fastMs, mostCallsAfterSlow } = this.#options;
    if (tookMs <= fastMs) {
      this.#callsAfterSlow = FIRST_CALLS_AFTER_SLOW;
      return;
    }
    this.#slowCalls = this.#callsAfterSlow;
    this.#callsAfterSlow = Math.min(2 * this.#callsAfterSlow, mostCallsAfterSlow);
  }
}
