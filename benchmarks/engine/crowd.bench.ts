/**
 * One seeder with a limit, and 1, 2 and 5 downloaders at once: downloaders that feed one another need hardly longer than
 * one alone. Upload limits make the network the bottleneck, as between machines, not this machine's processors.
 */
import { rmSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { parseRateBytesPerSec, parseSizeBytes } from '../../src/units.js';
import type { MeasuredProcess } from '../shared/measured-process.js';
import { P2pBench, expectEqualFiles, writeRandomFile } from '../shared/p2p-bench.js';
import { environment, median, spread } from '../shared/statistics.js';

const HELP = `npm run bench crowd -- [--size 64M] [--piece-length 16K] [--limit 8M] [--crowds 1,2,5] [--runs 3]`;

const { values } = parseArgs({
  options: {
    size: { type: 'string', default: '64M' },
    'piece-length': { type: 'string', default: '16K' },
    limit: { type: 'string', default: '8M' },
    crowds: { type: 'string', default: '1,2,5' },
    runs: { type: 'string', default: '3' },
    help: { type: 'boolean', default: false },
  },
});

interface Run {
  /** Of each downloader, from its start to its completion. */
  readonly seconds: readonly number[];
  readonly seederCopies: number;
}

async function runCrowd(bench: P2pBench, source: string, torrent: string, crowd: number): Promise<Run> {
  const seedArgs = ['peer', 'seed', source, '--torrent', torrent, '--trust', '-p', '0', '--upload-limit', values.limit];
  const seeder = bench.start('seeder', seedArgs);
  await seeder.line('announced');
  // They go on seeding when complete, as long as the others need them.
  const downloaders = Array.from({ length: crowd }, (_, index) => {
    const args = ['peer', 'download', torrent, '-o', bench.path(`output-${index}`), '-p', '0', '--seed'];
    return {
      startedMs: performance.now(),
      process: bench.start(`downloader-${index}`, [...args, '--upload-limit', values.limit]),
    };
  });
  const seconds = await Promise.all(
    downloaders.map(async ({ process, startedMs }) => {
      await process.line('downloaded');
      return (performance.now() - startedMs) / 1000;
    }),
  );
  for (const each of downloaders) await each.process.stop();
  await seeder.stop();
  for (let index = 0; index < crowd; index += 1) {
    expectEqualFiles(source, `${bench.path(`output-${index}`)}/source.bin`);
    rmSync(bench.path(`output-${index}`), { recursive: true });
    bench.forget(`downloader-${index}`);
  }
  bench.forget('seeder');
  return { seconds, seederCopies: uploadedBytes(seeder) / parseSizeBytes(values.size) };
}

function uploadedBytes(seeder: MeasuredProcess): number {
  const { seeds } = (seeder.lines.at(-1) ?? {}) as { seeds?: readonly { readonly upTotalBytes: number }[] };
  return (seeds ?? []).reduce((sum, { upTotalBytes }) => sum + upTotalBytes, 0);
}

async function main(): Promise<void> {
  const sizeBytes = parseSizeBytes(values.size);
  const bench = new P2pBench();
  try {
    const [source, torrent] = [bench.path('source.bin'), bench.path('source.torrent')];
    writeRandomFile(source, sizeBytes);
    const flags = ['--tracker', await bench.startTracker(), '--piece-length', values['piece-length']];
    await bench.run('create', ['create', source, '-o', torrent, ...flags]);
    for (const crowd of values.crowds.split(',').map(Number)) {
      const runs: Run[] = [];
      for (let at = 0; at < Number(values.runs); at += 1) {
        const run = await runCrowd(bench, source, torrent, crowd);
        runs.push(run);
        process.stderr.write(`${crowd} downloaders, run ${at + 1}: ${Math.max(...run.seconds).toFixed(1)} s\n`);
      }
      console.log(
        JSON.stringify({
          benchmark: 'crowd',
          downloaders: crowd,
          medianSeconds: spread(
            runs.map(({ seconds }) => median(seconds)),
            1,
          ),
          slowestSeconds: spread(
            runs.map(({ seconds }) => Math.max(...seconds)),
            1,
          ),
          boundSeconds: Number((sizeBytes / parseRateBytesPerSec(values.limit)).toFixed(1)),
          seederCopies: spread(
            runs.map(({ seederCopies }) => seederCopies),
            2,
          ),
          settings: { size: values.size, pieceLength: values['piece-length'], uploadLimit: values.limit },
          ...environment(),
        }),
      );
    }
  } finally {
    await bench.close();
  }
}

if (values.help) console.log(HELP);
else await main();
