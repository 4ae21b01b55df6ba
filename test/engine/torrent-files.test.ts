import { expect } from 'chai';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { presentFiles, shownPath, torrentFiles } from '../../src/engine/torrent-files.js';
import { parseMetainfo } from '../../src/metainfo/parse-metainfo.js';
import { aFolderTorrent, aMetainfo } from '../helpers/a-torrent.js';

describe('torrentFiles', () => {
  let root: string;

  beforeEach(() => {
    root = mkdtempSync(path.join(tmpdir(), 'p2p-files-'));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  const folder = parseMetainfo(
    aFolderTorrent([
      { length: 10, path: ['a', 'b.txt'] },
      { length: 6, path: ['.pad', '6'], attr: 'p' },
      { length: 3, path: ['x.'] },
    ]),
  );

  it('gives the path of a single file as it is', () => {
    expect(torrentFiles(aMetainfo(), '/out/story.txt')).to.deep.equal([
      { path: '/out/story.txt', lengthBytes: 1000, depth: 1 },
    ]);
  });

  it('gives files of a folder their safe names, and pad files none', () => {
    expect(torrentFiles(folder, '/out/album')).to.deep.equal([
      { path: path.join('/out/album', 'a', 'b.txt'), lengthBytes: 10, depth: 3 },
      { path: undefined, lengthBytes: 6, depth: 3 },
      { path: path.join('/out/album', 'x_'), lengthBytes: 3, depth: 2 },
    ]);
  });

  it('shows names with the folder in front', () => {
    expect([0, 2].map((index) => shownPath(folder, index))).to.deep.equal(['album/a/b.txt', 'album/x_']);
    expect(shownPath(aMetainfo(), 0)).to.equal('story.txt');
  });

  it('finds data under the name that the torrent writes, but rather under the safe one', async function () {
    if (process.platform === 'win32') this.skip();
    mkdirSync(path.join(root, 'a'));
    expect((await presentFiles(folder, root))[2]?.path).to.equal(path.join(root, 'x_'));

    writeFileSync(path.join(root, 'x.'), '123');
    expect((await presentFiles(folder, root))[2]?.path).to.equal(path.join(root, 'x.'));

    writeFileSync(path.join(root, 'x_'), '123');
    expect((await presentFiles(folder, root))[2]?.path).to.equal(path.join(root, 'x_'));
  });
});
