/** How long the command line takes to start, beside a bare `node -e 0`: `--version`, help, `show`, and `status` with many transfers. */
import { spawnSync } from 'node:child_process';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { buildMetainfo } from '../../src/metainfo/build-metainfo.js';
import { CopyStore } from '../../src/store/copy-store.js';
import { openStateDatabase } from '../../src/store/database.js';
import type { InfoHash } from '../../src/metainfo/metainfo.js';
import { P2P, P2pBench, writeRandomFile } from '../shared/p2p-bench.js';
import { Report } from '../shared/report.js';
import { median, spread } from '../shared/statistics.js';
import { takeTurns } from '../shared/take-turns.js';

const HELP = 'npm run bench cli -- [--runs 21] [--torrents 1000]';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '21' },
    torrents: { type: 'string', default: '1000' },
    help: { type: 'boolean', default: false },
  },
});

const PIECE_COUNT = 100;
const PIECE_BYTES = 1_048_576;

/** A state folder that knows so many downloads, half of each verified. */
function prepareState(stateDir: string, torrents: number): void {
  const database = openStateDatabase(stateDir);
  const store = new CopyStore(database);
  const metainfoBytes = buildMetainfo({ infoBytes: new TextEncoder().encode('de'), trackerTiers: [] });
  const verified = Array.from({ length: PIECE_COUNT / 2 }, (_, index) => index);
  store.together(() => {
    for (let index = 0; index < torrents; index += 1) {
      const infoHash = index.toString(16).padStart(40, '0') as InfoHash;
      const { id } = store.openCopy({
        ...{ infoHash, rootPath: `/nowhere/${index}`, role: 'download', metainfoBytes, name: `torrent ${index}` },
        ...{ totalBytes: PIECE_COUNT * PIECE_BYTES, pieceCount: PIECE_COUNT, pieceLengthBytes: PIECE_BYTES },
        trackerTiers: [],
      });
      store.recordPieces(id, { verified, durable: verified });
      store.markStoppedCleanly(id);
    }
  });
  database.close();
}

async function main(): Promise<void> {
  const bench = new P2pBench();
  try {
    const [source, state] = [bench.path('source.bin'), bench.path('state-many')];
    writeRandomFile(source, PIECE_BYTES);
    await bench.run('create', ['create', source, '-o', `${source}.torrent`]);
    prepareState(state, Number(values.torrents));
    const ours = (name: string, ...args: string[]) => ({ name, args: [P2P, ...args] });
    const contestants = [
      { name: 'node -e 0', args: ['-e', '0'] },
      ours('p2p --version', '--version'),
      ours('p2p help', 'help'),
      ours('p2p peer download --help', 'peer', 'download', '--help'),
      ours('p2p show FILE.torrent', 'show', `${source}.torrent`),
      ours('p2p status, none', 'status', '--state', bench.path('state-none')),
      ours(`p2p status, ${values.torrents} transfers`, 'status', '--state', state),
    ];
    const runMs = (args: readonly string[]): number => {
      const startMs = performance.now();
      const { status } = spawnSync(process.execPath, args, { stdio: 'ignore' });
      if (status !== 0) throw new Error(`node ${args.join(' ')} ended with ${status}`);
      return performance.now() - startMs;
    };
    const runs = Number(values.runs);
    const turns = await takeTurns(contestants, { runs, warmUps: 1 }, ({ args }) => Promise.resolve(runMs(args)));
    const report = new Report({ benchmark: 'cli', settings: { runs, torrents: values.torrents } });
    const bareMs = median(turns[0]?.results ?? []);
    for (const { contestant, results, failure } of turns) {
      const head = { case: contestant.name, client: contestant.args[0] === P2P ? 'p2p' : 'node' };
      if (failure !== undefined) report.row({ ...head, note: failure });
      else report.row({ ...head, ms: spread(results, 0), bareStarts: Number((median(results) / bareMs).toFixed(2)) });
    }
    report.chart({ name: 'cli', title: 'cli: from start to exit', figure: 'ms', unit: 'ms' });
  } finally {
    await bench.close();
  }
}

if (values.help) console.log(HELP);
else await main();
