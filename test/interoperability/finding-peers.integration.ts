/** Peers that find each other without a tracker, one of each pair a client that we did not write. */
import type { P2pProcess } from '../helpers/p2p-process.js';
import { expectContent, oneFile, writeContent, type Content } from './content.js';
import { useInterop, type MadeTorrent } from './interop-fixture.js';
import { libtorrent, type LibtorrentJob, type LibtorrentRun } from './libtorrent.js';
import { matrixTest } from './matrix.js';

/** Nobody listens there: whoever finds a peer found it in another way. */
const DEAD_TRACKER = 'http://127.0.0.1:1/announce';
const SIZE_BYTES = 300_000;
/** For who has to tell of others and shall not be done before. */
const HARDLY_LOADS = 1_024;
const DHT_PORT = 6_881;

/** A way to find peers: what each side is told. */
interface Way {
  readonly flags: readonly string[];
  readonly job: Partial<LibtorrentJob>;
}

/** Each test has content of its own, and so a swarm of its own. */
let seeds = 500;

describe('Finding peers with libtorrent', function () {
  this.timeout(90_000);
  const interop = useInterop('lan', [libtorrent]);
  const section = 'Finding peers';

  async function prepare(): Promise<{ readonly content: Content; readonly torrent: MadeTorrent }> {
    const content = oneFile(SIZE_BYTES, (seeds += 1));
    const torrent = await interop.makeTorrent(content, {
      kind: 'dual-hash',
      pieceLength: 16_384,
      announce: DEAD_TRACKER,
    });
    return { content, torrent };
  }

  /** No tracker takes its announce, so only that it seeds is awaited. */
  async function seedOurs(content: Content, torrent: string, flags: readonly string[]): Promise<P2pProcess> {
    const { wrapper } = await interop.host('p2p');
    const path = writeContent(content, interop.swarm.folder('seed'));
    const process = interop.swarm.start(['peer', 'seed', path, '--torrent', torrent, ...flags], { wrapper });
    await process.next('seeding');
    return process;
  }

  async function loadTheirs(torrent: MadeTorrent, job: Partial<LibtorrentJob>): Promise<Loading> {
    const folder = interop.swarm.folder('libtorrent');
    return { folder, run: await interop.start(libtorrent, { torrent: torrent.path, folder, ...job }) };
  }

  async function seedTheirs(
    content: Content,
    torrent: MadeTorrent,
    job: Partial<LibtorrentJob>,
  ): Promise<LibtorrentRun> {
    const folder = interop.swarm.folder('libtorrent');
    writeContent(content, folder);
    const run = await interop.start(libtorrent, { torrent: torrent.path, folder, ...job });
    await run.complete();
    return run;
  }

  function testWay(way: () => Promise<Way>, row: string): void {
    matrixTest({ section, row, column: 'p2p → libtorrent', quick: true }, async () => {
      const { flags, job } = await way();
      const { content, torrent } = await prepare();
      const ours = await seedOurs(content, torrent.path, flags);
      const { folder, run } = await loadTheirs(torrent, job);
      await run.complete();

      expectContent(content, folder);
      await run.kill();
      await ours.kill();
    });

    matrixTest({ section, row, column: 'libtorrent → p2p', quick: true }, async () => {
      const { flags, job } = await way();
      const { content, torrent } = await prepare();
      const theirs = await seedTheirs(content, torrent, job);
      const ours = await interop.loadOurs(torrent.path, flags);
      await ours.completed();

      expectContent(content, ours.outputDir);
      await theirs.kill();
    });
  }

  const local = { flags: ['--lsd'], job: { lsd: true } };
  testWay(() => Promise.resolve(local), 'local discovery (LSD)');

  const byLink = 'local discovery, by a magnet link that names nobody';
  matrixTest({ section, row: byLink, column: 'libtorrent → p2p', quick: true }, async () => {
    const { content, torrent } = await prepare();
    const theirs = await seedTheirs(content, torrent, local.job);
    const ours = await interop.loadOurs(`magnet:?xt=urn:btih:${torrent.infoHash}`, local.flags);
    await ours.completed();

    expectContent(content, ours.outputDir);
    await theirs.kill();
  });

  let entry: Promise<string> | undefined;
  async function enter(): Promise<Way> {
    const { wrapper, ipv4 } = await interop.host('dht');
    entry ??= (async () => {
      await interop.swarm.start(['dht', 'start', '--port', String(DHT_PORT)], { wrapper }).next('listening');
      return `${ipv4}:${DHT_PORT}`;
    })();
    const node = await entry;
    return { flags: ['--dht-bootstrap', node], job: { dhtNodes: [node] } };
  }
  testWay(enter, 'DHT, entered at p2p dht start');

  matrixTest({ section, row: 'peer exchange (PEX)', column: 'p2p → libtorrent', quick: true }, async () => {
    const { content, torrent } = await prepare();
    const seeder = await seedTheirs(content, torrent, {});
    const flags = ['--peer', await addressOf('libtorrent', seeder.port), '--download-limit', String(HARDLY_LOADS)];
    const teller = await interop.loadOurs(torrent.path, flags);
    const { port } = await teller.process.next('listening');
    const { folder, run } = await loadTheirs(torrent, { pex: true, connect: [await addressOf('p2p', port)] });
    await run.complete();

    expectContent(content, folder);
    for (const each of [run, seeder, teller.process]) await each.kill();
  });

  matrixTest({ section, row: 'peer exchange (PEX)', column: 'libtorrent → p2p', quick: true }, async () => {
    const { content, torrent } = await prepare();
    const seeder = await seedOurs(content, torrent.path, []);
    const { port } = await seeder.next('listening');
    const { run: teller } = await loadTheirs(torrent, {
      pex: true,
      connect: [await addressOf('p2p', port)],
      settings: { download_rate_limit: HARDLY_LOADS },
    });
    const ours = await interop.loadOurs(torrent.path, ['--peer', await addressOf('libtorrent', teller.port)], 'loader');
    await ours.completed();

    expectContent(content, ours.outputDir);
    await teller.kill();
    await seeder.kill();
  });

  async function addressOf(host: string, port: number): Promise<string> {
    return `${(await interop.host(host)).ipv4}:${port}`;
  }
});

interface Loading {
  readonly folder: string;
  readonly run: LibtorrentRun;
}
