/**
 * Gives the event loop back now and then, to whoever asks the file system many short questions in this thread: each takes
 * a few microseconds, a trip through libuv's pool a hundred. (Measured by: benchmarks, many-files.)
 */

/** Others wait no longer than this, but for one slow answer. */
const LONGEST_MS = 5;

export class Breather {
  #sinceMs = performance.now();

  /** Resolves at once, or in the next turn when this one has lasted long enough. */
  async pause(): Promise<void> {
    if (performance.now() - this.#sinceMs < LONGEST_MS) return;
    await new Promise((resolve) => setImmediate(resolve));
    this.#sinceMs = performance.now();
  }
}
