/** `p2p peer download` once its command line is read: starts, shows, waits, and says how it ended. */
import path from 'node:path';
import type { DownloadRequest, EngineApi, EngineConfig, Transfer, TransferOutcome } from '../engine/engine-types.js';
import { EXIT_CODES, P2pError } from '../errors.js';
import { formatDuration, formatRate, formatSize } from '../units.js';
import type { ResultFields } from './base-command.js';
import { downloadOutcomeError } from './download-outcome.js';
import { withEngine, type EngineSession } from './engine-session.js';
import { countOf } from './format-pieces.js';
import { downloadFields, downloadingFields, seedingFields } from './json-fields.js';
import type { Output } from './output.js';
import { printable } from './printable.js';
import { ProgressReporter } from './progress-reporter.js';
import { Prompt } from './prompt.js';
import { Interrupted, type StopReason } from './stop-signal.js';

/**
 * Downloads all targets at once. Targets that cannot start do not stop the others.
 * @returns the fields of the result when every target is complete
 * @throws the first error otherwise, with all `downloads` in its details
 */
export async function downloadAll(
  output: Output,
  config: EngineConfig,
  requests: readonly DownloadRequest[],
): Promise<ResultFields> {
  return await runTransfers(output, config, requests.map(downloadStart));
}

/** The same for transfers that begin in any way. */
export async function runTransfers(
  output: Output,
  config: EngineConfig,
  starts: readonly TransferStart[],
): Promise<ResultFields> {
  return await withEngine(output, config, (session) => new DownloadSession(output, session, starts).run());
}

/** Beginning waits for the disk now and then: a thousand transfers would wait for each other. */
const BEGUN_AT_ONCE = 8;
/** Those that wait for peers before they begin may do so for ever, and hold up nobody else. */
const SEARCHES_AT_ONCE = 64;

/** A transfer that is to begin. */
export interface TransferStart {
  /** What the user calls it. */
  readonly label: string;
  /** Folder of the file, as the user would write it. */
  readonly outputDir: string;
  readonly seedAfter: boolean;
  /** Whether it begins only when peers have told what it is. */
  readonly isSearch?: boolean;
  readonly start: (engine: EngineApi) => Promise<Transfer>;
}

/** A download of a target. */
export function downloadStart(request: DownloadRequest): TransferStart {
  const { target: label, outputDir, seedAfter = false } = request;
  const isSearch = /^magnet:/i.test(label);
  return { label, outputDir, seedAfter, isSearch, start: (engine) => engine.download(request) };
}

/** One transfer with what became of it. */
interface Entry {
  /** Place among the targets. */
  readonly place: number;
  readonly transfer: Transfer;
  readonly outputDir: string;
  readonly seedAfter: boolean;
  outcome: TransferOutcome | undefined;
}

/** Exported for tests, which bring an engine of their own. */
export class DownloadSession {
  readonly #output: Output;
  readonly #session: EngineSession;
  readonly #starts: readonly TransferStart[];
  readonly #reporter: ProgressReporter;
  readonly #entries: Entry[] = [];
  /** Of targets that could not start, by their place. */
  readonly #startErrors = new Map<number, P2pError>();

  constructor(output: Output, session: EngineSession, starts: readonly TransferStart[]) {
    this.#output = output;
    this.#session = session;
    this.#starts = starts;
    this.#reporter = new ProgressReporter(output, () => this.#entries.map(({ transfer }) => transfer));
  }

  async run(): Promise<ResultFields> {
    const { stop } = this.#session;
    const prompt = new Prompt(this.#output, stop, () => this.#entries.map(({ transfer }) => transfer));
    try {
      await Promise.race([stop.requested, this.#runAll()]);
      await this.#goOnSeeding();
      if (stop.reason !== undefined) await this.#settle();
    } finally {
      prompt.close();
      this.#reporter.close();
    }
    return this.#conclude();
  }

  /** Begins all, so many at once, and waits for the ends of the downloads. */
  async #runAll(): Promise<void> {
    const ends: Promise<void>[] = [];
    const places = [...this.#starts.keys()];
    const [searches, others] = [true, false].map((isSearch) =>
      places.filter((place) => (this.#starts[place]?.isSearch ?? false) === isSearch),
    );
    const beginEach = async (waiting: number[] = []): Promise<void> => {
      for (let place = waiting.shift(); place !== undefined; place = waiting.shift()) {
        const entry = await this.#begin(place);
        if (!entry) continue;
        const end = this.#finish(entry);
        if (entry.transfer.role === 'download') ends.push(end);
      }
    };
    await Promise.all([
      ...Array.from({ length: BEGUN_AT_ONCE }, () => beginEach(others)),
      ...Array.from({ length: SEARCHES_AT_ONCE }, () => beginEach(searches)),
    ]);
    await Promise.all(ends);
  }

  /** @returns undefined when it cannot start, or is not to any more */
  async #begin(place: number): Promise<Entry | undefined> {
    const { stop, engine } = this.#session;
    const start = this.#starts[place];
    if (!start || stop.reason !== undefined) return undefined;
    const { label, outputDir, seedAfter } = start;
    try {
      const transfer = await stop.unlessStopped(start.start(engine));
      const entry = { place, transfer, outputDir, seedAfter, outcome: undefined };
      this.#introduce(entry);
      this.#entries.push(entry);
      this.#entries.sort((one, other) => one.place - other.place);
      this.#reporter.start();
      return entry;
    } catch (error) {
      if (error instanceof Interrupted) return undefined;
      if (!(error instanceof P2pError) || this.#starts.length === 1) throw error;
      this.#startErrors.set(place, error);
      this.#output.note(`${label}: ${error.message}`);
      return undefined;
    }
  }

  #introduce({ transfer, outputDir }: Entry): void {
    const { name, layout } = transfer.metainfo;
    if (transfer.role === 'seed') {
      this.#output.event('seeding', seedingFields(transfer));
      return;
    }
    this.#output.event('downloading', downloadingFields(transfer, path.resolve(outputDir, name)));
    const { swarm } = transfer.snapshot();
    const pieces = `${countOf(swarm.wantedPieces, 'piece')} of ${formatSize(layout.pieceLengthBytes)}`;
    this.#output.text(
      `Downloading ${printable(name)}  ${chosenOf(transfer)}${formatSize(swarm.wantedBytes)} in ${pieces}`,
    );
  }

  async #finish(entry: Entry): Promise<void> {
    entry.outcome = await entry.transfer.finished;
    if (entry.outcome.state !== 'complete' || entry.transfer.role === 'seed') return;
    const { name } = entry.transfer.metainfo;
    this.#output.text(
      `Successfully Downloaded ${printable(name)} to ${printable(path.join(entry.outputDir, name))}`,
      this.#output.style.dim(`  ${summaryOf(entry.outcome)}`),
    );
  }

  /** Seeds, and complete downloads with `--seed`, give until a signal comes. */
  async #goOnSeeding(): Promise<void> {
    const { stop } = this.#session;
    const seeding = this.#entries.filter(
      ({ transfer, seedAfter, outcome }) =>
        outcome?.state !== 'failed' && (transfer.role === 'seed' || (seedAfter && outcome?.state === 'complete')),
    );
    if (stop.reason !== undefined || seeding.length === 0) return;
    const what = seeding.length === 1 ? '' : ` with ${countOf(seeding.length, 'torrent')}`;
    this.#output.text(this.#output.style.dim(`Seeding on${what}. Ctrl-C stops.`));
    await Promise.race([stop.requested, Promise.all(seeding.map(({ transfer }) => transfer.over))]);
  }

  /** After a signal: leaves the swarms, so that every download has an outcome with its last figures. */
  async #settle(): Promise<void> {
    await this.#session.engine.close();
    for (const entry of this.#entries) entry.outcome ??= await entry.transfer.finished;
  }

  #conclude(): ResultFields {
    const { reason: stoppedBy } = this.#session.stop;
    const { downloads, seeds } = this.#results();
    const wantedCount = this.#starts.length;
    const completeCount =
      downloads.filter(({ state }) => state === 'complete').length +
      seeds.filter(({ state }) => state !== 'failed').length;
    const results = seeds.length > 0 ? { downloads, seeds } : { downloads };
    if (completeCount === wantedCount) return results;
    if (stoppedBy === 'closed-pipe') throw new Interrupted(stoppedBy, EXIT_CODES.incomplete);
    if (wantedCount > 1) this.#output.note(`${completeCount} of ${countOf(wantedCount, 'target')} are complete`);
    const first =
      this.#startErrors.get(Math.min(...this.#startErrors.keys())) ??
      this.#entries.map((entry) => outcomeError(entry, stoppedBy)).find((error) => error !== undefined) ??
      new P2pError('P2P_INCOMPLETE', 'stopped before the download began');
    const stopped = stoppedBy === undefined ? {} : { stoppedBy };
    throw new P2pError(first.code, first.message, { ...first.details, ...results, ...stopped }, first);
  }

  #results() {
    const ended = this.#entries.flatMap(({ transfer, outcome }) =>
      outcome ? [{ role: transfer.role, fields: downloadFields(outcome) }] : [],
    );
    const of = (wanted: Transfer['role']) => ended.filter(({ role }) => role === wanted).map(({ fields }) => fields);
    return { downloads: of('download'), seeds: of('seed') };
  }
}

/** `3 of 12 files, `; nothing when all of them are fetched. */
function chosenOf({ metainfo, chosenFiles }: Transfer): string {
  const fileCount = metainfo.files.filter(({ isPad }) => !isPad).length;
  return chosenFiles === undefined || chosenFiles === fileCount ? '' : `${chosenFiles} of ${fileCount} files, `;
}

function outcomeError(
  { transfer, outcome, outputDir }: Entry,
  stoppedBy: StopReason | undefined,
): P2pError | undefined {
  if (transfer.role === 'seed' && outcome?.state !== 'failed') return undefined;
  const partPath = path.join(outputDir, path.basename(outcome?.snapshot.path ?? ''));
  return downloadOutcomeError(outcome, stoppedBy, partPath);
}

/** `286 MiB in 7.1s, 40.2 MiB/s`; what came in vain only when something did. */
function summaryOf({ elapsedMs, snapshot }: TransferOutcome): string {
  const { downTotalBytes } = snapshot.swarm;
  if (downTotalBytes === 0) return 'nothing had to be fetched: all of it was here';
  const rate = formatRate((downTotalBytes / Math.max(elapsedMs, 1)) * 1000);
  const refused = snapshot.refusedPieces > 0 ? `, ${countOf(snapshot.refusedPieces, 'piece')} refused` : '';
  return `${formatSize(downTotalBytes)} in ${formatDuration(elapsedMs)}, ${rate}${refused}`;
}
