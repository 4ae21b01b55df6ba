/** Lines at the bottom of a terminal that are repainted in place. */
import type { Output } from './output.js';

/**
 * Paints over what it painted before, and steps aside while the `Output` prints above it. Used only where the terminal
 * is interactive; those made last are shown.
 */
export class LiveLines {
  readonly #output: Output;

  constructor(output: Output) {
    this.#output = output;
    output.bottom.claim(this);
  }

  /** @param lines none wider than the terminal, else it wraps them and the repaint misses */
  paint(lines: readonly string[]): void {
    this.#output.bottom.setLive(this, lines);
  }

  /** Erases the lines for good, unless others took their place. Idempotent. */
  close(): void {
    this.#output.bottom.release(this);
  }
}
