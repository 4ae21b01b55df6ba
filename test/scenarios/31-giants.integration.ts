/** Files of 64 GiB, nearly all of them holes: seeded again and gone on with at once, since nobody hashes them. */
import { expect } from 'chai';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stampFiles } from '../../src/engine/file-stamps.js';
import { torrentFiles } from '../../src/engine/torrent-files.js';
import { parseMetainfo } from '../../src/metainfo/parse-metainfo.js';
import { CopyStore } from '../../src/store/copy-store.js';
import { openStateDatabase } from '../../src/store/database.js';
import { skipUnless } from '../helpers/external-tool.js';
import { handMadeTorrent } from '../helpers/hand-made-torrent.js';
import { useSwarm } from '../helpers/swarm-fixture.js';

const PIECE_LENGTH = 16 * 1024 * 1024;
const PIECE_COUNT = 4_096;
const SIZE = PIECE_COUNT * PIECE_LENGTH;

describe('A file of 64 GiB', function () {
  this.timeout(60_000);
  const swarm = useSwarm();
  let torrent: string;

  before(async function () {
    skipUnless(this, statSync(aGiant(swarm.folder(), 'probe')).blocks < 1_000, 'a file system with holes');
    const { url } = await swarm.startTracker();
    const ofZeros = createHash('sha1').update(Buffer.alloc(PIECE_LENGTH)).digest();
    const { bytes } = handMadeTorrent({
      ...{ name: 'giant.bin', data: Buffer.alloc(0), pieceLength: PIECE_LENGTH, announce: url },
      info: { length: SIZE, pieces: Buffer.concat(Array.from({ length: PIECE_COUNT }, () => ofZeros)) },
    });
    torrent = swarm.file('giant.torrent', bytes);
  });

  it('is seeded again without hashing after a clean stop', async () => {
    const path = aGiant(swarm.folder(), 'giant.bin');
    const stateDir = swarm.folder('state');
    const first = await swarm.seed(path, ['--torrent', torrent, '--trust'], { stateDir });
    expect(first.only.offeredPieces).to.equal(PIECE_COUNT);
    await first.process.stop();

    const second = await swarm.seed(path, ['--torrent', torrent], { stateDir });

    expect(second.process.all('resumed')[0]).to.include({ trustedPieces: PIECE_COUNT, hashedPieces: 0 });
    expect(second.only.offeredPieces).to.equal(PIECE_COUNT);
    await second.process.stop();
  });

  it('is gone on with where it was, on a disk that has room for what is missing alone', async () => {
    const seed = await swarm.seed(aGiant(swarm.folder(), 'giant.bin'), ['--torrent', torrent, '--trust']);
    const place = { outputDir: aSmallDisk(swarm.folder('output')), stateDir: swarm.folder('state') };
    await remember(aGiant(place.outputDir, 'giant.bin.part'), PIECE_COUNT - 2, place);

    const download = swarm.download(torrent, [], place);
    const summary = await download.completed();

    expect(download.process.all('resumed')[0]).to.include({
      ...{ trustedPieces: PIECE_COUNT - 2, hashedPieces: 0, ownedPieces: PIECE_COUNT - 2 },
    });
    expect(summary.downTotalBytes).to.equal(2 * PIECE_LENGTH);
    await seed.process.stop();
  });

  /** A disk of 100 MiB in this folder, where mounting is allowed. */
  function aSmallDisk(folder: string): string {
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=100m', 'tmpfs', folder], { stdio: 'ignore' });
    if (mounted.status === 0) swarm.onClose(() => void spawnSync('umount', ['-l', folder]));
    return folder;
  }

  /** Writes down that a download was stopped in order when it had the first pieces. */
  async function remember(partPath: string, pieces: number, place: { outputDir: string; stateDir: string }) {
    const metainfo = parseMetainfo(readFileSync(torrent));
    const stamps = await stampFiles(torrentFiles(metainfo, partPath));
    const database = openStateDatabase(place.stateDir);
    try {
      const store = new CopyStore(database);
      const { id } = store.openCopy({
        ...{ infoHash: metainfo.infoHash, name: metainfo.name, totalBytes: SIZE, trackerTiers: [] },
        ...{ rootPath: join(place.outputDir, metainfo.name), role: 'download', metainfoBytes: readFileSync(torrent) },
        ...{ pieceCount: PIECE_COUNT, pieceLengthBytes: PIECE_LENGTH },
      });
      const owned = Array.from({ length: pieces }, (_, at) => at);
      store.recordPieces(id, { verified: owned, durable: owned });
      store.recordFiles(id, [...stamps.values()]);
      store.setState(id, 'stopped');
      store.markStoppedCleanly(id);
    } finally {
      database.close();
    }
  }
});

function aGiant(folder: string, name: string): string {
  const path = join(folder, name);
  writeFileSync(path, '');
  truncateSync(path, SIZE);
  return path;
}
