/**
 * One seeder to one downloader over loopback: two processes, state and files on tmpfs, from the start of the download
 * process to its exit. Each run has a new seeder, so that the CPU of both is that of one copy.
 */
import { rmSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { parseSizeBytes } from '../../src/units.js';
import type { MeasuredExit } from '../shared/measured-process.js';
import { P2pBench, expectEqualFiles, writeRandomFile } from '../shared/p2p-bench.js';
import { environment, median, spread } from '../shared/statistics.js';

const HELP = `npm run bench transfer -- [--size 1G] [--piece-length 1M] [--runs 5] [--hash blake3,sha1] [--warm-up 1]`;

const { values } = parseArgs({
  options: {
    size: { type: 'string', default: '1G' },
    'piece-length': { type: 'string', default: '1M' },
    runs: { type: 'string', default: '5' },
    'warm-up': { type: 'string', default: '1' },
    hash: { type: 'string', default: 'blake3,sha1' },
    help: { type: 'boolean', default: false },
  },
});

interface Run {
  readonly download: MeasuredExit;
  readonly seed: MeasuredExit;
}

async function transferOnce(bench: P2pBench, source: string, torrent: string): Promise<Run> {
  const seeder = bench.start('seeder', ['peer', 'seed', source, '--torrent', torrent, '--trust', '-p', '0']);
  await seeder.line('announced');
  const output = bench.path('output');
  const downloader = await bench.run('downloader', ['peer', 'download', torrent, '-o', output, '-p', '0']);
  const download = await downloader.exit();
  const seed = await seeder.stop();
  expectEqualFiles(source, `${output}/source.bin`);
  rmSync(output, { recursive: true });
  bench.forget('seeder');
  bench.forget('downloader');
  return { download, seed };
}

function report(runs: readonly Run[], sizeBytes: number): object {
  const seconds = runs.map(({ download }) => download.wallMs / 1000);
  const rates = seconds.map((each) => sizeBytes / 1e6 / each);
  const mib = (values: readonly number[]): number => Math.round(median(values) / 1024 ** 2);
  return {
    benchmark: 'transfer',
    wallSeconds: spread(seconds, 2),
    mbPerSec: spread(rates, 0),
    downloadCpuSeconds: spread(
      runs.map(({ download }) => download.cpuSeconds),
      2,
    ),
    seedCpuSeconds: spread(
      runs.map(({ seed }) => seed.cpuSeconds),
      2,
    ),
    bothCpuSeconds: spread(
      runs.map(({ download, seed }) => download.cpuSeconds + seed.cpuSeconds),
      2,
    ),
    downloadPeakMiB: mib(runs.map(({ download }) => download.peakBytes)),
    seedPeakMiB: mib(runs.map(({ seed }) => seed.peakBytes)),
    settings: { size: values.size, pieceLength: values['piece-length'], hash: values.hash, runs: runs.length },
    ...environment(),
  };
}

async function main(): Promise<void> {
  const sizeBytes = parseSizeBytes(values.size);
  const bench = new P2pBench();
  try {
    const source = bench.path('source.bin');
    const torrent = bench.path('source.torrent');
    writeRandomFile(source, sizeBytes);
    const tracker = await bench.startTracker();
    const flags = ['--tracker', tracker, '--piece-length', values['piece-length'], '--hash', values.hash];
    await bench.run('create', ['create', source, '-o', torrent, ...flags]);

    const runs: Run[] = [];
    const warmUps = Number(values['warm-up']);
    for (let at = 0; at < warmUps + Number(values.runs); at += 1) {
      const run = await transferOnce(bench, source, torrent);
      if (at >= warmUps) runs.push(run);
      process.stderr.write(`run ${at + 1}: ${(run.download.wallMs / 1000).toFixed(2)} s\n`);
    }
    console.log(JSON.stringify(report(runs, sizeBytes)));
  } finally {
    await bench.close();
  }
}

if (values.help) console.log(HELP);
else await main();
