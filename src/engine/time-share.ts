/** Keeps work that is done again and again to a twentieth of the time: a look at a thousand transfers takes a while. */

/** Rest after each run, as a multiple of what it took. */
const REST_FACTOR = 19;

export class TimeShare {
  readonly #nowMs: () => number;
  #restUntilMs = 0;

  /** @param nowMs monotonic */
  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  /** Does `work`, unless it rests from the last time. */
  run(work: () => void): void {
    const startMs = this.#nowMs();
    if (startMs < this.#restUntilMs) return;
    work();
    const endMs = this.#nowMs();
    this.#restUntilMs = endMs + (endMs - startMs) * REST_FACTOR;
  }
}
