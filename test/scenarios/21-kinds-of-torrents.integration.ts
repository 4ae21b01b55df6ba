/** Torrents of each kind, ours and those of others, and what the tracker lists of them. */
import { expect } from 'chai';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hasProgram, requireOrSkip } from '../helpers/external-tool.js';
import { handMadeTorrent } from '../helpers/hand-made-torrent.js';
import { useSwarm } from '../helpers/swarm-fixture.js';
import { testBytes } from '../helpers/test-bytes.js';
import { TestPeer } from '../helpers/test-peer.js';

describe('Kinds of torrents', function () {
  this.timeout(60_000);
  const swarm = useSwarm();

  before(() => swarm.startTracker());

  it('a pure BLAKE3 torrent moves among our peers, by name and by its magnet link', async () => {
    const data = testBytes(50_000, 1);
    const seed = await swarm.seed(swarm.file('pure.bin', data), ['--hash', 'blake3', '--piece-length', '1K']);

    for (const target of ['pure.bin', seed.only.magnet]) {
      const download = swarm.download(target);
      await download.completed();
      expect(readFileSync(download.path('pure.bin')).equals(data)).to.equal(true);
    }

    expect(seed.only.magnet).to.match(/^magnet:\?xt=urn:btmh:1e20[0-9a-f]{64}&/);
    expect(seed.only.infoHash).to.equal(seed.only.blake3InfoHash.slice(0, 40));
  });

  for (const pieceLength of [1_000, 786_432]) {
    it(`a v1 torrent with pieces of ${pieceLength} bytes is read and fetched`, async () => {
      const data = testBytes(2 * 786_432 + 777, pieceLength);
      const download = await downloadFromPeer({ name: 'odd.bin', data, pieceLength });

      expect(readFileSync(download.path('odd.bin')).equals(data)).to.equal(true);
    });
  }

  it('pad files are fetched and hashed, but lie on no disk (BEP 47)', async () => {
    const pieceLength = 16_384;
    const [first, second] = [testBytes(20_000, 3), testBytes(10_000, 4)];
    const pad = Buffer.alloc(2 * pieceLength - first.length);
    const info = {
      files: [
        { path: ['a.bin'], length: first.length },
        { path: ['.pad', String(pad.length)], length: pad.length, attr: 'p' },
        { path: ['sub', 'b.bin'], length: second.length },
      ],
    };
    const data = Buffer.concat([first, pad, second]);
    const download = await downloadFromPeer({ name: 'padded', data, pieceLength, files: [], info });

    expect(readdirSync(download.path('padded')).sort()).to.deep.equal(['a.bin', 'sub']);
    expect(readFileSync(download.path('padded/a.bin')).equals(first)).to.equal(true);
    expect(readFileSync(download.path('padded/sub/b.bin')).equals(second)).to.equal(true);
  });

  it('a folder torrent of mktorrent is seeded and fetched', async function () {
    requireOrSkip(this, hasProgram('mktorrent'), 'mktorrent');
    const folder = join(swarm.folder('input'), 'album');
    mkdirSync(join(folder, 'cd 1'), { recursive: true });
    writeFileSync(join(folder, 'cd 1', 'one.flac'), testBytes(100_000, 5));
    writeFileSync(join(folder, 'cover.png'), testBytes(30_001, 6));
    const torrent = join(swarm.folder('torrent'), 'album.torrent');
    spawnSync('mktorrent', ['-a', swarm.tracker.url, '-l', '15', '-o', torrent, folder]);
    const seed = await swarm.seed(folder, ['--torrent', torrent], { trackers: [] });

    const download = swarm.download(torrent, [], { trackers: [] });
    await download.completed();

    expect(readFileSync(download.path('album/cd 1/one.flac')).equals(testBytes(100_000, 5))).to.equal(true);
    expect(readFileSync(download.path('album/cover.png')).equals(testBytes(30_001, 6))).to.equal(true);
    await seed.process.stop();
  });

  it('a private torrent is served, but never listed', async () => {
    const data = testBytes(5_000, 7);
    const info = { private: 1 };
    const made = handMadeTorrent({ name: 'secret.bin', data, pieceLength: 128, announce: swarm.tracker.url, info });
    const torrent = swarm.file('secret.torrent', made.bytes);
    const seed = await swarm.seed(swarm.file('secret.bin', data), ['--torrent', torrent]);

    const download = swarm.download(torrent);
    await download.completed();
    const { torrents } = await swarm.start(['list', '--tracker', swarm.tracker.url]).result();

    expect(readFileSync(download.path('secret.bin')).equals(data)).to.equal(true);
    expect(seed.only.published).to.equal(false);
    const names = (torrents as readonly { readonly name: string }[]).map(({ name }) => name);
    expect(names).not.to.include('secret.bin');
  });

  it('verify names each bad piece and the files that it touches', async () => {
    const folder = join(swarm.folder('input'), 'checked');
    mkdirSync(folder);
    writeFileSync(join(folder, 'a.bin'), testBytes(200, 8));
    writeFileSync(join(folder, 'b.bin'), testBytes(200, 9));
    const torrent = join(swarm.folder('torrent'), 'checked.torrent');
    await swarm.start(['create', folder, '-o', torrent, '--piece-length', '128']).result();
    expect(await swarm.start(['verify', torrent, folder]).result()).to.include({ ok: true, pieceCount: 4 });

    // Byte 10 of b.bin is byte 210 of the torrent: in piece 1, which also holds the end of a.bin.
    const bytes = Buffer.from(testBytes(200, 9));
    bytes.writeUInt8(bytes.readUInt8(10) ^ 1, 10);
    writeFileSync(join(folder, 'b.bin'), bytes);
    const error = await swarm.start(['verify', torrent, folder]).failure();

    expect(error).to.include({ code: 'P2P_VERIFY_FAILED', exitCode: 5 });
    expect(error.details['badPieces']).to.deep.equal([{ pieceIndex: 1, files: ['checked/a.bin', 'checked/b.bin'] }]);
  });

  /** Fetches a hand-made torrent from a test peer that has all of it. */
  async function downloadFromPeer(options: Parameters<typeof handMadeTorrent>[0]) {
    const made = handMadeTorrent({ ...options, announce: swarm.tracker.url });
    const { data, pieceLength } = options;
    const peer = await new TestPeer({ infoHash: made.infoHash, data, pieceLength }).listen();
    swarm.onClose(() => peer.close());
    await peer.announce(swarm.tracker.url);
    const download = swarm.download(swarm.file('made.torrent', made.bytes));
    await download.completed();
    return download;
  }
});
