/** A folder of many small files from one seeder to one downloader, beside one file of the same size. */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { P2pBench, writeRandomFile } from '../shared/p2p-bench.js';
import { Report } from '../shared/report.js';
import { takeTurns } from '../shared/take-turns.js';
import { transferFigures, transferOnce } from './one-to-one.js';

const HELP = `npm run bench many-files -- [--files 10000] [--runs 3]

Files have 2 to 20 KB, a hundred in each folder. The time is that of the download process, from its start to its exit.`;

const { values } = parseArgs({
  options: {
    files: { type: 'string', default: '10000' },
    runs: { type: 'string', default: '3' },
    help: { type: 'boolean', default: false },
  },
});

const LEAST_BYTES = 2_000;
const MOST_BYTES = 20_000;
const FILES_PER_FOLDER = 100;
/** Spreads the sizes evenly, the same each time: 2^32 by the golden ratio. */
const STRIDE = 2_654_435_769;

/** @returns the size of all together, in bytes */
function writeFolder(folder: string, count: number): number {
  let totalBytes = 0;
  for (let index = 0; index < count; index += 1) {
    const share = ((index * STRIDE) % 2 ** 32) / 2 ** 32;
    const sizeBytes = LEAST_BYTES + Math.floor(share * (MOST_BYTES - LEAST_BYTES));
    const below = path.join(folder, `folder-${Math.floor(index / FILES_PER_FOLDER)}`);
    if (index % FILES_PER_FOLDER === 0) mkdirSync(below, { recursive: true });
    writeRandomFile(path.join(below, `file-${index}.bin`), sizeBytes);
    totalBytes += sizeBytes;
  }
  return totalBytes;
}

async function main(): Promise<void> {
  const count = Number(values.files);
  const bench = new P2pBench();
  try {
    const [folder, file] = [bench.path('many'), bench.path('one.bin')];
    const sizeBytes = writeFolder(folder, count);
    writeRandomFile(file, sizeBytes);
    const url = await bench.startTracker();
    const contestants = [
      { name: `${count} files`, source: folder },
      { name: 'one file', source: file },
    ];
    for (const { source } of contestants) {
      await bench.run('create', ['create', source, '-o', `${source}.torrent`, '--tracker', url]);
    }
    const report = new Report({ benchmark: 'many-files', settings: { files: count, sizeBytes, runs: values.runs } });
    const turns = await takeTurns(contestants, { runs: Number(values.runs), warmUps: 1 }, async ({ name, source }) => {
      const run = await transferOnce(bench, source, `${source}.torrent`);
      report.progress(`${name}: ${(run.download.wallMs / 1000).toFixed(2)} s`);
      return run;
    });
    for (const { contestant, results, failure } of turns) {
      const head = { case: contestant.name, client: 'p2p' };
      if (failure !== undefined) report.row({ ...head, note: failure });
      else report.row({ ...head, ...transferFigures(results, sizeBytes) });
    }
    const title = `many-files: ${Math.round(sizeBytes / 1e6)} MB, one to one`;
    report.chart({ name: 'many-files', title, figure: 'mbPerSec', unit: 'MB/s' });
  } finally {
    await bench.close();
  }
}

if (values.help) console.log(HELP);
else await main();
