/** Shows how the search for the metadata of magnet links goes: a live line for each, or a log line now and then. */
import type { EngineEvent } from '../engine/engine-types.js';
import { formatSize } from '../units.js';
import { fitText } from './display-width.js';
import { countOf } from './format-pieces.js';
import { LiveLines } from './live-lines.js';
import type { Output } from './output.js';
import { printable } from './printable.js';

const LOG_INTERVAL_MS = 10_000;
const MOST_LIVE_LINES = 6;

export type FindingEvent = Extract<EngineEvent, { type: 'finding-metadata' }>;

export class FindingDisplay {
  readonly #output: Output;
  readonly #nowMs: () => number;
  /** Searches under way, by info hash. */
  readonly #lines = new Map<string, string>();
  readonly #loggedAtMs = new Map<string, number>();
  #live: LiveLines | undefined;

  constructor(output: Output, nowMs: () => number = () => performance.now()) {
    this.#output = output;
    this.#nowMs = nowMs;
  }

  update(event: FindingEvent): void {
    const { infoHash, state } = event;
    if (state === 'searching') this.#lines.set(infoHash, findingInWords(event));
    else this.#lines.delete(infoHash);
    if (this.#output.isJson) return;
    if (this.#output.terminal.isInteractive) this.#paint();
    else if (state === 'searching') this.#log(infoHash, findingInWords(event));
  }

  /** Takes the lines away. Idempotent. */
  close(): void {
    this.#live?.close();
    this.#live = undefined;
  }

  #paint(): void {
    if (this.#lines.size === 0) {
      this.close();
      return;
    }
    const { columns } = this.#output.terminal;
    const lines = [...this.#lines.values()].slice(0, MOST_LIVE_LINES).map((line) => fitText(line, columns - 1));
    (this.#live ??= new LiveLines(this.#output)).paint(lines);
  }

  #log(infoHash: string, line: string): void {
    const nowMs = this.#nowMs();
    if (nowMs - (this.#loggedAtMs.get(infoHash) ?? -Infinity) < LOG_INTERVAL_MS) return;
    this.#loggedAtMs.set(infoHash, nowMs);
    this.#output.text(line);
  }
}

/** `Finding metadata of story.txt: 2 peers, 16 of 120 KiB`. */
export function findingInWords({ name, infoHash, peers, receivedBytes, totalBytes, problem }: FindingEvent): string {
  const what = `Finding metadata of ${printable(name ?? infoHash)}`;
  if (peers === 0)
    return `${what}: ${problem === undefined ? 'looking for peers' : `no tracker: ${printable(problem)}`}`;
  const got = totalBytes === undefined ? '' : `, ${formatSize(receivedBytes)} of ${formatSize(totalBytes)}`;
  return `${what}: ${countOf(peers, 'peer')}${got}`;
}
