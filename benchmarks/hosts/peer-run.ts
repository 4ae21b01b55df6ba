/**
 * One timed run: seeders that are ready, then downloaders that start together, until all of them are complete; then what
 * each cost, what the seeders sent, and a comparison of every byte.
 */
import { existsSync, linkSync, mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { BenchClient, Launch, PeerPlace } from '../clients/bench-client.js';
import type { MeasuredExit, MeasuredProcess } from '../shared/measured-process.js';
import { expectEqualFiles, type P2pBench } from '../shared/p2p-bench.js';
import type { BenchHost, BenchHosts } from './bench-hosts.js';

/** What is transferred. */
export interface BenchData {
  /** The folder that holds it. */
  readonly folder: string;
  /** Of the file or folder that the torrent names. */
  readonly name: string;
  /** Relative to `folder`, in the torrent's order. */
  readonly files: readonly string[];
  readonly sizeBytes: number;
  readonly torrent: string;
}

export interface PeerRunPlan {
  readonly bench: P2pBench;
  /** One for each seeder, then one for each downloader. */
  readonly hosts: BenchHosts;
  readonly data: BenchData;
  readonly seeder: BenchClient;
  readonly seederCount: number;
  /** Each seeder has one file of the torrent; there are as many. */
  readonly isSplit?: boolean;
  readonly downloader: BenchClient;
  readonly downloaderCount: number;
  /** When downloaders that are not complete are given up. */
  readonly limitMs: number;
}

export interface PeerRun {
  /** Of each downloader, from the start of the first process to its exit. */
  readonly seconds: readonly number[];
  /** From then to the first payload of a seeder, where hosts count what they send. */
  readonly firstPayloadSeconds: number | undefined;
  /** All processes of a side, their whole life. */
  readonly downloadCpuSeconds: number;
  readonly seedCpuSeconds: number;
  /** The largest process of a side. */
  readonly downloadPeakBytes: number;
  readonly seedPeakBytes: number;
  /** Bytes that seeders sent, headers included, in sizes of the data; undefined where nobody counts. */
  readonly copies: number | undefined;
}

const TRACKER = fileURLToPath(new URL('bench-tracker.js', import.meta.url));
const POLL_MS = 10;
const READY_LIMIT_MS = 60_000;
/** What seeders still have to do after they are known to be ready. */
const SETTLE_MS = 300;
/** More than handshakes and announces, and less than two blocks. */
const FIRST_PAYLOAD_BYTES = 20_000;

/** @throws when a downloader fails, takes too long or has wrong bytes */
export async function runPeers(plan: PeerRunPlan): Promise<PeerRun> {
  const run = new Run(plan);
  try {
    return await run.measure();
  } finally {
    await run.close();
  }
}

class Run {
  readonly #plan: PeerRunPlan;
  readonly #tracker: MeasuredProcess;
  readonly #peers: MeasuredProcess[] = [];
  readonly #folder: string;

  constructor(plan: PeerRunPlan) {
    const { bench, hosts } = plan;
    this.#plan = plan;
    this.#folder = bench.path('run');
    mkdirSync(this.#folder);
    const { inside, address, port } = hosts.hub;
    this.#tracker = bench.spawn([process.execPath, TRACKER, address, String(port)], { inside });
  }

  async measure(): Promise<PeerRun> {
    const { data, downloader, downloaderCount, seederCount } = this.#plan;
    const { hosts } = this.#plan.hosts;
    const seederHosts = hosts.slice(0, seederCount);
    await this.#tracker.line('listening');
    const hubPid = await this.#tracker.pid();
    const seeders = await this.#startSeeders(seederHosts);
    await delay(SETTLE_MS);

    const sent = (): number => sumOfLinks(this.#plan.hosts.sentBytes(hubPid), seederHosts);
    const sentBefore = sent();
    const startedMs = performance.now();
    const addresses = seederHosts.map(({ address, port }) => `${address}:${port}`);
    const running = hosts.slice(seederCount, seederCount + downloaderCount).map((host, index) => {
      const place = { ...this.#place(host, `download-${index}`), seeders: addresses };
      const launch = downloader.download(place);
      return { place, launch, process: this.#start(launch, host) };
    });
    const firstPayload = watchFirst(() => sent() - sentBefore > FIRST_PAYLOAD_BYTES);
    const ends = await this.#untilComplete(running);
    const firstPayloadMs = firstPayload.stop();
    const copies = hosts[0]?.link === undefined ? undefined : (sent() - sentBefore) / data.sizeBytes;
    const downloads = await Promise.all(running.map(({ process }) => process.stop()));
    const seeds = await Promise.all(seeders.map((process) => process.stop()));
    for (const { place } of running) this.#compare(place);
    return {
      seconds: ends.map((endMs) => (endMs - startedMs) / 1000),
      firstPayloadSeconds: firstPayloadMs === undefined ? undefined : (firstPayloadMs - startedMs) / 1000,
      ...{ downloadCpuSeconds: sumOfCpu(downloads), seedCpuSeconds: sumOfCpu(seeds) },
      ...{ downloadPeakBytes: peakOf(downloads), seedPeakBytes: peakOf(seeds) },
      copies,
    };
  }

  async close(): Promise<void> {
    await Promise.all([...this.#peers, this.#tracker].map((each) => each.kill()));
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** @returns when each of them can be asked */
  async #startSeeders(hosts: readonly BenchHost[]): Promise<MeasuredProcess[]> {
    const { data, seeder, isSplit = false } = this.#plan;
    const started = hosts.map((host, index) => {
      const place = this.#place(host, `seed-${index}`);
      const onlyFile = isSplit ? { index, count: data.files.length } : undefined;
      const linked = isSplit && seeder.needsWholeForPart !== true ? data.files.slice(index, index + 1) : data.files;
      for (const file of linked) {
        mkdirSync(path.dirname(path.join(place.folder, file)), { recursive: true });
        linkSync(path.join(data.folder, file), path.join(place.folder, file));
      }
      const launch = seeder.seed({ ...place, onlyFile });
      return { launch, host, process: this.#start(launch, host) };
    });
    const ready = started.map(({ launch, host, process }) => this.#untilReady(launch, host, process));
    await within(READY_LIMIT_MS, Promise.all(ready), `${seeder.name} as a seeder is not ready`);
    return started.map(({ process }) => process);
  }

  async #untilReady({ readyFile }: Launch, host: BenchHost, process: MeasuredProcess): Promise<void> {
    const ended = process.exit().then(({ exitCode }) => {
      throw new Error(`the seeder ended with ${exitCode}: ${process.stderr.trim()}`);
    });
    ended.catch(() => undefined);
    if (readyFile !== undefined) {
      while (!existsSync(readyFile)) await Promise.race([delay(POLL_MS), ended]);
      return;
    }
    const name = `${host.address}:${host.port}`;
    const isReady = (line: { readonly [field: string]: unknown }): boolean =>
      line['name'] === name && (this.#plan.isSplit === true || line['left'] === 0);
    await Promise.race([this.#tracker.lineWhere((lines) => lines.some(isReady)), ended]);
  }

  /** @returns when each was complete, `performance.now()` */
  async #untilComplete(
    running: readonly { readonly launch: Launch; readonly process: MeasuredProcess }[],
  ): Promise<number[]> {
    const { limitMs, downloader } = this.#plan;
    const abort = new AbortController();
    const complete = running.map(async ({ launch: { doneFile }, process }) => {
      if (doneFile !== undefined) return await untilThere(doneFile, abort.signal);
      const { exitCode, wallMs } = await process.exit();
      if (exitCode !== 0) throw new Error(`${downloader.name} ended with ${exitCode}: ${process.stderr.trim()}`);
      return process.startedMs + wallMs;
    });
    try {
      return await within(limitMs, Promise.all(complete), 'not complete');
    } finally {
      abort.abort();
    }
  }

  #place(host: BenchHost, name: string): PeerPlace {
    const folder = path.join(this.#folder, name);
    mkdirSync(folder);
    const { name: dataName, torrent } = this.#plan.data;
    return { folder, dataName, torrent, address: host.address, port: host.port, seeders: [] };
  }

  #start({ command, env = {} }: Launch, { inside }: BenchHost): MeasuredProcess {
    const started = this.#plan.bench.spawn(command, { env, inside });
    this.#peers.push(started);
    return started;
  }

  /** Removed at once, since copies are large and lie in memory. */
  #compare({ folder }: PeerPlace): void {
    const { data } = this.#plan;
    for (const file of data.files) expectEqualFiles(path.join(data.folder, file), path.join(folder, file));
    rmSync(folder, { recursive: true });
  }
}

/** @throws when it takes longer */
async function within<T>(limitMs: number, promise: Promise<T>, what: string): Promise<T> {
  const abort = new AbortController();
  const late = delay(limitMs, 'late' as const, { signal: abort.signal }).catch(() => 'late' as const);
  try {
    const first = await Promise.race([promise.then((value) => ({ value })), late]);
    if (first === 'late') throw new Error(`${what} after ${limitMs / 1000} s`);
    return first.value;
  } finally {
    abort.abort();
  }
}

async function untilThere(file: string, signal: AbortSignal): Promise<number> {
  while (!existsSync(file) && !signal.aborted) await delay(POLL_MS);
  return performance.now();
}

/** Notes when something was true for the first time. */
function watchFirst(isTrue: () => boolean): { stop(): number | undefined } {
  let firstMs: number | undefined;
  const timer = setInterval(() => {
    if (!isTrue()) return;
    firstMs = performance.now();
    clearInterval(timer);
  }, POLL_MS);
  return {
    stop: () => {
      clearInterval(timer);
      return firstMs;
    },
  };
}

function sumOfLinks(counters: ReadonlyMap<string, number>, hosts: readonly BenchHost[]): number {
  return hosts.reduce((sum, { link }) => sum + (counters.get(link ?? '') ?? 0), 0);
}

function sumOfCpu(exits: readonly MeasuredExit[]): number {
  return exits.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0);
}

function peakOf(exits: readonly MeasuredExit[]): number {
  return Math.max(...exits.map(({ peakBytes }) => peakBytes));
}
