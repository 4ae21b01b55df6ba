/** How fast each hash algorithm is, by the size of what is hashed at once and by the number of threads. */
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { formatSize, parseSizeBytes } from '../../src/units.js';
import { Report } from '../shared/report.js';
import { spread } from '../shared/statistics.js';
import { HASHES, type HashLoad } from './hash-worker.js';

const HELP = `npm run bench hash -- [--blocks 16K,256K,1M] [--threads 1,${availableParallelism()}] [--ms 300] [--runs 3]

Blocks are in the processor's cache: no reading is measured.`;

const { values } = parseArgs({
  options: {
    blocks: { type: 'string', default: '16K,256K,1M' },
    threads: { type: 'string', default: [...new Set([1, availableParallelism()])].join(',') },
    ms: { type: 'string', default: '300' },
    runs: { type: 'string', default: '3' },
    help: { type: 'boolean', default: false },
  },
});

/** @returns bytes a second of all threads together; undefined when the algorithm does not load */
async function measure(load: HashLoad, threads: number): Promise<number | undefined> {
  const rates = await Promise.all(
    Array.from({ length: threads }, async () => {
      const worker = new Worker(new URL('./hash-worker.js', import.meta.url), { workerData: load });
      const [rate] = (await once(worker, 'message')) as [number | undefined];
      await worker.terminate();
      return rate;
    }),
  );
  return rates.reduce<number | undefined>(
    (sum, rate) => (sum === undefined || rate === undefined ? undefined : sum + rate),
    0,
  );
}

async function main(): Promise<void> {
  const report = new Report({ benchmark: 'hash', settings: { runs: values.runs, ms: values.ms } });
  for (const hash of Object.keys(HASHES)) {
    for (const threads of values.threads.split(',').map(Number)) {
      for (const blockBytes of values.blocks.split(',').map(parseSizeBytes)) {
        const head = {
          case: `${hash}, ${formatSize(blockBytes)}`,
          client: `p2p, ${threads} thread${threads === 1 ? '' : 's'}`,
        };
        const rates: number[] = [];
        for (let run = 0; run < Number(values.runs); run += 1) {
          const rate = await measure({ hash, blockBytes, forMs: Number(values.ms) }, threads);
          if (rate !== undefined) rates.push(rate / 1e6);
        }
        if (rates.length === 0) report.row({ ...head, note: 'its module does not load here' });
        else report.row({ ...head, mbPerSec: spread(rates, 0) });
      }
    }
  }
  report.chart({ name: 'hash', title: 'hash: MB/s', figure: 'mbPerSec', unit: 'MB/s' });
}

if (values.help) console.log(HELP);
else await main();
