import { expect } from 'chai';
import { appendFile, open } from 'node:fs/promises';
import path from 'node:path';
import { parseMetainfo } from '../../src/metainfo/parse-metainfo.js';
import { testBytes } from '../helpers/test-bytes.js';
import { rejection, useEngines } from './engine-fixture.js';

describe('engine: creating and verifying', () => {
  const engines = useEngines();
  const trackers = ['http://one.example/announce', 'http://two.example/announce'];

  async function aSparseFile(lengthBytes: number): Promise<string> {
    const file = await engines.file('large.bin', '');
    const handle = await open(file, 'r+');
    await handle.truncate(lengthBytes);
    await handle.close();
    return file;
  }

  it('writes what it was asked for into the torrent', async () => {
    const { api } = await engines.engine();

    const { bytes, metainfo, notes } = await api.create({
      path: await engines.tree('album', { 'b.txt': testBytes(1000, 1), 'a/c.txt': testBytes(500, 2), empty: '' }),
      trackers,
      pieceLengthBytes: 512,
      hashes: ['blake3', 'sha256', 'blake3'],
      isPrivate: true,
      comment: 'for friends',
    });

    expect(parseMetainfo(bytes)).to.deep.equal(metainfo);
    expect(metainfo).to.deep.include({
      ...{ kind: 'pure', name: 'album', isFolder: true, isPrivate: true, comment: 'for friends' },
      trackerTiers: trackers.map((url) => [url]),
    });
    expect([...metainfo.digests.keys()].sort()).to.deep.equal(['blake3', 'sha256']);
    expect(metainfo.layout.pieceLengthBytes).to.equal(512);
    expect(metainfo.createdBy).to.match(/^p2p \d/);
    expect(notes.join()).to.include('without sha1 only p2p can join');
  });

  it('makes the same torrent of the same data', async () => {
    const [one, other] = [await engines.engine(), await engines.engine()];
    const make = async (engine: typeof one): Promise<string> => {
      const source = await engines.tree('album', { b: testBytes(40_000, 1), a: testBytes(70_000, 2) });
      return (await engine.api.create({ path: source, trackers: [] })).metainfo.infoHash;
    };

    expect(await make(one)).to.equal(await make(other));
  });

  it('says that others refuse 0 bytes', async () => {
    const { api } = await engines.engine();

    const { notes, metainfo } = await api.create({ path: await engines.file('empty', ''), trackers: [] });

    expect(metainfo.layout.pieceCount).to.equal(0);
    expect(notes.join()).to.include('has 0 bytes: only p2p can share it');
  });

  it('refuses before it hashes what makes no torrent', async () => {
    const { api } = await engines.engine();
    let hashedBytes = 0;
    const onProgress = (doneBytes: number): void => void (hashedBytes = doneBytes);
    const large = await aSparseFile(64 * 1_048_576);

    const error = await rejection(
      'P2P_METAINFO_TOO_LARGE',
      api.create({ path: large, trackers: [], pieceLengthBytes: 128 }, onProgress),
    );
    expect(error.message).to.include('choose longer pieces');
    const likePadding = await engines.tree('album', { '.pad/16': testBytes(16, 1), 'b.txt': 'b' });
    await rejection('P2P_OPTION_INVALID', api.create({ path: likePadding, trackers: [] }, onProgress));
    await rejection(
      'P2P_OPTION_INVALID',
      api.create({ path: large, trackers: [], pieceLengthBytes: 1000 }, onProgress),
    );
    await rejection('P2P_OPTION_INVALID', api.create({ path: large, trackers: [], hashes: [] }, onProgress));
    await rejection('P2P_HASH_UNKNOWN', api.create({ path: large, trackers: [], hashes: ['crc32'] }, onProgress));
    await rejection('P2P_OPTION_INVALID', api.create({ path: large, trackers: ['nowhere'] }, onProgress));

    expect(hashedBytes).to.equal(0);
  });

  it('refuses a file that grows while it is hashed', async () => {
    const { api } = await engines.engine();
    const growing = await aSparseFile(48 * 1_048_576);
    let growth: Promise<void> | undefined;

    const creating = api.create({ path: growing, trackers: [] }, () => {
      growth ??= appendFile(growing, 'more');
    });

    expect((await rejection('P2P_DISK_FAILED', creating)).message).to.include('changed while it was hashed');
    await growth;
  });

  describe('verify', () => {
    it('names each bad piece, the files that it touches, and what is wrong with files', async () => {
      const { api } = await engines.engine();
      const files = { 'a.txt': testBytes(100, 1), 'b.txt': testBytes(200, 2), 'c.txt': testBytes(212, 3) };
      const source = await engines.tree('album', files);
      const request = { path: source, trackers: [], pieceLengthBytes: 128 };
      const torrent = await engines.file('album.torrent', (await api.create(request)).bytes);
      const query = { target: torrent, trackers: [] };
      const wrong = Buffer.from(files['b.txt']);
      wrong[0] = (wrong[0] ?? 0) ^ 1;
      const copy = await engines.tree('album', { 'a.txt': files['a.txt'], 'b.txt': wrong });

      expect(await api.verify(query, source)).to.deep.equal({
        ...{ pieceCount: 4, badPieces: [], badFiles: [], algorithms: ['blake3'] },
      });
      const { badPieces, badFiles } = await api.verify(query, copy);
      expect(badPieces).to.deep.equal([
        { pieceIndex: 0, files: ['album/a.txt', 'album/b.txt'] },
        { pieceIndex: 2, files: ['album/b.txt', 'album/c.txt'] },
        { pieceIndex: 3, files: ['album/c.txt'] },
      ]);
      expect(badFiles).to.deep.equal([{ path: 'album/c.txt', problem: 'is not there' }]);
      expect((await api.verify(query, path.dirname(source))).badPieces, 'the folder above').to.deep.equal([]);
      await rejection('P2P_PATH_NOT_FOUND', api.verify(query, path.join(source, 'gone')));

      await appendFile(path.join(source, 'c.txt'), 'and more');
      const longer = await api.verify(query, source);
      expect(longer.badPieces).to.deep.equal([]);
      expect(longer.badFiles).to.deep.equal([{ path: 'album/c.txt', problem: 'has 220 bytes instead of 212' }]);
    });
  });
});
