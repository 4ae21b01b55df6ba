import { expect } from 'chai';
import { existsSync } from 'node:fs';
import { link, mkdir, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { handMadeTorrent } from '../helpers/hand-made-torrent.js';
import { testBytes } from '../helpers/test-bytes.js';
import { rejection, untilSnapshot, useEngines, type TestEngine } from './engine-fixture.js';

const PIECE = 16_384;

describe('engine: where a download is written', () => {
  const engines = useEngines();
  const bytes = testBytes(10 * PIECE, 3);
  let seeder: TestEngine;
  let outputDir: string;
  let targetPath: string;

  beforeEach(async () => {
    await engines.tracker();
    seeder = await engines.engine();
    outputDir = await engines.folder('output');
    targetPath = path.join(outputDir, 'story.bin');
  });

  async function seedStory(content: Uint8Array = bytes): Promise<string> {
    const { transfer } = await seeder.seed(await engines.file('story.bin', content), { pieceLengthBytes: PIECE });
    return transfer.metainfo.infoHash;
  }

  async function downloaded(
    leecher: TestEngine,
    target = 'story.bin',
    request: Parameters<TestEngine['download']>[2] = {},
  ): Promise<{ downTotalBytes: number }> {
    const { state, error, snapshot } = await (await leecher.download(target, outputDir, request)).finished;
    expect(error).to.equal(undefined);
    expect(state).to.equal('complete');
    return snapshot.swarm;
  }

  describe('something is there already', () => {
    it('fetches nothing when it is the same', async () => {
      await seedStory();
      await writeFile(targetPath, bytes);
      const leecher = await engines.engine();

      expect((await downloaded(leecher)).downTotalBytes).to.equal(0);

      expect(leecher.copies()[0]).to.include({ state: 'complete', rootPath: targetPath });
      expect(leecher.all('downloaded').map((event) => event.path)).to.deep.equal([targetPath]);
      expect(leecher.all('listening'), 'no port was needed').to.deep.equal([]);
    });

    it('refuses another file, and replaces it when told so', async () => {
      await seedStory();
      await writeFile(targetPath, 'old');
      const leecher = await engines.engine();

      await rejection('P2P_TARGET_EXISTS', leecher.download('story.bin', outputDir));
      expect(await readFile(targetPath, 'utf8')).to.equal('old');
      await downloaded(leecher, 'story.bin', { force: true });

      expect(await readFile(targetPath)).to.deep.equal(bytes);
      expect(await readdir(outputDir)).to.deep.equal(['story.bin']);
    });

    it('refuses a file that is right but goes on', async () => {
      await seedStory();
      await writeFile(targetPath, Buffer.concat([bytes, Buffer.from('and more')]));

      await rejection('P2P_TARGET_EXISTS', (await engines.engine()).download('story.bin', outputDir));
    });

    it('refuses a folder of that name, though the right file is in it', async () => {
      await seedStory();
      await mkdir(targetPath);
      await writeFile(path.join(targetPath, 'story.bin'), bytes);

      await rejection('P2P_TARGET_EXISTS', (await engines.engine()).download('story.bin', outputDir));
    });

    it('refuses a symbolic link that leads nowhere', async () => {
      await seedStory();
      await symlink(path.join(outputDir, 'nowhere'), targetPath);

      await rejection('P2P_TARGET_EXISTS', (await engines.engine()).download('story.bin', outputDir));
      expect(existsSync(path.join(outputDir, 'nowhere'))).to.equal(false);
    });

    it('keeps what came there during the download', async () => {
      await seedStory();
      const leecher = await engines.engine();
      const transfer = await leecher.download('story.bin', outputDir);
      await writeFile(targetPath, 'came meanwhile');

      const { state, error } = await transfer.finished;

      expect([state, error?.code]).to.deep.equal(['failed', 'P2P_TARGET_EXISTS']);
      expect(await readFile(targetPath, 'utf8')).to.equal('came meanwhile');
      expect(leecher.copies()[0]?.ownership.durable.isFull()).to.equal(true);

      await rm(targetPath);
      expect((await downloaded(leecher)).downTotalBytes).to.equal(0);
      expect(await readFile(targetPath)).to.deep.equal(bytes);
    });
  });

  it('writes through an output folder that is a symbolic link', async () => {
    await seedStory();
    const real = await engines.folder('real');
    await rm(outputDir, { recursive: true });
    await symlink(real, outputDir);

    await downloaded(await engines.engine());

    expect(await readFile(path.join(real, 'story.bin'))).to.deep.equal(bytes);
  });

  it('refuses before it writes what the disk cannot take', async () => {
    const pieceLength = 134_217_728;
    const pieces = Buffer.alloc(20 * 400_000, 1);
    const { bytes: torrent } = handMadeTorrent({
      name: 'huge',
      data: new Uint8Array(),
      pieceLength,
      announce: engines.trackerUrls[0] ?? '',
      info: { length: pieceLength * 400_000, pieces },
    });
    const file = await engines.file('huge.torrent', torrent);

    const error = await rejection('P2P_DISK_FULL', (await engines.engine()).download(file, outputDir));

    expect(error.message).to.match(/too little; make room/);
    expect(await readdir(outputDir)).to.deep.equal([]);
  });

  describe('a .part is there already', () => {
    const partPath = (): string => `${targetPath}.part`;

    it('takes up one that the state does not know when a piece of it is right, and cuts off what is too much', async () => {
      await seedStory();
      await writeFile(partPath(), Buffer.concat([bytes.subarray(0, 4 * PIECE), Buffer.alloc(8 * PIECE)]));

      const leecher = await engines.engine();
      expect((await downloaded(leecher)).downTotalBytes).to.equal(6 * PIECE);

      expect(await readFile(targetPath)).to.deep.equal(bytes);
      expect(leecher.copies()[0]?.ownership.durable.isFull()).to.equal(true);
    });

    it('cuts off what is too much though nothing is missing', async () => {
      await seedStory();
      await writeFile(partPath(), Buffer.concat([bytes, Buffer.from('and more')]));

      expect((await downloaded(await engines.engine())).downTotalBytes).to.equal(0);

      expect(await readFile(targetPath)).to.deep.equal(bytes);
    });

    it('is removed when it is but another name of the complete file', async () => {
      await seedStory();
      await writeFile(targetPath, bytes);
      await link(targetPath, partPath());

      await downloaded(await engines.engine());

      expect(await readdir(outputDir)).to.deep.equal(['story.bin']);
    });

    it('refuses one that holds none of its pieces', async () => {
      await seedStory();
      await writeFile(partPath(), 'notes of the user');

      const error = await rejection(
        'P2P_PART_OF_ANOTHER_TORRENT',
        (await engines.engine()).download('story.bin', outputDir),
      );

      expect(error.message).to.include(partPath());
      expect(await readFile(partPath(), 'utf8')).to.equal('notes of the user');
    });

    it('refuses a folder that holds files which are not of the torrent', async () => {
      await seeder.seed(await engines.tree('album', { 'a.txt': 'a', 'b/c.txt': 'c' }));
      const foreign = path.join(outputDir, 'album.part', 'b', 'diary.txt');
      await mkdir(path.dirname(foreign), { recursive: true });
      await writeFile(foreign, 'of the user');

      await rejection('P2P_PART_OF_ANOTHER_TORRENT', (await engines.engine()).download('album', outputDir));

      expect(await readFile(foreign, 'utf8')).to.equal('of the user');
      expect(await readdir(outputDir)).to.deep.equal(['album.part']);
    });

    it('refuses one that is a symbolic link', async () => {
      await seedStory();
      await writeFile(path.join(outputDir, 'elsewhere'), bytes);
      await symlink(path.join(outputDir, 'elsewhere'), partPath());

      await rejection('P2P_PART_OF_ANOTHER_TORRENT', (await engines.engine()).download('story.bin', outputDir));
    });

    it('belongs to the torrent that wrote it last', async () => {
      const halfOf = async (content: Uint8Array): Promise<string> => {
        const engine = await engines.engine();
        const half = { pieceLengthBytes: PIECE, mask: { to: 0.5 } };
        return (await engine.seed(await engines.file('story.bin', content), half)).transfer.metainfo.infoHash;
      };
      const stateDir = await engines.folder('state');
      const fetchHalf = async (infoHash: string): Promise<void> => {
        const engine = await engines.engine({ stateDir });
        const transfer = await engine.download(infoHash, outputDir);
        await untilSnapshot(transfer, ({ swarm }) => swarm.verifiedPieces === 5);
        await engine.close();
      };
      const otherBytes = testBytes(10 * PIECE, 4);
      const [one, other] = [await halfOf(bytes), await halfOf(otherBytes)];
      await fetchHalf(one);
      await rm(partPath());
      await fetchHalf(other);

      const leecher = await engines.engine({ stateDir });
      await rejection('P2P_PART_OF_ANOTHER_TORRENT', leecher.download(one, outputDir));
      await seeder.seed(await engines.file('story.bin', otherBytes));
      expect((await downloaded(leecher, other)).downTotalBytes).to.equal(5 * PIECE);
      expect(await readFile(targetPath)).to.deep.equal(otherBytes);
    });

    it('says with --seed what was fetched, however fast it came', async () => {
      await seedStory();
      const leecher = await engines.engine();
      const transfer = await leecher.download('story.bin', outputDir, { seedAfter: true });

      const { snapshot } = await transfer.finished;

      expect(snapshot.swarm.downTotalBytes).to.equal(bytes.length);
    });

    it('serves from the final name with --seed though nothing had to be fetched', async () => {
      await seedStory();
      await writeFile(partPath(), bytes);
      const again = await engines.engine();
      const transfer = await again.download('story.bin', outputDir, { seedAfter: true });
      expect((await transfer.finished).state).to.equal('complete');
      await again.until('announced');
      await seeder.close();

      const last = await engines.engine();
      outputDir = await engines.folder('output');
      await downloaded(last);

      expect(await readFile(path.join(outputDir, 'story.bin'))).to.deep.equal(bytes);
      expect(existsSync(partPath())).to.equal(false);
      expect(transfer.snapshot()).to.include({ state: 'seeding', path: targetPath });
    });
  });

  describe('two at once', () => {
    it('refuses the same copy, in one engine and in two', async () => {
      await seeder.seed(await engines.file('story.bin', bytes), { pieceLengthBytes: PIECE, mask: { to: 0.5 } });
      const first = await engines.engine();
      await first.download('story.bin', outputDir);
      const second = await engines.engine({ stateDir: first.stateDir });

      for (const engine of [first, second]) {
        const error = await rejection('P2P_COPY_IN_USE', engine.download('story.bin', outputDir));
        expect(error.message).to.include(`process ${process.pid}`);
      }

      await first.close();
      const transfer = await second.download('story.bin', outputDir);
      expect(transfer.snapshot().state).to.equal('downloading');
    });

    it('refuses another torrent of that name', async () => {
      const half = { pieceLengthBytes: PIECE, mask: { to: 0 } };
      const one = await seeder.seed(await engines.file('story.bin', bytes), half);
      const other = await seeder.seed(await engines.file('story.bin', testBytes(100, 5)), half);
      const leecher = await engines.engine();
      await leecher.download(one.transfer.metainfo.infoHash, outputDir);

      const error = await rejection(
        'P2P_PART_OF_ANOTHER_TORRENT',
        leecher.download(other.transfer.metainfo.infoHash, outputDir),
      );

      expect(error.message).to.include('is being written for another torrent');
    });

    it('gives the lock back when the download cannot begin', async () => {
      const infoHash = await seedStory();
      const leecher = await engines.engine();
      await writeFile(`${targetPath}.part`, 'notes');
      await rejection('P2P_PART_OF_ANOTHER_TORRENT', leecher.download(infoHash, outputDir));
      await rm(`${targetPath}.part`);

      await downloaded(leecher, infoHash);
    });
  });

  describe('odd torrents', () => {
    it('moves 0 bytes, and a folder of nothing but empty files', async () => {
      await seeder.seed(await engines.file('empty.txt', ''));
      await seeder.seed(await engines.tree('hollow', { 'a.txt': '', 'b/c.txt': '' }));
      const leecher = await engines.engine();

      await downloaded(leecher, 'empty.txt');
      await downloaded(leecher, 'hollow');

      expect(await readFile(path.join(outputDir, 'empty.txt'), 'utf8')).to.equal('');
      expect(await readdir(path.join(outputDir, 'hollow'), { recursive: true })).to.have.members([
        'a.txt',
        'b',
        path.join('b', 'c.txt'),
      ]);
      expect(leecher.copies().map(({ state }) => state)).to.deep.equal(['complete', 'complete']);
      await downloaded(leecher, 'hollow');
    });

    it('moves names of 255 bytes and emoji', async () => {
      const longName = `${'é'.repeat(125)}🦀x`;
      const longFile = `${'🐟'.repeat(62)}abc.txt`;
      expect(Buffer.byteLength(longName)).to.equal(255);
      expect(Buffer.byteLength(longFile)).to.equal(255);
      await seeder.seed(await engines.tree(longName, { [longFile]: bytes, 'sub folder/b': 'b' }));

      await downloaded(await engines.engine(), longName);

      expect(await readdir(outputDir)).to.deep.equal([longName]);
      expect(await readFile(path.join(outputDir, longName, longFile))).to.deep.equal(bytes);
    });

    it('serves files by the names they have, though the torrent must call them otherwise', async function () {
      if (process.platform === 'win32') this.skip();
      // `x.` becomes `x_` in the torrent, and then `x_` becomes `x_ (2)`.
      const files = { 'x.': testBytes(PIECE + 1, 1), x_: testBytes(PIECE - 1, 2) };
      await seeder.seed(await engines.tree('names', files), { pieceLengthBytes: 128 });

      await downloaded(await engines.engine(), 'names');

      expect(await readFile(path.join(outputDir, 'names', 'x_'))).to.deep.equal(files['x.']);
      expect(await readFile(path.join(outputDir, 'names', 'x_ (2)'))).to.deep.equal(files.x_);
    });

    it('makes no pad files, and has their zeros in the pieces', async () => {
      const data = Buffer.concat([testBytes(100, 1), Buffer.alloc(28), testBytes(200, 2)]);
      const { bytes: torrent } = handMadeTorrent({
        name: 'padded',
        data,
        pieceLength: 128,
        announce: engines.trackerUrls[0] ?? '',
        info: {
          files: [
            { length: 100, path: ['a'] },
            { attr: 'p', length: 28, path: ['.pad', '28'] },
            { length: 200, path: ['b'] },
          ],
        },
        without: ['length'],
      });
      const torrentFile = await engines.file('padded.torrent', torrent);
      const source = await engines.tree('padded', { a: data.subarray(0, 100), b: data.subarray(128) });
      const { transfer } = await seeder.seed(source, { torrentFile });
      expect(transfer.snapshot().swarm.verifiedPieces).to.equal(3);

      await downloaded(await engines.engine(), torrentFile);

      expect((await readdir(path.join(outputDir, 'padded'))).sort()).to.deep.equal(['a', 'b']);
      expect(await readFile(path.join(outputDir, 'padded', 'b'))).to.deep.equal(data.subarray(128));
    });
  });

  it('seeds a given torrent of which a part is there, and says what is missing', async () => {
    const { bytes: torrent } = await seeder.api.create({
      path: await engines.file('story.bin', bytes),
      trackers: engines.trackerUrls,
      pieceLengthBytes: PIECE,
    });
    const torrentFile = await engines.file('story.torrent', torrent);
    const broken = Buffer.from(bytes);
    broken.fill(0, 2 * PIECE, 3 * PIECE);

    const { transfer } = await seeder.seed(await engines.file('story.bin', broken), { torrentFile });

    expect(transfer.snapshot().offeredPieces).to.equal(9);
    expect(seeder.notes.join()).to.include('1 of 10 pieces of story.bin are missing or wrong: not offered');
    const leecher = await engines.engine();
    const download = await leecher.download(torrentFile, outputDir);
    const { swarm } = await untilSnapshot(download, (snapshot) => snapshot.swarm.missingEverywhereCount === 1);
    expect(swarm).to.deep.include({ verifiedPieces: 9, missingEverywhere: [2] });
  });
});
