/**
 * A rate limit that all threads share: tokens (bytes) in shared memory, refilled by the main thread's clock, taken by
 * whichever worker sends or asks. Taking may go below zero by one block, so that a rate below a block a refill works;
 * the debt is paid before the next take.
 */
const UNLIMITED = 0;
const LIMITED = 1;
const FLAG = 0;
const TOKENS = 1;
/** How much may gather while nothing is sent, in seconds of the rate: small against a window of 10 s. */
const BURST_SECONDS = 0.1;
const LEAST_BURST_BYTES = 16_384;
/** Cells have 32 bits with a sign; what lies above does not limit anything. */
const MOST_TOKENS = 0x3fff_ffff;

export class SharedTokenBucket {
  readonly #cells: Int32Array;
  /** What was earned and is no whole token yet. */
  #fraction = 0;

  constructor(memory: SharedArrayBuffer) {
    this.#cells = new Int32Array(memory);
  }

  /** Shared memory for one bucket, without a limit until `refill` is called. */
  static allocate(): SharedArrayBuffer {
    return new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT);
  }

  get isLimited(): boolean {
    return Atomics.load(this.#cells, FLAG) !== UNLIMITED;
  }

  /** Whether `take` would succeed now. */
  get hasTokens(): boolean {
    return !this.isLimited || Atomics.load(this.#cells, TOKENS) > 0;
  }

  /** Takes `bytes` if any token is left; false means wait. */
  take(bytes: number): boolean {
    if (!this.isLimited) return true;
    if (Atomics.load(this.#cells, TOKENS) <= 0) return false;
    Atomics.sub(this.#cells, TOKENS, bytes);
    return true;
  }

  /** Gives back what was taken and not used. */
  giveBack(bytes: number): void {
    if (this.isLimited) Atomics.add(this.#cells, TOKENS, bytes);
  }

  /** Main thread: adds what `elapsedMs` is worth at the rate, up to the burst. */
  refill(rateBytesPerSec: number, elapsedMs: number): void {
    const burst = Math.max(rateBytesPerSec * Math.max(BURST_SECONDS, elapsedMs / 1000), LEAST_BURST_BYTES);
    const earned = (rateBytesPerSec * elapsedMs) / 1000 + this.#fraction;
    this.#fraction = earned % 1;
    const room = Math.max(0, Math.min(Math.floor(burst), MOST_TOKENS) - Atomics.load(this.#cells, TOKENS));
    Atomics.add(this.#cells, TOKENS, Math.min(Math.floor(earned), room));
    Atomics.store(this.#cells, FLAG, LIMITED);
  }
}
