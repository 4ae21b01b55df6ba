/**
 * One file from seeders to downloaders on a fast network: ours, libtorrent, aria2, rtorrent, Transmission, webtorrent, and
 * nginx with curl. Each peer is a host of its own (network namespaces), and is timed from the start of its process to its
 * exit; seeders are up before, and believe their data where they can be told to. All pairs of a case take turns.
 */
import { parseArgs } from 'node:util';
import { parseDurationMs, parseSizeBytes } from '../../src/units.js';
import { allClients } from '../clients/all-clients.js';
import type { BenchClient } from '../clients/bench-client.js';
import type { BenchHosts } from '../hosts/bench-hosts.js';
import { openHosts } from '../hosts/open-hosts.js';
import { runPeers, type BenchData, type PeerRun } from '../hosts/peer-run.js';
import { prepareData } from '../hosts/prepare-data.js';
import { versionsOf } from '../shared/installed-programs.js';
import { P2pBench } from '../shared/p2p-bench.js';
import { Report, type Row } from '../shared/report.js';
import { runBenchmark } from '../shared/run-benchmark.js';
import { spread } from '../shared/statistics.js';
import { takeTurns } from '../shared/take-turns.js';
import { caseName, pairName, parseCases, parsePairs, type TransferCase, type TransferPair } from './transfer-plan.js';

const HELP = `npm run bench -- transfer [--size 1G] [--piece-length 1M] [--cases 1-1,4-1,1-4] [--pairs LIST] [--runs 5]
    [--slow-runs 1] [--warm-up 0] [--limit 120s] [--mtu 9000] [--loopback] [--modules FOLDER]

--cases      SEEDERS-DOWNLOADERS, with commas between
--pairs      SEEDER:DOWNLOADER, or one name for both; by default each client with itself, and ours with libtorrent:
             p2p, libtorrent, aria2, rtorrent, transmission, webtorrent, nginx+curl
--slow-runs  runs of Transmission and webtorrent, which take a minute
--limit      when a transfer is given up
--loopback   all peers on 127.0.0.1, as without root or iproute2
--modules    where npm's webtorrent is: npm install --prefix FOLDER webtorrent

wallSeconds         from the start of the download process to its exit; of several, the last one
downloadCpuSeconds  user and system time of all download processes, start and end included
seedCpuSeconds      the same of the seeders; rtorrent and Transmission hash their data once
PeakMiB             the largest process of a side; libtorrent and rtorrent map files into memory
copies              what the seeders sent, headers included, in sizes of the file

To compare: apt-get install python3-libtorrent aria2 rtorrent transmission-cli nginx-light curl`;

const { values } = parseArgs({
  options: {
    size: { type: 'string', default: '1G' },
    'piece-length': { type: 'string', default: '1M' },
    cases: { type: 'string', default: '1-1,4-1,1-4' },
    pairs: {
      type: 'string',
      default: 'p2p,libtorrent:p2p,p2p:libtorrent,libtorrent,aria2,rtorrent,transmission,webtorrent,nginx+curl',
    },
    runs: { type: 'string', default: '5' },
    'slow-runs': { type: 'string', default: '1' },
    'warm-up': { type: 'string', default: '0' },
    limit: { type: 'string', default: '120s' },
    mtu: { type: 'string', default: '9000' },
    loopback: { type: 'boolean', default: false },
    modules: { type: 'string', default: '.' },
    help: { type: 'boolean', default: false },
  },
});

interface Contestant {
  readonly pair: TransferPair;
  readonly seeder: BenchClient;
  readonly downloader: BenchClient;
}

async function main(): Promise<void> {
  const clients = allClients(values.modules);
  const names = clients.map(({ name }) => name);
  const cases = parseCases(values.cases);
  const contestants = parsePairs(values.pairs, names).map((pair) => aContestant(pair, clients));
  const bench = new P2pBench();
  try {
    const count = Math.max(...cases.map(({ seederCount, downloaderCount }) => seederCount + downloaderCount));
    const { hosts, loopbackNote } = await openHosts(bench, { count, mtu: Number(values.mtu) }, values.loopback);
    const { size, 'piece-length': pieceLength, runs, 'warm-up': warmUp } = values;
    const network = hosts.kind === 'namespaces' ? { hosts: hosts.kind, mtu: values.mtu } : { hosts: hosts.kind };
    const settings = { size, pieceLength, runs, warmUp, ...network };
    const report = new Report({ benchmark: 'transfer', settings, versions: versionsOf(clients) });
    if (loopbackNote !== undefined) report.progress(loopbackNote);
    declareCharts(report);
    const data = await prepareData(bench, hosts, 'source', {
      ...{ sizeBytes: parseSizeBytes(size), pieceLengthBytes: parseSizeBytes(pieceLength), fileCount: 1 },
    });
    for (const each of cases) await measureCase(report, { bench, hosts, data }, each, contestants);
  } finally {
    await bench.close();
  }
}

function aContestant(pair: TransferPair, clients: readonly BenchClient[]): Contestant {
  const named = (name: string): BenchClient => {
    const client = clients.find((each) => each.name === name);
    if (!client) throw new Error(`there is no client '${name}'`);
    return client;
  };
  return { pair, seeder: named(pair.seeder), downloader: named(pair.downloader) };
}

function declareCharts(report: Report): void {
  const title = `${values.size} in pieces of ${values['piece-length']}`;
  report.chart({ name: 'transfer', title: `${title}: from start to exit`, figure: 'wallSeconds', unit: 's' });
  report.chart({ name: 'transfer-cpu', title: `${title}: CPU of all peers`, figure: 'cpuSeconds', unit: 's' });
}

interface Stage {
  readonly bench: P2pBench;
  readonly hosts: BenchHosts;
  readonly data: BenchData;
}

async function measureCase(
  report: Report,
  stage: Stage,
  counts: TransferCase,
  contestants: readonly Contestant[],
): Promise<void> {
  const able = contestants.filter((each) => whyNot(each, counts, stage.hosts) === undefined);
  const isSlow = ({ seeder, downloader }: Contestant): boolean => seeder.isSlow ?? downloader.isSlow ?? false;
  const runs = (each: Contestant): number => Number(isSlow(each) ? values['slow-runs'] : values.runs);
  const onFailure = ({ pair }: Contestant, message: string): void =>
    report.progress(`${caseName(counts)}: ${pairName(pair)} ${message}`);
  const turns = await takeTurns(able, { runs, warmUps: Number(values['warm-up']), onFailure }, async (each, round) => {
    const { pair, seeder, downloader } = each;
    const run = await runPeers({ ...stage, ...counts, seeder, downloader, limitMs: parseDurationMs(values.limit) });
    const seconds = Math.max(...run.seconds).toFixed(2);
    report.progress(`${caseName(counts)}, run ${round + 1}: ${pairName(pair)} ${seconds} s`);
    return run;
  });
  for (const each of contestants) {
    const turn = turns.find(({ contestant }) => contestant === each);
    const note = turn ? turn.failure : whyNot(each, counts, stage.hosts);
    if (turn?.failure !== undefined && each.pair.downloader === 'p2p') process.exitCode = 1;
    const figures = turn && turn.results.length > 0 ? figuresOf(turn.results) : {};
    const row: Row = { case: caseName(counts), client: pairName(each.pair), ...figures };
    report.row({ ...row, ...(note !== undefined && { note }) });
  }
}

/** Why a pair takes no part in a case; undefined when it does. */
function whyNot(
  { seeder, downloader }: Contestant,
  { seederCount }: TransferCase,
  { kind }: BenchHosts,
): string | undefined {
  for (const client of [seeder, downloader]) {
    if (client.version === undefined) return client.missingNote;
    if (client.isPlainServer === true && (seederCount > 1 || seeder !== downloader))
      return 'it fetches from one server';
    if (kind === 'loopback' && client.noLoopbackNote !== undefined) return client.noLoopbackNote;
  }
  return undefined;
}

function figuresOf(runs: readonly PeerRun[]): object {
  const of = (figure: (run: PeerRun) => number, digits: number): object => spread(runs.map(figure), digits);
  const mib = (bytes: number): number => bytes / 1024 ** 2;
  return {
    wallSeconds: of(({ seconds }) => Math.max(...seconds), 2),
    cpuSeconds: of(({ downloadCpuSeconds, seedCpuSeconds }) => downloadCpuSeconds + seedCpuSeconds, 2),
    downloadCpuSeconds: of(({ downloadCpuSeconds }) => downloadCpuSeconds, 2),
    seedCpuSeconds: of(({ seedCpuSeconds }) => seedCpuSeconds, 2),
    downloadPeakMiB: of(({ downloadPeakBytes }) => mib(downloadPeakBytes), 0),
    seedPeakMiB: of(({ seedPeakBytes }) => mib(seedPeakBytes), 0),
    ...(runs[0]?.copies !== undefined && { copies: of(({ copies = 0 }) => copies, 2) }),
  };
}

await runBenchmark(HELP, values.help, main);
