/** Very small pieces, one seeder to one downloader: how many a second, and whether the main thread is what limits them. */
import { parseArgs } from 'node:util';
import { formatSize, parseSizeBytes } from '../../src/units.js';
import { P2pBench, writeRandomFile } from '../shared/p2p-bench.js';
import { Report } from '../shared/report.js';
import { transferFigures, transferOnce, type OneToOne } from './one-to-one.js';

const HELP = `npm run bench small-pieces -- [--cases 64M/128,512M/16K] [--runs 3]

A case is the size of the file and of its pieces. A share of 1 means that a thread used a whole processor from the start
of the download process to its exit. SHA-1 alone below 1 KiB, since two digests would be half as large as the piece.`;

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: '64M/128,512M/16K' },
    runs: { type: 'string', default: '3' },
    help: { type: 'boolean', default: false },
  },
});

const SHA1_ALONE_BELOW_BYTES = 1024;

async function main(): Promise<void> {
  const bench = new P2pBench();
  const report = new Report({ benchmark: 'small-pieces', settings: { runs: values.runs } });
  try {
    const url = await bench.startTracker();
    for (const [size = '', piece = ''] of values.cases.split(',').map((each) => each.split('/'))) {
      const [sizeBytes, pieceBytes] = [parseSizeBytes(size), parseSizeBytes(piece)];
      const source = bench.path('source.bin');
      writeRandomFile(source, sizeBytes);
      const hash = pieceBytes < SHA1_ALONE_BELOW_BYTES ? 'sha1' : 'blake3,sha1';
      const flags = ['--force', '--tracker', url, '--piece-length', piece, '--hash', hash];
      await bench.run('create', ['create', source, '-o', `${source}.torrent`, ...flags]);
      const name = `${formatSize(sizeBytes)} in pieces of ${formatSize(pieceBytes)}`;
      const runs: OneToOne[] = [];
      for (let run = 0; run < Number(values.runs); run += 1) {
        runs.push(await transferOnce(bench, source, `${source}.torrent`));
        report.progress(`${name}: ${((runs.at(-1)?.download.wallMs ?? 0) / 1000).toFixed(2)} s`);
      }
      report.row({ case: name, client: 'p2p', ...transferFigures(runs, sizeBytes) });
    }
    report.chart({
      ...{ name: 'small-pieces', title: 'small-pieces: one to one', figure: 'mbPerSec', unit: 'MB/s' },
      isScaledByCase: true,
    });
  } finally {
    await bench.close();
  }
}

if (values.help) console.log(HELP);
else await main();
