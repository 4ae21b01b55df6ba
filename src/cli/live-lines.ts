/** Lines at the bottom of a terminal that are repainted in place. */
import type { BottomLines, Output } from './output.js';

/** Erases from here to the end of the screen (ECMA-48, ED). */
const ERASE_DOWN = '\u001b[J';

/**
 * Paints over what it painted before, and steps aside while the `Output` prints above it. Used only where the terminal
 * is interactive.
 */
export class LiveLines implements BottomLines {
  readonly #output: Output;
  #lines: readonly string[] = [];
  #paintedLines = 0;

  constructor(output: Output) {
    this.#output = output;
    output.keepAtBottom(this);
  }

  /** @param lines none wider than the terminal, else it wraps them and the repaint misses */
  paint(lines: readonly string[]): void {
    if (!this.#output.isAtBottom(this)) return;
    if (lines.join('\n') === this.#lines.join('\n') && this.#paintedLines === lines.length) return;
    this.#lines = lines;
    this.#output.raw(this.#erasure() + this.#text());
    this.#paintedLines = lines.length;
  }

  hide(): void {
    this.#output.raw(this.#erasure());
    this.#paintedLines = 0;
  }

  show(): void {
    this.#output.raw(this.#text());
    this.#paintedLines = this.#lines.length;
  }

  /** Erases the lines for good, unless others took their place. Idempotent. */
  close(): void {
    if (!this.#output.isAtBottom(this)) return;
    this.paint([]);
    this.#output.keepAtBottom(undefined);
  }

  /** Leaves the lines where they are; what follows is printed below. Idempotent. */
  leave(): void {
    if (!this.#output.isAtBottom(this)) return;
    if (this.#paintedLines > 0) this.#output.raw('\n');
    this.#paintedLines = 0;
    this.#output.keepAtBottom(undefined);
  }

  #text(): string {
    return this.#lines.join('\n');
  }

  /** Back to the start of the first painted line, and all below it gone. */
  #erasure(): string {
    if (this.#paintedLines === 0) return '';
    return this.#paintedLines === 1 ? `\r${ERASE_DOWN}` : `\r\u001b[${this.#paintedLines - 1}A${ERASE_DOWN}`;
  }
}
