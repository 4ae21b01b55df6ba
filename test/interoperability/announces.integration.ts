/** Our tracker and clients of others; trackers of others and our peers. */
import { expect } from 'chai';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { TrackerClient } from '../../src/tracker/tracker-client.js';
import type { TrackerStats } from '../../src/tracker/tracker-stats.js';
import { eventually } from '../helpers/eventually.js';
import { ExternalProcess, requireOrSkip } from '../helpers/external-tool.js';
import { freePort } from '../helpers/free-port.js';
import { useSwarm, type SwarmFixture } from '../helpers/swarm-fixture.js';
import type { Client } from './client.js';
import { CLIENTS } from './clients.js';
import { oneFile, writeContent } from './content.js';
import { useInterop, type InteropFixture } from './interop-fixture.js';
import { matrixTest, noMatrixTest } from './matrix.js';

const SECTION = 'Announces';
const PIECE_LENGTH = 16_384;

/** Each test has a swarm of its own. */
let seeds = 1_000;

interface Way {
  readonly row: string;
  readonly protocol: 'http' | 'udp';
  readonly host: string;
}

const WAYS: readonly Way[] = [
  { row: 'announces to p2p over HTTP', protocol: 'http', host: '127.0.0.1' },
  { row: 'announces to p2p over UDP', protocol: 'udp', host: '127.0.0.1' },
  { row: 'announces to p2p over HTTP and IPv6', protocol: 'http', host: '[::1]' },
  { row: 'announces to p2p over UDP and IPv6', protocol: 'udp', host: '[::1]' },
];

for (const client of CLIENTS) {
  describe(`Our tracker and ${client.name}`, function () {
    this.timeout(30_000);
    const interop = useInterop('loopback', [client]);

    for (const way of WAYS) {
      const cell = { section: SECTION, row: way.row, column: client.name };
      if (way.protocol === 'udp' && way.host !== '127.0.0.1' && client.name !== 'libtorrent') {
        noMatrixTest(cell, 'it asks trackers over UDP by IPv4 alone');
      } else {
        matrixTest({ ...cell, quick: way.protocol === 'udp' }, () => announces(interop, client, way));
      }
    }
  });
}

/** The client seeds: our tracker counts it, and names it to others. */
async function announces(interop: InteropFixture, client: Client, { protocol, host }: Way): Promise<void> {
  const content = oneFile(PIECE_LENGTH, (seeds += 1));
  const url = `${protocol}://${host}:${interop.swarm.tracker.port}/announce`;
  const { path, infoHash } = await interop.makeTorrent(content, {
    ...{ kind: 'plain v1', pieceLength: PIECE_LENGTH, announce: url },
  });
  const folder = interop.swarm.folder(client.name);
  writeContent(content, folder);
  const before = await statsOf(interop.swarm);

  // aria2 has no socket for UDP without its DHT; there is no node that it could enter at.
  const theirs = await interop.start(client, {
    ...{ torrent: path, folder },
    ...(protocol === 'udp' && client.name === 'aria2' ? { dhtNodes: [] } : {}),
  });
  const ours = new TrackerClient();
  try {
    await eventually(`${client.name} at our tracker`, async () => {
      return (await ours.scrape({ url, infoHash }))?.seeders === 1;
    });
    const reply = await ours.announce({
      ...{ url, infoHash, peerId: '11'.repeat(20), port: 7_001, event: 'started' },
      ...{ uploadedBytes: 0, downloadedBytes: 0, leftBytes: 1 },
    });
    // libtorrent has a port for each family.
    if (host === '127.0.0.1') expect(reply.peers.map(({ port }) => port)).to.deep.equal([theirs.port]);
    else expect(reply.peers).to.have.lengthOf(1);
  } finally {
    await ours.close();
    await theirs.kill();
  }
  const { udpPackets } = await statsOf(interop.swarm);
  // One is ours.
  const isOverUdp = udpPackets.announce - before.udpPackets.announce >= 2;
  expect(isOverUdp).to.equal(protocol === 'udp');
}

async function statsOf(swarm: SwarmFixture): Promise<TrackerStats> {
  return (await (await fetch(`http://127.0.0.1:${swarm.tracker.port}/api/stats`)).json()) as TrackerStats;
}

/** A tracker of others, on loopback. */
interface OtherTracker {
  readonly name: string;
  readonly install: string;
  isThere(): boolean;
  /** The command line. @param folder for whatever it needs */
  command(folder: string, port: number, infoHash: string): [string, string[]];
}

const opentracker: OtherTracker = {
  name: 'opentracker',
  install: 'opentracker (Debian package opentracker)',
  isThere: () => spawnSync('opentracker', ['-h'], { stdio: 'ignore' }).error === undefined,
  command(folder, port, infoHash) {
    // It gives up root's rights, and makes this its root, before it reads the list.
    const home = join(folder, 'home');
    mkdirSync(home, { mode: 0o755 });
    writeFileSync(join(home, 'whitelist'), `${infoHash}\n`);
    const listens = [`listen.tcp 127.0.0.1:${port}`, `listen.udp 127.0.0.1:${port}`];
    const settings = [...listens, `access.whitelist whitelist`, `tracker.rootdir ${home}`];
    writeFileSync(join(folder, 'conf'), `${settings.join('\n')}\ntracker.user nobody\n`);
    return ['opentracker', ['-f', join(folder, 'conf')]];
  },
};

const bittorrentTracker: OtherTracker = {
  name: 'bittorrent-tracker',
  install:
    'bittorrent-tracker (npm install --ignore-scripts --prefix FOLDER bittorrent-tracker; P2P_BITTORRENT_TRACKER=FOLDER)',
  isThere: () => existsSync(modulePath()),
  command(_folder, port) {
    const script = `
      const { default: Server } = await import(${JSON.stringify(pathToFileURL(modulePath()).href)});
      const server = new Server({ udp: true, http: true, ws: false, stats: false });
      server.on('error', (error) => { throw error; });
      server.on('warning', (error) => console.error(error.message));
      server.listen(${port}, { http: '127.0.0.1', udp: '127.0.0.1', udp6: '::1' });`;
    return [process.execPath, ['--input-type=module', '--eval', script]];
  },
};

function modulePath(): string {
  return resolve(process.env['P2P_BITTORRENT_TRACKER'] ?? '.', 'node_modules/bittorrent-tracker/server.js');
}

for (const tracker of [opentracker, bittorrentTracker]) {
  describe(`Our peers and ${tracker.name}`, function () {
    this.timeout(30_000);
    const swarm = useSwarm();

    before(function () {
      requireOrSkip(this, tracker.isThere(), tracker.install);
    });

    const row = 'p2p announces over HTTP and UDP, and is named to others';
    matrixTest({ section: 'Trackers of others', row, column: tracker.name, quick: true }, async () => {
      const source = writeContent(oneFile(PIECE_LENGTH, (seeds += 1)), swarm.folder('source'));
      const port = await freePort();
      const urls = ['http', 'udp'].map((protocol) => `${protocol}://127.0.0.1:${port}/announce`);
      const torrent = join(swarm.folder('torrent'), 'shared.torrent');
      const flags = urls.flatMap((url) => ['--tracker', url]);
      const { infoHash } = await swarm.start(['create', source, '-o', torrent, ...flags]).result();
      const folder = swarm.folder(tracker.name);
      const other = new ExternalProcess(...tracker.command(folder, port, String(infoHash)), folder);
      swarm.onClose(() => other.kill());
      await eventually(`${tracker.name} to listen`, () => canConnect(port));

      const seed = await swarm.seed(source, ['--torrent', torrent], { trackers: [] });
      for (const url of urls) await seed.process.until('announced', (line) => line.url === url);
      await swarm.download(torrent, [], { trackers: [] }).completed();

      const shown = await swarm.start(['show', '--scrape', torrent]).result();
      const [overHttp, overUdp] = shown['scrape'] as object[];
      expect(overHttp, other.output).to.include({ url: urls[0], seeders: 1, error: null });
      expect(overUdp, other.output).to.include({ url: urls[1], seeders: 1, error: null });
    });
  });
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((answer) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => answer(true)).once('error', () => answer(false));
    socket.once('connect', () => socket.destroy());
  });
}
