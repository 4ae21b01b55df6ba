/** Shows how far hashing a file or folder is; says nothing about what is done in a moment. */
import { formatDuration, formatRate, formatSize } from '../units.js';
import { fitText } from './display-width.js';
import { LiveLines } from './live-lines.js';
import type { Output } from './output.js';
import { printable } from './printable.js';
import { renderBar } from './progress-line.js';

const INTERVAL_MS = 200;
const LOG_INTERVAL_MS = 10_000;
const QUIET_MS = 300;
const LEAST_BAR_COLUMNS = 8;
const MOST_BAR_COLUMNS = 30;

export class HashingDisplay {
  readonly #output: Output;
  readonly #verb: string;
  readonly #nowMs: () => number;
  #live: LiveLines | undefined;
  #name: string | undefined;
  #startedAtMs = 0;
  #shownAtMs = 0;

  /** @param verb such as `Hashing` or `Checking` */
  constructor(output: Output, verb = 'Hashing', nowMs: () => number = () => performance.now()) {
    this.#output = output;
    this.#verb = verb;
    this.#nowMs = nowMs;
  }

  /** Takes the latest figures; shows them when it is time to. */
  update(name: string, doneBytes: number, totalBytes: number): void {
    const nowMs = this.#nowMs();
    if (name !== this.#name) {
      this.#name = name;
      this.#startedAtMs = nowMs;
      this.#shownAtMs = nowMs;
    }
    const elapsedMs = nowMs - this.#startedAtMs;
    const { isInteractive } = this.#output.terminal;
    const isLast = doneBytes >= totalBytes;
    const intervalMs = isInteractive || this.#output.isJson ? INTERVAL_MS : LOG_INTERVAL_MS;
    if (isLast && isInteractive) this.close();
    if (isLast || elapsedMs < QUIET_MS || nowMs - this.#shownAtMs < intervalMs) return;
    this.#shownAtMs = nowMs;
    this.#output.event('hashing', { name, doneBytes, totalBytes });
    const line = this.#line(printable(name), doneBytes, totalBytes, elapsedMs);
    if (isInteractive) (this.#live ??= new LiveLines(this.#output)).paint([line]);
    else this.#output.text(line);
  }

  /** Takes the line away. Idempotent. */
  close(): void {
    this.#live?.close();
    this.#live = undefined;
  }

  #line(name: string, doneBytes: number, totalBytes: number, elapsedMs: number): string {
    const { columns, hasUnicode, isInteractive } = this.#output.terminal;
    const bytesPerSec = (doneBytes / elapsedMs) * 1000;
    const leftMs = ((totalBytes - doneBytes) / bytesPerSec) * 1000;
    const percent = `${Math.floor((doneBytes / totalBytes) * 100)}%`.padStart(4);
    const figures = `${percent} of ${formatSize(totalBytes)}  ${formatRate(bytesPerSec)}  ${formatDuration(leftMs)} left`;
    if (!isInteractive) return `${this.#verb} ${name}:${figures}`;
    const title = fitText(`${this.#verb} ${name}`, Math.max(16, Math.floor(columns / 3)));
    const barColumns = Math.min(MOST_BAR_COLUMNS, columns - 1 - title.length - figures.length - 4);
    const bar = barColumns < LEAST_BAR_COLUMNS ? '' : `${renderBar(doneBytes / totalBytes, barColumns, hasUnicode)}  `;
    return fitText(`${title}  ${bar}${figures}`, columns - 1);
  }
}
