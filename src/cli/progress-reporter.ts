/** Shows how transfers go, again and again: live lines, a log line now and then, or JSON lines. */
import type { Transfer, TransferSnapshot } from '../engine/engine-types.js';
import { TimeShare } from '../engine/time-share.js';
import { formatRate, formatSize } from '../units.js';
import { displayWidth, fitText } from './display-width.js';
import { countOf } from './format-pieces.js';
import { progressFields } from './json-fields.js';
import { LiveLines } from './live-lines.js';
import type { Output } from './output.js';
import { printable } from './printable.js';
import { progressInWords, renderProgress, shareOf } from './progress-line.js';

const REPAINT_INTERVAL_MS = 200;
const JSON_INTERVAL_MS = 250;
const LOG_INTERVAL_MS = 10_000;
const LOG_STEPS = 10;
const MOST_LIVE_LINES = 6;

/** What was said of a transfer last. */
interface LastReport {
  fields: string;
  logStep: number;
  loggedAtMs: number;
}

/** Started once the first transfer runs; asks `transfers` anew each time, so later ones are seen too. */
export class ProgressReporter {
  readonly #output: Output;
  readonly #transfers: () => readonly Transfer[];
  readonly #nowMs: () => number;
  #live: LiveLines | undefined;
  readonly #last = new Map<string, LastReport>();
  #timer: NodeJS.Timeout | undefined;
  readonly #share = new TimeShare();
  #offResize: () => void = () => {};

  constructor(output: Output, transfers: () => readonly Transfer[], nowMs: () => number = () => performance.now()) {
    this.#output = output;
    this.#transfers = transfers;
    this.#nowMs = nowMs;
  }

  /** Idempotent. */
  start(): void {
    if (this.#timer) return;
    if (this.#output.hasScreen) {
      this.#live = new LiveLines(this.#output);
      this.#offResize = this.#output.onResize(() => this.report());
    }
    this.#timer = setInterval(
      () => this.#share.run(() => this.report()),
      this.#live ? REPAINT_INTERVAL_MS : JSON_INTERVAL_MS,
    );
  }

  /** Says how things stand now, in whichever way this process speaks: in the background of a terminal by a log. */
  report(): void {
    const snapshots = this.#transfers().map((transfer) => transfer.snapshot());
    if (this.#live && this.#output.terminal.isInteractive) this.#live.paint(this.#liveLines(snapshots));
    else if (this.#output.isJson) for (const snapshot of snapshots) this.#emit(snapshot);
    else for (const snapshot of snapshots) this.#log(snapshot);
  }

  /** Ends the live lines; with JSON, says the last state once more if it changed. Idempotent. */
  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#offResize();
    if (this.#output.isJson) this.report();
    this.#live?.close();
  }

  #liveLines(snapshots: readonly TransferSnapshot[]): string[] {
    const { terminal, style } = this.#output;
    const active = snapshots.filter(({ state }) => state !== 'complete' && state !== 'stopped' && state !== 'failed');
    const render = (shown: readonly TransferSnapshot[]): string[] => {
      const nameColumns = Math.max(0, ...shown.map(({ name }) => displayWidth(printable(name))));
      return shown.map((each) => renderProgress(each, terminal, style, nameColumns));
    };
    if (active.length <= MOST_LIVE_LINES) return render(active);
    const busiest = active
      .toSorted((a, b) => trafficOf(b) - trafficOf(a))
      .slice(0, MOST_LIVE_LINES - 1)
      .toSorted((a, b) => a.name.localeCompare(b.name));
    return [...render(busiest), renderTotals(active, terminal.columns)];
  }

  #emit(snapshot: TransferSnapshot): void {
    const fields = progressFields(snapshot);
    const text = JSON.stringify(fields);
    const last = this.#lastOf(snapshot);
    if (last.fields === text) return;
    last.fields = text;
    this.#output.event('progress', fields);
  }

  #log(snapshot: TransferSnapshot): void {
    if (snapshot.state === 'complete' || snapshot.state === 'failed' || snapshot.state === 'stopped') return;
    const last = this.#lastOf(snapshot);
    const step = snapshot.state === 'seeding' ? LOG_STEPS : Math.floor(shareOf(snapshot) * LOG_STEPS);
    const nowMs = this.#nowMs();
    const text = progressInWords(snapshot);
    if (step <= last.logStep && (nowMs - last.loggedAtMs < LOG_INTERVAL_MS || text === last.fields)) return;
    Object.assign(last, { fields: text, logStep: step, loggedAtMs: nowMs });
    this.#output.text(text);
  }

  #lastOf({ infoHash, state }: TransferSnapshot): LastReport {
    const known = this.#last.get(infoHash);
    if (known) return known;
    const logStep = state === 'seeding' ? LOG_STEPS : 0;
    const fresh = { fields: '', logStep, loggedAtMs: this.#nowMs() };
    this.#last.set(infoHash, fresh);
    return fresh;
  }
}

/** One line for many transfers. */
export function renderTotals(snapshots: readonly TransferSnapshot[], columns: number): string {
  const sum = (pick: (snapshot: TransferSnapshot) => number): number =>
    snapshots.reduce((total, snapshot) => total + pick(snapshot), 0);
  const parts = [
    countOf(snapshots.length, 'torrent'),
    `${formatRate(sum(({ swarm }) => swarm.downBytesPerSec))} down`,
    `${formatRate(sum(({ swarm }) => swarm.upBytesPerSec))} up`,
    `${formatSize(sum(({ swarm }) => swarm.upTotalBytes))} sent`,
    countOf(
      sum(({ swarm }) => swarm.links.length),
      'connection',
    ),
  ];
  return fitText(parts.join('  '), columns - 1);
}

function trafficOf({ swarm }: TransferSnapshot): number {
  return swarm.downBytesPerSec + swarm.upBytesPerSec;
}
