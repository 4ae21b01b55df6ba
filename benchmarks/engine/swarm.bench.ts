/**
 * Flash crowds: everybody starts at once, each on a host of its own with a link rate (network namespaces, needs root), ours
 * beside libtorrent, aria2 and Transmission. Times of the median and the last peer stand beside the fluid bound, the least
 * time that any protocol could take.
 */
import { parseArgs } from 'node:util';
import { parseDurationMs, parseSizeBytes } from '../../src/units.js';
import { allClients } from '../clients/all-clients.js';
import type { BenchClient } from '../clients/bench-client.js';
import { namespaceHosts, whyNoNamespaces } from '../hosts/bench-hosts.js';
import { runPeers, type PeerRun } from '../hosts/peer-run.js';
import { prepareData } from '../hosts/prepare-data.js';
import { versionsOf } from '../shared/installed-programs.js';
import { P2pBench } from '../shared/p2p-bench.js';
import { Report } from '../shared/report.js';
import { runBenchmark, UsageError } from '../shared/run-benchmark.js';
import { median, spread } from '../shared/statistics.js';
import { takeTurns } from '../shared/take-turns.js';
import { fluidBoundSeconds } from './fluid-bound.js';

const HELP = `npm run bench -- swarm [--cases 8,16,parts] [--clients p2p,libtorrent,aria2,transmission] [--runs 3]
    [--slow-runs 1] [--size 128M] [--piece-length 256K] [--limit 120s] [--mtu 9000]

--cases      8: one seeder to 8 at 100 Mbit/s; 16: one to 16 at 50 Mbit/s;
             parts: four seeders with a quarter each, a file of a folder, to 8 at 100 Mbit/s
--slow-runs  runs of Transmission
--limit      when a crowd is given up

lastSeconds         from the start of all downloaders to the exit of the last one, which each does when it is complete
medianSeconds       to that of the one in the middle
FromPayload         counted from the first payload that a seeder sent, so without the start of the processes
boundSeconds        max(F / u_seed, N * F / (u_seed + sum u_i)): the file, what seeders and downloaders can send
lastInBounds        the last one's time in bounds; lastFromPayloadInBounds likewise
copies              what the seeders sent, headers included, in sizes of the file

It needs root and iproute2: each peer has a network namespace, whose rate is that of tc's token bucket.
To compare: apt-get install python3-libtorrent aria2 transmission-cli`;

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: '8,16,parts' },
    clients: { type: 'string', default: 'p2p,libtorrent,aria2,transmission' },
    runs: { type: 'string', default: '3' },
    'slow-runs': { type: 'string', default: '1' },
    size: { type: 'string', default: '128M' },
    'piece-length': { type: 'string', default: '256K' },
    limit: { type: 'string', default: '120s' },
    mtu: { type: 'string', default: '9000' },
    help: { type: 'boolean', default: false },
  },
});

interface CrowdCase {
  readonly name: string;
  readonly seederCount: number;
  readonly downloaderCount: number;
  readonly mbitPerSec: number;
  /** Each seeder has one part. */
  readonly isSplit: boolean;
}

const CASES = new Map<string, CrowdCase>([
  ['8', { name: '1 to 8, 100 Mbit/s', seederCount: 1, downloaderCount: 8, mbitPerSec: 100, isSplit: false }],
  ['16', { name: '1 to 16, 50 Mbit/s', seederCount: 1, downloaderCount: 16, mbitPerSec: 50, isSplit: false }],
  [
    'parts',
    { name: '4 quarters to 8, 100 Mbit/s', seederCount: 4, downloaderCount: 8, mbitPerSec: 100, isSplit: true },
  ],
]);

async function main(): Promise<void> {
  const known = allClients('.');
  const clients = values.clients
    .split(',')
    .map((name) => found(name, (each) => known.find((one) => one.name === each)));
  const cases = values.cases.split(',').map((name) => found(name, (each) => CASES.get(each)));
  const { size, 'piece-length': pieceLength, runs, mtu } = values;
  const settings = { size, pieceLength, runs, mtu };
  const report = new Report({ benchmark: 'swarm', settings, versions: versionsOf(clients) });
  const bound = { figure: 'boundSeconds', label: 'fluid bound' };
  report.chart({
    name: 'swarm',
    title: `Flash crowd, ${size}: the last peer`,
    figure: 'lastSeconds',
    unit: 's',
    bound,
  });
  report.chart({ name: 'swarm-copies', title: 'Copies that the seeders sent', figure: 'copies', unit: 'copies' });
  const reason = whyNoNamespaces();
  if (reason !== undefined) {
    for (const { name } of cases) report.row({ case: name, note: `it takes hosts of their own: ${reason}` });
    return;
  }
  const bench = new P2pBench();
  try {
    for (const each of cases) await measureCase(report, bench, each, clients);
  } finally {
    await bench.close();
  }
}

function found<T>(name: string, find: (name: string) => T | undefined): T {
  const one = find(name);
  if (one === undefined) throw new UsageError(`there is no '${name}': see --help`);
  return one;
}

async function measureCase(
  report: Report,
  bench: P2pBench,
  crowd: CrowdCase,
  clients: readonly BenchClient[],
): Promise<void> {
  const { name, seederCount, downloaderCount, mbitPerSec, isSplit } = crowd;
  const setup = { count: seederCount + downloaderCount, rate: `${mbitPerSec}mbit`, mtu: Number(values.mtu) };
  const hosts = await namespaceHosts(setup);
  bench.onClose(() => hosts.close());
  const data = await prepareData(bench, hosts, name.replaceAll(/\W+/g, '-'), {
    sizeBytes: parseSizeBytes(values.size),
    pieceLengthBytes: parseSizeBytes(values['piece-length']),
    fileCount: isSplit ? seederCount : 1,
  });
  const able = clients.filter((client) => whyNot(client, crowd) === undefined);
  const runs = ({ isSlow = false }: BenchClient): number => Number(isSlow ? values['slow-runs'] : values.runs);
  const onFailure = (client: BenchClient, message: string): void =>
    report.progress(`${name}: ${client.name} ${message}`);
  const turns = await takeTurns(able, { runs, onFailure }, async (client, round) => {
    const counts = { seederCount, downloaderCount, isSplit };
    const both = { seeder: client, downloader: client };
    const run = await runPeers({ bench, hosts, data, ...counts, ...both, limitMs: parseDurationMs(values.limit) });
    report.progress(`${name}, run ${round + 1}: ${client.name} ${Math.max(...run.seconds).toFixed(1)} s`);
    return run;
  });
  await hosts.close();
  const boundSeconds = boundOf(crowd);
  for (const client of clients) {
    const turn = turns.find(({ contestant }) => contestant === client);
    const note = turn ? turn.failure : whyNot(client, crowd);
    if (turn?.failure !== undefined && client.name === 'p2p') process.exitCode = 1;
    const figures = turn && turn.results.length > 0 ? figuresOf(turn.results, boundSeconds) : {};
    report.row({ case: name, client: client.name, ...figures, ...(note !== undefined && { note }) });
  }
}

function whyNot(
  { version, missingNote, noPartsNote, isPlainServer }: BenchClient,
  { isSplit }: CrowdCase,
): string | undefined {
  if (version === undefined) return missingNote;
  if (isPlainServer === true) return 'it is no swarm';
  return isSplit ? noPartsNote : undefined;
}

function boundOf({ seederCount, downloaderCount, mbitPerSec }: CrowdCase): number {
  const rate = (mbitPerSec * 1_000_000) / 8;
  return fluidBoundSeconds({
    sizeBytes: parseSizeBytes(values.size),
    downloaderCount,
    seedBytesPerSec: seederCount * rate,
    uploadBytesPerSec: rate,
  });
}

function figuresOf(runs: readonly PeerRun[], boundSeconds: number): object {
  const of = (figure: (run: PeerRun) => number, digits: number): object => spread(runs.map(figure), digits);
  const last = ({ seconds }: PeerRun): number => Math.max(...seconds);
  const middle = ({ seconds }: PeerRun): number => median(seconds);
  const waited = ({ firstPayloadSeconds = 0 }: PeerRun): number => firstPayloadSeconds;
  return {
    lastSeconds: of(last, 1),
    medianSeconds: of(middle, 1),
    lastFromPayloadSeconds: of((run) => last(run) - waited(run), 1),
    medianFromPayloadSeconds: of((run) => middle(run) - waited(run), 1),
    boundSeconds: Number(boundSeconds.toFixed(1)),
    lastInBounds: of((run) => last(run) / boundSeconds, 2),
    lastFromPayloadInBounds: of((run) => (last(run) - waited(run)) / boundSeconds, 2),
    copies: of(({ copies = 0 }) => copies, 2),
  };
}

await runBenchmark(HELP, values.help, main);
