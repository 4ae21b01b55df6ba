/** Torrents that name web servers (BEP 19): files come from nginx, alone and beside a seeder of the other make. */
import { expect } from 'chai';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { hasProgram, requireOrSkip } from '../helpers/external-tool.js';
import { hasNginx, NGINX, startNginx } from '../helpers/nginx.js';
import { expectContent, oddFolder, oneFile, writeContent, type Content } from './content.js';
import { useInterop } from './interop-fixture.js';
import { libtorrent } from './libtorrent.js';
import { matrixTest } from './matrix.js';

const SECTION = 'Web seeds';
const [OURS, THEIRS] = ['nginx → p2p', 'nginx → libtorrent'];
const PIECE_LENGTH = 16_384;

/** Content of its own for each test; others have their own range. */
let seeds = 20_000;

describe('Web seeds and libtorrent', function () {
  this.timeout(60_000);
  const interop = useInterop('loopback', [libtorrent]);
  before(function () {
    requireOrSkip(this, hasNginx(), NGINX);
  });

  /** The folder that holds `content`, offered by nginx with these settings of its server. @returns its URL */
  function offer(content: Content, settings = ''): Promise<string> {
    const root = interop.swarm.folder('www');
    writeContent(content, root);
    return startNginx(interop.swarm, root, settings);
  }

  async function seedTheirs(content: Content, torrent: string, infoHash: string, upBytesPerSec = 0): Promise<void> {
    const folder = interop.swarm.folder('libtorrent');
    writeContent(content, folder);
    await interop.start(libtorrent, { torrent, folder, settings: { upload_rate_limit: upBytesPerSec } });
    await interop.untilKnown(infoHash, { seeders: 1 });
  }

  matrixTest({ section: SECTION, row: 'a folder with odd files, alone', column: OURS, quick: true }, async () => {
    const content = oddFolder((seeds += 1));
    const webSeeds = [await offer(content)];
    const { path } = await interop.makeTorrent(content, { kind: 'dual-hash', pieceLength: PIECE_LENGTH, webSeeds });

    const ours = await interop.loadOurs(path);
    await ours.completed();

    expectContent(content, ours.outputDir);
  });

  matrixTest({ section: SECTION, row: 'a folder with odd files, alone', column: THEIRS, quick: true }, async () => {
    const content = oddFolder((seeds += 1));
    const webSeeds = [await offer(content)];
    const { path } = await interop.makeTorrent(content, { kind: 'dual-hash', pieceLength: PIECE_LENGTH, webSeeds });

    const folder = interop.swarm.folder('libtorrent');
    const theirs = await interop.start(libtorrent, { torrent: path, folder });
    await theirs.complete();

    expectContent(content, folder);
    await theirs.kill();
  });

  const foreign = 'one file, of which mktorrent made the torrent';
  matrixTest({ section: SECTION, row: foreign, column: OURS, quick: true }, async function () {
    requireOrSkip(this, hasProgram('mktorrent'), 'mktorrent');
    const content = oneFile(1_000_000, (seeds += 1));
    const url = await offer(content);
    const path = join(interop.swarm.folder('torrent'), 'made.torrent');
    const file = writeContent(content, interop.swarm.folder('source'));
    const made = spawnSync('mktorrent', ['-a', await interop.announceUrl(), '-w', url, '-o', path, file]);
    expect(made.status, made.stdout.toString()).to.equal(0);

    const ours = await interop.loadOurs(path);
    await ours.completed();

    expectContent(content, ours.outputDir);
  });

  const beside = 'one file, beside a seeder of the other make';
  matrixTest({ section: SECTION, row: beside, column: OURS, quick: true }, async () => {
    const content = oneFile(6_000_000, (seeds += 1));
    const webSeeds = [await offer(content, 'limit_rate 2m;')];
    const { path, infoHash } = await interop.makeTorrent(content, {
      kind: 'dual-hash',
      pieceLength: PIECE_LENGTH,
      webSeeds,
    });
    await seedTheirs(content, path, infoHash, 2_000_000);

    const ours = await interop.loadOurs(path);
    const summary = await ours.completed();

    expectContent(content, ours.outputDir);
    expect(ours.process.all('progress').some((line) => line.webSeeds === 1 && line.peers === 1)).to.equal(true);
    expect(summary.wastedBytes, 'loaded twice').to.be.below(1_500_000);
  });

  matrixTest({ section: SECTION, row: beside, column: THEIRS, quick: false }, async () => {
    const content = oneFile(6_000_000, (seeds += 1));
    const webSeeds = [await offer(content, 'limit_rate 2m;')];
    const { path } = await interop.makeTorrent(content, { kind: 'dual-hash', pieceLength: PIECE_LENGTH, webSeeds });
    await interop.seedOurs(content, path, ['--upload-limit', '2M']);

    const folder = interop.swarm.folder('libtorrent');
    const theirs = await interop.start(libtorrent, { torrent: path, folder });
    await theirs.complete();

    expectContent(content, folder);
    expect(theirs.peers.some(({ web }) => web)).to.equal(true);
    expect(theirs.peers.some(({ web }) => !web)).to.equal(true);
    await theirs.kill();
  });

  const FAULTS = [
    { row: 'a server that ignores ranges, beside a seeder', settings: 'max_ranges 0;' },
    { row: 'a server that answers 404, beside a seeder', settings: 'location / { return 404; }' },
    { row: 'a server that stalls, beside a seeder', settings: 'location ~ bin$ { limit_rate 1; }' },
  ];
  for (const { row, settings } of FAULTS) {
    matrixTest({ section: SECTION, row, column: OURS, quick: false }, async () => {
      const content = oneFile(3_000_000, (seeds += 1));
      const webSeeds = [await offer(content, settings)];
      const torrent = await interop.makeTorrent(content, { kind: 'dual-hash', pieceLength: PIECE_LENGTH, webSeeds });
      await seedTheirs(content, torrent.path, torrent.infoHash, 1_000_000);

      const ours = await interop.loadOurs(torrent.path);
      await ours.completed();

      expectContent(content, ours.outputDir);
    });
  }
});
