/** Making a .torrent of one file: pure BLAKE3 beside b3sum, dual-hash beside mktorrent and libtorrent, which hash SHA-1 alone. */
import { rmSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { parseSizeBytes } from '../../src/units.js';
import { raceCommands, type Racer } from '../shared/command-race.js';
import { findProgram, SYSTEM_PYTHON, versionsOf } from '../shared/installed-programs.js';
import { P2P, P2pBench, writeRandomFile } from '../shared/p2p-bench.js';
import { Report } from '../shared/report.js';

const HELP = `npm run bench create -- [--size 1G] [--runs 5]

The file lies on tmpfs and was read before: what is measured is the start of the program, reading from memory, hashing.
All use pieces of 1 MiB and as many threads as there are cores; mktorrent is told two.`;

const { values } = parseArgs({
  options: {
    size: { type: 'string', default: '1G' },
    runs: { type: 'string', default: '5' },
    help: { type: 'boolean', default: false },
  },
});

const PIECE_LOG2 = 20;

/** What libtorrent's Python binding takes to make a torrent of BitTorrent v1. */
const LIBTORRENT_CREATE = `
import libtorrent as lt, os, sys
source, target = sys.argv[1:]
files = lt.file_storage()
lt.add_files(files, source)
torrent = lt.create_torrent(files, ${1 << PIECE_LOG2}, flags=lt.create_torrent.v1_only)
lt.set_piece_hashes(torrent, os.path.dirname(source))
open(target, 'wb').write(lt.bencode(torrent.generate()))
`;

async function main(): Promise<void> {
  const sizeBytes = parseSizeBytes(values.size);
  const bench = new P2pBench();
  try {
    const [source, target] = [bench.path('source.bin'), bench.path('made.torrent')];
    writeRandomFile(source, sizeBytes);
    const programs = {
      b3sum: findProgram('b3sum'),
      mktorrent: findProgram('mktorrent'),
      libtorrent: findProgram('libtorrent'),
    };
    const report = new Report({
      benchmark: 'create',
      settings: { size: values.size, runs: values.runs },
      versions: versionsOf(Object.values(programs)),
    });
    const prepare = (): void => {
      rmSync(target, { force: true });
    };
    const ours = (name: string, hash: string): Racer => ({
      ...{ case: name, client: 'p2p', prepare, env: { P2P_STATE: bench.path('state') } },
      command: [process.execPath, P2P, 'create', source, '-o', target, '--hash', hash, '--piece-length', '1M'],
    });
    const other = (name: string, program: keyof typeof programs, command: readonly string[]): Racer => ({
      ...{ case: name, client: program, command, prepare },
      missingNote: programs[program].version === undefined ? programs[program].missingNote : undefined,
    });
    const [pure, dual] = ['BLAKE3 alone', 'BLAKE3 and SHA-1'];
    const url = 'http://localhost/announce';
    await raceCommands(
      report,
      [
        ours(pure, 'blake3'),
        other(pure, 'b3sum', ['b3sum', source]),
        ours(dual, 'blake3,sha1'),
        other(dual, 'mktorrent', ['mktorrent', '-t', '2', '-l', `${PIECE_LOG2}`, '-a', url, '-o', target, source]),
        other(dual, 'libtorrent', [SYSTEM_PYTHON, '-c', LIBTORRENT_CREATE, source, target]),
      ],
      { runs: Number(values.runs), sizeBytes },
    );
    report.chart({ name: 'create', title: `create: a torrent of ${values.size}`, figure: 'wallSeconds', unit: 's' });
  } finally {
    await bench.close();
  }
}

if (values.help) console.log(HELP);
else await main();
