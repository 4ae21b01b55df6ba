/** Checking one file against its .torrent: with BLAKE3 beside b3sum, with SHA-1, and with both. */
import { parseArgs } from 'node:util';
import { parseSizeBytes } from '../../src/units.js';
import { raceCommands, type Racer } from '../shared/command-race.js';
import { findProgram, versionsOf } from '../shared/installed-programs.js';
import { P2P, P2pBench, writeRandomFile } from '../shared/p2p-bench.js';
import { Report } from '../shared/report.js';

const HELP = `npm run bench verify -- [--size 1G] [--runs 5]

The file lies on tmpfs and was read before: what is measured is the start of the program, reading from memory, hashing.`;

const { values } = parseArgs({
  options: {
    size: { type: 'string', default: '1G' },
    runs: { type: 'string', default: '5' },
    help: { type: 'boolean', default: false },
  },
});

async function main(): Promise<void> {
  const sizeBytes = parseSizeBytes(values.size);
  const bench = new P2pBench();
  try {
    const [source, torrent] = [bench.path('source.bin'), bench.path('source.torrent')];
    writeRandomFile(source, sizeBytes);
    await bench.run('verify', ['create', source, '-o', torrent, '--piece-length', '1M']);
    const b3sum = findProgram('b3sum');
    const report = new Report({
      benchmark: 'verify',
      settings: { size: values.size, runs: values.runs },
      versions: versionsOf([b3sum]),
    });
    const ours = (name: string, hash: string): Racer => ({
      ...{ case: name, client: 'p2p', env: { P2P_STATE: bench.path('state-verify') } },
      command: [process.execPath, P2P, 'verify', torrent, source, '--verify-with', hash],
    });
    await raceCommands(
      report,
      [
        ours('BLAKE3', 'blake3'),
        {
          ...{ case: 'BLAKE3', client: 'b3sum', command: ['b3sum', source] },
          missingNote: b3sum.version === undefined ? b3sum.missingNote : undefined,
        },
        ours('SHA-1', 'sha1'),
        ours('BLAKE3 and SHA-1', 'all'),
      ],
      { runs: Number(values.runs), sizeBytes },
    );
    report.chart({ name: 'verify', title: `verify: a file of ${values.size}`, figure: 'wallSeconds', unit: 's' });
  } finally {
    await bench.close();
  }
}

if (values.help) console.log(HELP);
else await main();
