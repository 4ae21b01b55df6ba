/** A tracker and peers as real processes for one `describe`: everything in one temporary folder, all gone afterwards. */
import { expect } from 'chai';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DownloadSummary, LineOf } from './json-line.js';
import { P2pProcess, type P2pProcessOptions } from './p2p-process.js';

/** A tracker that listens. */
export interface RunningTracker {
  readonly process: P2pProcess;
  /** Announce URL. */
  readonly url: string;
  readonly port: number;
}

/** A seeder that others can find: it listens and every torrent of it is announced. */
export interface RunningSeed {
  readonly process: P2pProcess;
  readonly port: number;
  /** One for each torrent, in the order of the paths. */
  readonly seeding: readonly LineOf<'seeding'>[];
  /** The first of `seeding`: for a seeder of one file, its only one. */
  readonly only: LineOf<'seeding'>;
}

/** A download that was started; nothing was awaited. */
export class DownloadRun {
  readonly process: P2pProcess;
  readonly outputDir: string;

  constructor(process: P2pProcess, outputDir: string) {
    this.process = process;
    this.outputDir = outputDir;
  }

  /** The summary of the only target, once the process ended with exit code 0 and it is complete. */
  async completed(limitMs?: number): Promise<DownloadSummary> {
    const summaries = await this.allCompleted(limitMs);
    expect(summaries).to.have.length(1);
    return summaries[0] as DownloadSummary;
  }

  /** The summaries of all targets, once the process ended with exit code 0. */
  async allCompleted(limitMs?: number): Promise<readonly DownloadSummary[]> {
    const { downloads = [] } = await this.process.result(limitMs);
    for (const summary of downloads) expect(summary.state, summary.name).to.be.oneOf(['complete', 'seeding']);
    return downloads;
  }

  /** Path below the output folder. */
  path(name: string): string {
    return join(this.outputDir, name);
  }
}

/** Flags of one seeder or downloader, and where it differs from the others. */
export interface PeerSettings extends Partial<P2pProcessOptions> {
  /** Announce URLs instead of the fixture's tracker; an empty array for none. */
  readonly trackers?: readonly string[];
  /** The output folder of a download. */
  readonly outputDir?: string;
  /** Port that a seeder listens on; any free one when left out. */
  readonly port?: number;
}

export class SwarmFixture {
  readonly processes: P2pProcess[] = [];
  readonly #cleanups: (() => Promise<void> | void)[] = [];
  #root: string | undefined;
  #tracker: RunningTracker | undefined;
  #folders = 0;

  /** Folder of this fixture, made at the first use. */
  get root(): string {
    return (this.#root ??= mkdtempSync(join(tmpdir(), 'p2p-scenario-')));
  }

  /** A new folder. */
  folder(name = 'dir'): string {
    const path = join(this.root, `${name}-${(this.#folders += 1)}`);
    mkdirSync(path, { recursive: true });
    return path;
  }

  /** Writes a file in a new folder. @returns its path */
  file(name: string, bytes: Uint8Array | string): string {
    const path = join(this.folder('files'), name);
    writeFileSync(path, bytes);
    return path;
  }

  /** Starts any command, in a new folder with a state of its own unless told otherwise. */
  start(args: readonly string[], options: Partial<P2pProcessOptions> = {}): P2pProcess {
    const cwd = options.cwd ?? this.folder('process');
    const stateDir = options.stateDir ?? join(cwd, 'state');
    const started = new P2pProcess(args, { ...options, cwd, stateDir });
    this.processes.push(started);
    return started;
  }

  /** The tracker that seeders and downloaders of this fixture use. */
  get tracker(): RunningTracker {
    if (!this.#tracker) throw new Error('no tracker was started');
    return this.#tracker;
  }

  async startTracker(flags: readonly string[] = [], options: Partial<P2pProcessOptions> = {}): Promise<RunningTracker> {
    const process = this.start(['tracker', 'start', '--port', '0', ...flags], { name: 'tracker', ...options });
    const { port, url = `http://localhost:${port}/announce` } = await process.next('listening');
    this.#tracker = { process, url, port };
    return this.#tracker;
  }

  /** Starts a seeder and waits until the tracker took its announces. */
  async seed(
    paths: string | readonly string[],
    flags: readonly string[] = [],
    settings: PeerSettings = {},
  ): Promise<RunningSeed> {
    const list = typeof paths === 'string' ? [paths] : paths;
    const args = ['peer', 'seed', ...list, ...this.#trackerFlags(settings), '-p', String(settings.port ?? 0), ...flags];
    const process = this.start(args, { name: 'seeder', ...settings });
    const { port } = await process.next('listening');
    const seeding: LineOf<'seeding'>[] = [];
    for (const path of list) {
      const line = await process.next('seeding');
      expect(line.path, 'order of the seeding lines').to.satisfy((told: string) => told.endsWith(path));
      seeding.push(line);
    }
    for (const { infoHash } of seeding) await process.until('announced', (line) => line.infoHash === infoHash);
    return { process, port, seeding, only: seeding[0] as LineOf<'seeding'> };
  }

  /** Starts a download into an output folder of its own. */
  download(
    targets: string | readonly string[],
    flags: readonly string[] = [],
    settings: PeerSettings = {},
  ): DownloadRun {
    const outputDir = settings.outputDir ?? this.folder('output');
    const list = typeof targets === 'string' ? [targets] : targets;
    const trackerFlags = this.#trackerFlags(settings);
    const args = ['peer', 'download', ...list, ...trackerFlags, '-o', outputDir, '-p', '0', ...flags];
    return new DownloadRun(this.start(args, { name: 'downloader', ...settings }), outputDir);
  }

  /** Something that has to be undone when the fixture ends; the last one first. */
  onClose(cleanup: () => Promise<void> | void): void {
    this.#cleanups.push(cleanup);
  }

  /** What all processes printed. */
  log(): string {
    return this.processes.map((each) => each.log()).join('\n');
  }

  /** Kills what still runs and removes the folder. */
  async close(): Promise<void> {
    await Promise.all(this.processes.map((each) => each.kill()));
    for (const cleanup of this.#cleanups.splice(0).reverse()) await cleanup();
    if (this.#root !== undefined) rmSync(this.#root, { recursive: true, force: true });
    this.processes.length = 0;
    this.#root = undefined;
    this.#tracker = undefined;
  }

  #trackerFlags(settings: PeerSettings): string[] {
    const urls = settings.trackers ?? (this.#tracker ? [this.#tracker.url] : []);
    return urls.flatMap((url) => ['--tracker', url]);
  }
}

/**
 * A fixture for the `describe` that calls this: closed after its last test (with `each`, after every one), the output
 * of all processes printed when a test fails.
 */
export function useSwarm(lifetime: 'suite' | 'each' = 'suite'): SwarmFixture {
  const swarm = new SwarmFixture();
  const killAll = (): void => {
    for (const each of swarm.processes) each.signal('SIGKILL');
  };
  before(() => void process.once('exit', killAll));
  afterEach(async function () {
    if (this.currentTest?.state === 'failed') console.error(swarm.log());
    if (lifetime === 'each') await swarm.close();
  });
  after(async () => {
    await swarm.close();
    process.off('exit', killAll);
  });
  return swarm;
}
