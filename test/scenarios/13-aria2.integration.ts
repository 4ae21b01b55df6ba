import { expect } from 'chai';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { eventually } from '../helpers/eventually.js';
import { hasProgram, requireOrSkip, startAria2 } from '../helpers/external-tool.js';
import { freePort } from '../helpers/free-port.js';
import { handMadeTorrent } from '../helpers/hand-made-torrent.js';
import { bdecode, member } from '../helpers/naive-bencode.js';
import { scrape } from '../helpers/scrape.js';
import { useSwarm } from '../helpers/swarm-fixture.js';
import { testBytes } from '../helpers/test-bytes.js';

const PIECE_LENGTH = 32_768;
const DATA = testBytes(1_500_000, 13);

describe('Scenario 13: aria2 and we', function () {
  this.timeout(60_000);
  const swarm = useSwarm();
  let file = '';

  before(async function () {
    requireOrSkip(this, hasProgram('aria2c'), 'aria2c (Debian package aria2)');
    file = swarm.file('shared.bin', DATA);
    await swarm.startTracker();
  });

  for (const { kind, make } of [
    { kind: 'dual-hash', make: dualHashTorrent },
    { kind: 'plain v1', make: plainTorrent },
  ]) {
    it(`aria2 fetches a ${kind} torrent from our seeder through our tracker`, async () => {
      const { path } = await make();
      const seed = await swarm.seed(file, ['--torrent', path]);
      const folder = swarm.folder('aria2');

      const aria2 = startAria2(['--seed-time=0', path], folder, await freePort());
      swarm.onClose(() => aria2.kill());

      expect(await aria2.exit(), aria2.output).to.equal(0);
      expect(readFileSync(join(folder, 'shared.bin')).equals(DATA)).to.equal(true);
      await seed.process.stop();
    });

    it(`our downloader fetches a ${kind} torrent from aria2`, async () => {
      const { path, infoHash } = await make();
      const folder = swarm.folder('aria2');
      copyFileSync(file, join(folder, 'shared.bin'));
      const flags = ['--check-integrity=true', '--seed-ratio=0.0'];
      const aria2 = startAria2([...flags, path], folder, await freePort());
      swarm.onClose(() => aria2.kill());
      const { url } = swarm.tracker;
      await eventually('aria2 at the tracker', async () => (await scrape(url, infoHash)).seeders > 0);

      const download = swarm.download(path, [], { trackers: [] });
      const summary = await download.completed();

      expect(readFileSync(download.path('shared.bin')).equals(DATA)).to.equal(true);
      expect(summary).to.include({ infoHash, refusedPieces: 0, wastedBytes: 0 });
      await aria2.kill();
    });
  }

  /** As `p2p create` makes it. */
  async function dualHashTorrent(): Promise<{ path: string; infoHash: string }> {
    const path = join(swarm.folder('torrent'), 'shared.torrent');
    const flags = ['-o', path, '--tracker', swarm.tracker.url, '--piece-length', String(PIECE_LENGTH)];
    const { infoHash } = await swarm.start(['create', file, ...flags]).result();
    const info = member(bdecode(readFileSync(path)), 'info');
    expect(member(info, 'pieces')).to.have.length(Math.ceil(DATA.length / PIECE_LENGTH) * 20);
    expect(member(info, 'piece hashes', 'blake3')).to.have.length(Math.ceil(DATA.length / PIECE_LENGTH) * 32);
    return { path, infoHash: String(infoHash) };
  }

  async function plainTorrent(): Promise<{ path: string; infoHash: string }> {
    const path = join(swarm.folder('torrent'), 'shared.torrent');
    const torrent = handMadeTorrent({
      name: basename(file),
      data: DATA,
      pieceLength: PIECE_LENGTH,
      announce: swarm.tracker.url,
    });
    writeFileSync(path, torrent.bytes);
    return { path, infoHash: torrent.infoHash };
  }
});
