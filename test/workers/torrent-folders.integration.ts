import { expect } from 'chai';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { TorrentFolders } from '../../src/workers/torrent-folders.js';
import { expectError } from '../helpers/expect-error.js';

describe('TorrentFolders', () => {
  let root = '';
  let looks: string[] = [];
  const original = fs.lstatSync;

  beforeEach(() => {
    root = fs.mkdtempSync(path.join(tmpdir(), 'p2p-folders-'));
    looks = [];
    // The only way to see who looks.
    const lstatSync = (...args: Parameters<typeof fs.lstatSync>): unknown => {
      looks.push(path.relative(root, String(args[0])));
      return original(...args);
    };
    Object.assign(fs, { lstatSync });
  });

  afterEach(() => {
    Object.assign(fs, { lstatSync: original });
    fs.rmSync(root, { recursive: true });
  });

  const fileIn = (folder: string): string => path.join(root, 'torrent', folder, 'file');

  it('looks once at the folders of files that are opened shortly after each other', () => {
    const folders = new TorrentFolders();

    for (const name of ['one', 'two', 'one', 'two']) folders.ensure(fileIn(name), 3, 1_000);

    expect(looks).to.deep.equal(['torrent', path.join('torrent', 'one'), 'torrent', path.join('torrent', 'two')]);
    expect(fs.statSync(path.dirname(fileIn('one'))).isDirectory()).to.equal(true);
  });

  it('sees two milliseconds later that a folder was replaced by a symbolic link', () => {
    const folders = new TorrentFolders();
    folders.ensure(fileIn('one'), 3, 1_000);
    fs.rmdirSync(path.dirname(fileIn('one')));
    fs.symlinkSync(root, path.dirname(fileIn('one')));

    expectError('P2P_PATH_UNSAFE', () => {
      folders.ensure(fileIn('one'), 3, 1_002);
    });
  });

  it('looks at folders above that another file of the same folder has not', () => {
    const folders = new TorrentFolders();
    const folder = path.dirname(fileIn('one'));
    fs.mkdirSync(folder, { recursive: true });
    folders.ensure(path.join(folder, 'alone'), 1, 1_000);
    fs.rmSync(path.dirname(folder), { recursive: true });
    fs.symlinkSync(root, path.dirname(folder));

    expectError('P2P_PATH_UNSAFE', () => {
      folders.ensure(fileIn('one'), 3, 1_000);
    });
  });
});
