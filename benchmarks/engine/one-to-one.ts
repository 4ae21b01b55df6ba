/** One seeder that knows its data, one downloader, over loopback: what both cost, and that the bytes are right. */
import { readdirSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import type { MeasuredExit } from '../shared/measured-process.js';
import { expectEqualFiles, type P2pBench } from '../shared/p2p-bench.js';
import { median, spread } from '../shared/statistics.js';
import { ThreadTimes } from '../shared/thread-times.js';

export interface OneToOne {
  readonly download: MeasuredExit;
  readonly seed: MeasuredExit;
  /** Processor time of the downloader's threads, in seconds. */
  readonly threads: { readonly main: number; readonly busiestOther: number };
}

/**
 * @param source a file or folder
 * @param torrent its .torrent, with a tracker that runs
 * @throws when the copy differs
 */
export async function transferOnce(bench: P2pBench, source: string, torrent: string): Promise<OneToOne> {
  const seeder = bench.start('seeder', ['peer', 'seed', source, '--torrent', torrent, '--trust', '-p', '0']);
  await seeder.line('announced');
  const output = bench.path('output');
  const downloader = bench.start('downloader', ['peer', 'download', torrent, '-o', output, '-p', '0']);
  const times = new ThreadTimes(await downloader.pid());
  const download = await downloader.exit();
  const threads = times.stop();
  const seed = await seeder.stop();
  if (download.exitCode !== 0) throw new Error(`the download ended with ${download.exitCode}: ${downloader.stderr}`);
  expectEqualTrees(source, path.join(output, path.basename(source)));
  rmSync(output, { recursive: true });
  bench.forget('seeder');
  bench.forget('downloader');
  return { download, seed, threads };
}

/** The figures of several runs, as fields of a row. */
export function transferFigures(runs: readonly OneToOne[], sizeBytes: number): Record<string, unknown> {
  const seconds = runs.map(({ download }) => download.wallMs / 1000);
  const of = (figure: (run: OneToOne) => number): number[] => runs.map(figure);
  return {
    wallSeconds: spread(seconds, 2),
    mbPerSec: spread(
      seconds.map((each) => sizeBytes / 1e6 / each),
      1,
    ),
    downloadCpuSeconds: spread(
      of(({ download }) => download.cpuSeconds),
      2,
    ),
    seedCpuSeconds: spread(
      of(({ seed }) => seed.cpuSeconds),
      2,
    ),
    mainThreadShare: spread(
      of(({ threads, download }) => (threads.main * 1000) / download.wallMs),
      2,
    ),
    busiestWorkerShare: spread(
      of(({ threads, download }) => (threads.busiestOther * 1000) / download.wallMs),
      2,
    ),
    peakMiB: Math.round(median(of(({ download }) => download.peakBytes)) / 1024 ** 2),
  };
}

function expectEqualTrees(left: string, right: string): void {
  if (!statSync(left).isDirectory()) {
    expectEqualFiles(left, right);
    return;
  }
  for (const name of readdirSync(left)) expectEqualTrees(path.join(left, name), path.join(right, name));
}
