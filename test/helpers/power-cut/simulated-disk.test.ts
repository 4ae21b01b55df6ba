import { expect } from 'chai';

import { seededRandom } from '../../../src/swarm/seeded-random.js';
import type { DiskEvent } from './disk-log.js';
import { SimulatedDisk, type DiskImage, type SimulatedDiskOptions } from './simulated-disk.js';

const ROOT = 1;
const FILE = 2;
const FOLDER = 3;
const PAGE = 4096;
const SEEDS = Array.from({ length: 200 }, (_, seed) => seed);

const create = (path: string, inode = FILE): DiskEvent => ({ type: 'create', kind: 'file', inode, path });
const mkdir = (path: string, inode = FOLDER): DiskEvent => ({ type: 'create', kind: 'folder', inode, path });
const truncate = (sizeBytes: number): DiskEvent => ({ type: 'truncate', inode: FILE, sizeBytes });
const rename = (from: string, to: string): DiskEvent => ({ type: 'rename', from, to });
const begin = (sync: string, inode = FILE): DiskEvent => ({ type: 'sync-begin', inode, sync });
const end = (sync: string, inode = FILE, ok = true): DiskEvent => ({ type: 'sync-end', inode, sync, ok });
const sync = (inode = FILE): DiskEvent[] => [begin(`of ${inode}`, inode), end(`of ${inode}`, inode)];
const write = (text: string, offset = 0): DiskEvent => ({
  type: 'write',
  inode: FILE,
  offset,
  bytes: Buffer.from(text),
});

/** A file whose name is safe. */
const aFile: readonly DiskEvent[] = [create('a'), ...sync(ROOT)];

function aDisk(events: readonly DiskEvent[], options: Partial<SimulatedDiskOptions> = {}): SimulatedDisk {
  const disk = new SimulatedDisk({ rootInode: ROOT, ...options });
  for (const event of events) disk.apply(event);
  return disk;
}

/** Everything that may be left, over many seeds, as text: `path=content`, or `path/` for a folder. */
function outcomes(events: readonly DiskEvent[], odds = 0.5, options: Partial<SimulatedDiskOptions> = {}): Set<string> {
  const disk = aDisk(events, options);
  return new Set(SEEDS.map((seed) => show(disk.cut(seededRandom(seed), odds))));
}

function show({ folders, files }: DiskImage): string {
  const names = [...files].map(([path, { bytes }]) => `${path}=${bytes.toString().replaceAll('\0', '.')}`);
  return [...folders.map((path) => `${path}/`), ...names].sort().join(' ');
}

describe('SimulatedDisk', () => {
  it('keeps what was synced, whatever happens', () => {
    expect([...outcomes([...aFile, write('kept'), ...sync()])]).to.deep.equal(['a=kept']);
  });

  it('loses or keeps a write that was not synced', () => {
    const events = [...aFile, write('old'), ...sync(), write('new')];

    expect([...outcomes(events)]).to.have.members(['a=old', 'a=new']);
    expect([...outcomes(events, 0)]).to.deep.equal(['a=old']);
    expect([...outcomes(events, 1)]).to.deep.equal(['a=new']);
  });

  it('does not count a sync that has not returned, or failed', () => {
    for (const last of [[], [end('1', FILE, false)]]) {
      const events = [...aFile, write('old'), ...sync(), write('new'), begin('1'), ...last];

      expect([...outcomes(events, 0)]).to.deep.equal(['a=old']);
    }
  });

  it('does not count a sync for what was written after it began', () => {
    const events = [...aFile, write('1'), begin('1'), write('2', 1), end('1')];

    expect([...outcomes(events, 0)]).to.deep.equal(['a=1']);
  });

  it('may lose an earlier write and keep a later one', () => {
    expect([...outcomes([...aFile, truncate(2), ...sync(), write('1'), write('2', 1)])]).to.have.members([
      'a=..',
      'a=1.',
      'a=.2',
      'a=12',
    ]);
  });

  it('tears a write at pages of 4096 bytes, and nowhere else', () => {
    const old = 'o'.repeat(3 * PAGE);
    const events = [...aFile, write(old), ...sync(), write('n'.repeat(2 * PAGE), 100)];

    const left = [...outcomes(events)];

    const pages = left.map((text) => {
      const content = text.slice('a='.length);
      return [content.slice(100, PAGE), content.slice(PAGE, 2 * PAGE), content.slice(2 * PAGE, 2 * PAGE + 100)];
    });
    for (const page of pages.flat()) expect(new Set(page).size).to.equal(1);
    expect(new Set(pages.map((each) => each.map((page) => page[0]).join(''))).size).to.equal(8);
  });

  it('may grow a file without the bytes, and not at all', () => {
    const left = outcomes([...aFile, write('x'.repeat(PAGE + 1))]);

    expect([...left]).to.include.members([
      'a=',
      `a=${'.'.repeat(PAGE + 1)}`,
      `a=${'x'.repeat(PAGE)}`,
      `a=${'.'.repeat(PAGE)}x`,
    ]);
  });

  it('may lose all of one file and nothing of another', () => {
    const other: DiskEvent = { type: 'write', inode: 4, offset: 0, bytes: Buffer.from('y'.repeat(9 * PAGE)) };
    const disk = aDisk([create('a'), create('b', 4), ...sync(ROOT), write('x'.repeat(9 * PAGE)), other]);
    const all = { a: Buffer.from('x'.repeat(9 * PAGE)), b: Buffer.from('y'.repeat(9 * PAGE)) };
    const left = SEEDS.map((seed) => disk.cut(seededRandom(seed)).files).map((files) =>
      (['a', 'b'] as const).map((name) => {
        const bytes = files.get(name)?.bytes ?? Buffer.alloc(0);
        return bytes.equals(all[name]) ? 'all' : bytes.length === 0 ? 'nothing' : 'some';
      }),
    );

    expect(left).to.deep.include.members([
      ['all', 'nothing'],
      ['nothing', 'all'],
    ]);
  });

  it('keeps of each file and folder as much as is said of its path', () => {
    const events = [mkdir('f'), ...sync(ROOT), create('f/a'), write('lost'), create('b', 4)];
    const disk = aDisk([...events, { type: 'write', inode: 4, offset: 0, bytes: Buffer.from('kept') }]);
    const random = seededRandom('');

    expect(show(disk.cut(random, (path) => (path === 'f/a' ? 0 : 1)))).to.equal('b=kept f/ f/a=');
    expect(show(disk.cut(random, (path) => (path === 'f' ? 0 : 1)))).to.equal('b=kept f/');
    expect(show(disk.cut(random, (path) => (path === '' ? 0 : 1)))).to.equal('f/ f/a=lost');
  });

  it('may forget that a file was cut', () => {
    expect([...outcomes([...aFile, write('long'), ...sync(), truncate(1)])]).to.have.members(['a=long', 'a=l']);
  });

  it('loses a synced file whose name was not', () => {
    const events = [create('a'), write('kept'), ...sync()];

    expect([...outcomes(events)]).to.have.members(['', 'a=kept']);
    expect([...outcomes(events, 0.5, { namesNeedFolderSync: false })]).to.deep.equal(['a=kept']);
  });

  it('loses a folder with all that is in it, though that was synced', () => {
    const events = [mkdir('f'), create('f/a'), write('kept'), ...sync(), ...sync(FOLDER)];

    expect([...outcomes(events)]).to.have.members(['', 'f/ f/a=kept']);
    expect([...outcomes([...events, ...sync(ROOT)])]).to.deep.equal(['f/ f/a=kept']);
  });

  it('keeps the changes of names in a folder up to one of them', () => {
    const events = [...aFile, rename('a', 'b'), create('c', 4), { type: 'unlink', path: 'b' } as const];

    expect([...outcomes(events)]).to.have.members(['a=', 'b=', 'b= c=', 'c=']);
  });

  it('gives two names one content', () => {
    const events = [...aFile, write('old'), ...sync(), { type: 'link', from: 'a', to: 'b' } as const, ...sync(ROOT)];

    expect([...outcomes([...events, write('new')])]).to.have.members(['a=old b=old', 'a=new b=new']);
  });

  it('replaces what has the new name of a rename', () => {
    const events = [...aFile, write('old'), ...sync(), create('b', 4), ...sync(ROOT), rename('b', 'a')];

    expect([...outcomes(events)]).to.have.members(['a=old b=', 'a=']);
  });

  it('takes a number that is used again for another file', () => {
    const gone: DiskEvent[] = [...aFile, write('old'), ...sync(), { type: 'unlink', path: 'a' }, ...sync(ROOT)];

    expect([...outcomes([...gone, create('a'), ...sync(ROOT)])]).to.deep.equal(['a=']);
  });

  it('says when an event was missed', () => {
    const disk = aDisk([]);

    expect(() => disk.apply(write('x'))).to.throw('nobody made inode 2');
    expect(() => disk.apply(create('f/a'))).to.throw('no folder above f/a');
    expect(() => disk.apply(end('1'))).to.throw('never begun');
    expect(() => disk.apply({ type: 'unlink', path: 'a' })).to.throw('nothing at a');
  });
});
