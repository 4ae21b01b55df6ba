/**
 * What the tracker bears: announces a second over HTTP, with kept and with new connections, and over UDP; and memory for
 * each peer.
 * Beside it npm's bittorrent-tracker and opentracker, where they are installed; load comes from wrk, if that is.
 */
import { chmodSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { PeerAddress } from '../../src/protocol/peer-address.js';
import { P2pBench } from '../shared/p2p-bench.js';
import { Report } from '../shared/report.js';
import { spread } from '../shared/statistics.js';
import {
  announceAll,
  measureFromHere,
  measureWithWrk,
  sampleReply,
  wrkVersion,
  type Announced,
} from './announce-load.js';
import {
  bittorrentTracker,
  opentracker,
  ourTracker,
  type MeasuredTracker,
  type RunningProcess,
  type TrackerName,
} from './measured-trackers.js';
import { compileUdpLoad, sampleUdpReply, type UdpLoad } from './udp-load.js';

const HELP = `npm run bench tracker -- [--runs 5] [--seconds 4] [--connections 32] [--torrents 1,10000]
    [--only speed|udp|memory] [--trackers p2p,bittorrent-tracker,opentracker]
    [--peers 1000000] [--other-peers 100000] [--swarms 1000000,1000,4] [--modules .]

speed:  announces a second from random peers (numwant 50). In each run all trackers are measured in turn; the table
        has medians, least and most. Each tracker has to name 50 peers correctly at the end.
udp:    the same over UDP, --connections announces under way, from a program in C (needs cc).
memory: growth of the resident memory while --peers peers join swarms of each of the sizes (0: not measured).
        --other-peers is for the other trackers, which take longer; swarms above 60,000 peers are for p2p alone.

To compare (none is a dependency of p2p):
  apt-get install wrk opentracker
  npm install --ignore-scripts --prefix FOLDER bittorrent-tracker      and then: --modules FOLDER`;

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '4' },
    connections: { type: 'string', default: '32' },
    torrents: { type: 'string', default: '1,10000' },
    only: { type: 'string', default: 'speed,udp,memory' },
    trackers: { type: 'string', default: 'p2p,bittorrent-tracker,opentracker' },
    peers: { type: 'string', default: '1000000' },
    'other-peers': { type: 'string', default: '100000' },
    swarms: { type: 'string', default: '1000000,1000,4' },
    modules: { type: 'string', default: '.' },
    help: { type: 'boolean', default: false },
  },
});

/** Ports of one address, from 1024. */
const PORTS = 60_000;
const WARM_UP_ANNOUNCES = 20_000;
/** A torrent that no measured swarm uses. */
const WARM_UP_TORRENT = 1;

const wrk = wrkVersion();

const report = new Report({
  benchmark: 'tracker',
  settings: { connections: values.connections, seconds: values.seconds, runs: values.runs, wrk: wrk ?? 'none' },
});

async function measureSpeed(trackers: readonly MeasuredTracker[]): Promise<void> {
  for (const torrents of values.torrents.split(',').map(Number)) {
    for (const isNew of [false, true]) {
      const able = trackers.filter(({ keepsConnections }) => isNew || keepsConnections);
      const rates = new Map<TrackerName, number[]>(able.map(({ name }) => [name, []]));
      const running = new Map<MeasuredTracker, RunningProcess>();
      try {
        for (const tracker of able) running.set(tracker, await tracker.start('speed', torrents));
        for (let run = 0; run < Number(values.runs); run += 1) {
          for (const [{ name }, { port }] of running) {
            const load = {
              port,
              connections: Number(values.connections),
              isNew,
              torrents,
              seconds: Number(values.seconds),
            };
            const rate = await (wrk === undefined ? measureFromHere(load) : measureWithWrk(load));
            rates.get(name)?.push(rate);
            report.progress(
              `${torrents} torrents, ${isNew ? 'new' : 'kept'}, run ${run + 1}: ${name} ${Math.round(rate)} a second`,
            );
          }
        }
        for (const [{ name }, { port }] of running) await checkReplies(name, port, torrents === 1 ? 50 : 0);
      } finally {
        for (const tracker of running.values()) await tracker.stop();
      }
      for (const { name, version } of able) {
        const announcesPerSec = spread(rates.get(name) ?? [], 0);
        report.row({
          case: `${isNew ? 'new' : 'kept'} connections, ${torrents} torrent${torrents === 1 ? '' : 's'}`,
          client: name,
          version,
          announcesPerSec,
        });
      }
    }
  }
}

async function measureUdp(trackers: readonly MeasuredTracker[], udpLoad: UdpLoad): Promise<void> {
  for (const torrents of values.torrents.split(',').map(Number)) {
    const rates = new Map<TrackerName, number[]>(trackers.map(({ name }) => [name, []]));
    const running = new Map<MeasuredTracker, RunningProcess>();
    const load = { connections: Number(values.connections), torrents, seconds: Number(values.seconds) };
    try {
      for (const tracker of trackers) running.set(tracker, await tracker.start('speed', torrents));
      for (let run = 0; run < Number(values.runs); run += 1) {
        for (const [{ name }, { port }] of running) {
          const rate = await udpLoad.measure({ ...load, port });
          rates.get(name)?.push(rate);
          report.progress(`${torrents} torrents, UDP, run ${run + 1}: ${name} ${Math.round(rate)} a second`);
        }
      }
      for (const [{ name }, { port }] of running) {
        const { peers } = await sampleUdpReply(port, { torrent: 1, port: 1_023 + PORTS });
        checkPeers(name, peers, torrents === 1 ? 50 : 0);
      }
    } finally {
      for (const tracker of running.values()) await tracker.stop();
    }
    for (const { name, version } of trackers) {
      report.row({
        case: `UDP, ${torrents} torrent${torrents === 1 ? '' : 's'}`,
        client: name,
        version,
        udpAnnouncesPerSec: spread(rates.get(name) ?? [], 0),
      });
    }
  }
}

/** @throws unless the tracker names peers that were announced, and as many as it should */
async function checkReplies(name: TrackerName, port: number, leastPeers: number): Promise<void> {
  const parsed = await sampleReply(port, { torrent: 1, port: 1_023 + PORTS });
  if (parsed.type !== 'reply') throw new Error(`${name} answers ${JSON.stringify(parsed)}`);
  checkPeers(name, parsed.reply.peers, leastPeers);
}

function checkPeers(name: TrackerName, peers: readonly PeerAddress[], leastPeers: number): void {
  const isRight = peers.every((peer) => peer.host === '127.0.0.1' && peer.port >= 1_024);
  const least = Math.min(leastPeers, 50);
  if (!isRight || peers.length < least || peers.length > 50) {
    throw new Error(
      `${name} names ${peers.length} peers instead of ${least} to 50: ${JSON.stringify(peers.slice(0, 3))}`,
    );
  }
}

async function measureMemory(trackers: readonly MeasuredTracker[]): Promise<void> {
  for (const size of values.swarms.split(',').map(Number)) {
    for (const tracker of trackers) {
      const { name, version } = tracker;
      const peerCount = Number(name === 'p2p' ? values.peers : values['other-peers']);
      if (peerCount === 0) continue;
      const swarmSize = Math.min(size, peerCount);
      const what = { case: `memory, swarms of ${size}`, client: name, version };
      if (swarmSize > PORTS && tracker.largeSwarms !== undefined) {
        report.row({ ...what, note: `not measured: ${tracker.largeSwarms}` });
        continue;
      }
      const swarmCount = Math.ceil(peerCount / swarmSize);
      const running = await tracker.start('memory', swarmCount + 1);
      try {
        const bytesPerPeer = await fill(tracker, running, { peerCount, swarmSize });
        report.progress(`swarms of ${swarmSize}, ${name}: ${Math.round(bytesPerPeer)} bytes a peer`);
        report.row({ ...what, peers: peerCount, bytesPerPeer: Math.round(bytesPerPeer) });
      } finally {
        await running.stop();
      }
    }
  }
}

/** @returns by how much the memory grew for each peer */
async function fill(
  { keepsConnections, believesProxies }: MeasuredTracker,
  running: RunningProcess,
  { peerCount, swarmSize }: { readonly peerCount: number; readonly swarmSize: number },
): Promise<number> {
  const load = { port: running.port, connections: Number(values.connections), isNew: !keepsConnections };
  let warm = 0;
  await announceAll(load, () =>
    warm++ < WARM_UP_ANNOUNCES ? { torrent: WARM_UP_TORRENT, port: 1_024 + (warm % 100) } : undefined,
  );
  const before = running.residentBytes();
  let at = 0;
  await announceAll(load, (): Announced | undefined => {
    if (at === peerCount) return undefined;
    const [torrent, place] = [WARM_UP_TORRENT + 1 + Math.floor(at / swarmSize), at % swarmSize];
    const forwardedFor = believesProxies ? [10, at >>> 16, (at >>> 8) & 255, at & 255].join('.') : undefined;
    at += 1;
    return { torrent, port: 1_024 + (place % PORTS), ...(forwardedFor !== undefined && { forwardedFor }) };
  });
  return (running.residentBytes() - before) / peerCount;
}

async function main(): Promise<void> {
  const bench = new P2pBench();
  report.chart({
    ...{ name: 'tracker', title: 'Announces a second over HTTP', figure: 'announcesPerSec', unit: 'a second' },
  });
  report.chart({
    ...{ name: 'tracker-udp', title: 'Announces a second over UDP', figure: 'udpAnnouncesPerSec', unit: 'a second' },
  });
  report.chart({
    ...{ name: 'tracker-memory', title: 'Memory of the tracker', figure: 'bytesPerPeer', unit: 'bytes a peer' },
  });
  try {
    chmodSync(bench.folder, 0o755);
    const wanted = values.trackers.split(',');
    const known = [
      { name: 'p2p', tracker: ourTracker(bench.folder), how: '' },
      {
        name: 'bittorrent-tracker',
        tracker: bittorrentTracker(values.modules),
        how: 'npm install --ignore-scripts --prefix FOLDER bittorrent-tracker; --modules FOLDER',
      },
      { name: 'opentracker', tracker: opentracker(bench.folder), how: 'apt-get install opentracker' },
    ].filter(({ name }) => wanted.includes(name));
    for (const { name, tracker, how } of known) {
      if (!tracker) report.row({ case: 'all', client: name, note: `not installed: ${how}` });
    }
    if (wrk === undefined) report.row({ case: 'all', note: 'wrk is not installed: a slower load of our own is used' });
    const trackers = known.flatMap(({ tracker }) => tracker ?? []);
    if (values.only.includes('speed')) await measureSpeed(trackers);
    if (values.only.includes('udp')) {
      const udpLoad = compileUdpLoad(bench.folder);
      if (udpLoad) await measureUdp(trackers, udpLoad);
      else report.row({ case: 'UDP', note: 'not measured: there is no C compiler (apt-get install gcc libc6-dev)' });
    }
    if (values.only.includes('memory')) await measureMemory(trackers);
  } finally {
    await bench.close();
  }
}

if (values.help) console.log(HELP);
else await main();
