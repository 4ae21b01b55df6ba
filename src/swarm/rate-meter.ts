/**
 * Bytes a second, averaged over the last seconds. Called for every chunk by the workers: one `exp` at most each
 * millisecond, no allocation.
 */

const DEFAULT_WINDOW_MS = 2000;
/** A burst at the very start is spread over at least this long, so that one chunk does not look like 10 GB/s. */
const LEAST_AGE_MS = 100;

/** An exponentially weighted mean that is right from the first second on (its start is not counted as silence). */
export class RateMeter {
  readonly #windowMs: number;
  /** Bytes, each weighted by exp(-age / window). */
  #weightedBytes = 0;
  #startMs: number | undefined;
  #lastMs = 0;

  /** @param windowMs what came longer ago than this hardly counts */
  constructor(windowMs: number = DEFAULT_WINDOW_MS) {
    this.#windowMs = windowMs;
  }

  /** Counts bytes that came or went now. */
  add(bytes: number, nowMs: number): void {
    this.#startMs ??= nowMs;
    this.#decay(nowMs);
    this.#weightedBytes += bytes;
  }

  bytesPerSec(nowMs: number): number {
    if (this.#startMs === undefined) return 0;
    this.#decay(nowMs);
    const ageMs = Math.max(nowMs - this.#startMs, LEAST_AGE_MS);
    const weightMs = this.#windowMs * (1 - Math.exp(-ageMs / this.#windowMs));
    return (this.#weightedBytes / weightMs) * 1000;
  }

  #decay(nowMs: number): void {
    const elapsedMs = nowMs - this.#lastMs;
    if (elapsedMs > 0) {
      this.#weightedBytes *= Math.exp(-elapsedMs / this.#windowMs);
      this.#lastMs = nowMs;
    }
  }
}
