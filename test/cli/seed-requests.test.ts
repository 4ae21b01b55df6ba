import { expect } from 'chai';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inputPath, inputPaths } from '../../src/cli/input-folder.js';
import { seedRequests } from '../../src/cli/seed-requests.js';
import type { P2pError } from '../../src/errors.js';

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return await promise.then(
    () => 'none',
    (error: unknown) => (error as P2pError).code,
  );
}

const silent = (): void => {};

describe('seedRequests', () => {
  it('makes one request a path, with the mask for each', async () => {
    const requests = await seedRequests(
      ['a', 'b'],
      { missing: [[3], [1, 2], [2]], from: 0.2 },
      ['http://t/announce'],
      silent,
    );

    expect(requests.map(({ path }) => path)).to.deep.equal(['a', 'b']);
    expect(requests[1]).to.deep.equal({
      path: 'b',
      trackers: ['http://t/announce'],
      mask: { missing: [1, 2, 3], from: 0.2 },
    });
  });

  it('refuses flags that contradict one another', async () => {
    expect(await codeOf(seedRequests(['a', 'b'], { torrent: 'x.torrent' }, [], silent))).to.equal('P2P_USAGE');
    expect(await codeOf(seedRequests(['a'], { torrent: 'x.torrent', hash: ['sha1'] }, [], silent))).to.equal(
      'P2P_USAGE',
    );
    expect(await codeOf(seedRequests(['a'], { from: 0.6, to: 0.3 }, [], silent))).to.equal('P2P_USAGE');
  });
});

describe('inputPaths', () => {
  const folder = mkdtempSync(join(tmpdir(), 'p2p-input-'));
  after(() => rmSync(folder, { recursive: true }));

  it('finds files and folders, but not hidden ones and .part', async () => {
    for (const name of ['b.txt', 'a.txt', '.hidden', 'half.part']) writeFileSync(join(folder, name), 'x');
    mkdirSync(join(folder, 'album'));

    const names = ['a.txt', 'album', 'b.txt'];
    expect(await inputPaths(folder)).to.deep.equal(names.map((name) => join(folder, name)));
  });

  it('notes what it cannot offer', async function () {
    if (process.platform === 'win32') this.skip();
    const odd = mkdtempSync(join(folder, '.odd-'));
    const notes: string[] = [];
    writeFileSync(join(odd, 'a.txt'), 'x');
    symlinkSync('/dev/null', join(odd, 'device'));
    symlinkSync('nowhere', join(odd, 'dangling'));
    if (process.platform === 'linux') writeFileSync(Buffer.concat([Buffer.from(`${odd}/`), Buffer.of(0x7a, 0xff)]), '');

    expect(await inputPaths(odd, (text) => notes.push(text))).to.deep.equal([join(odd, 'a.txt')]);
    expect(notes.join('\n'))
      .to.include('dangling cannot be read (ENOENT): passed over')
      .and.to.include('device is neither a file nor a folder: passed over');
    if (process.platform === 'linux') expect(notes[2]).to.include('has a name that is not UTF-8: passed over');
  });

  it('says what to do when there is nothing', async () => {
    const empty = join(folder, '.empty');
    mkdirSync(empty);

    expect(await codeOf(inputPaths(empty))).to.equal('P2P_NOTHING_TO_SEED');
    expect(await codeOf(inputPaths(join(folder, 'none')))).to.equal('P2P_NOTHING_TO_SEED');
  });

  it('finds a name of the old command line in the input folder, a path where it is', async () => {
    const inside = join(folder, 'a.txt');

    expect(await inputPath('a.txt', folder)).to.equal(inside);
    expect(await inputPath(inside, folder)).to.equal(inside);
    expect(await inputPath('nowhere.txt', folder)).to.equal('nowhere.txt');
  });
});
