import { expect } from 'chai';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { StateStore } from '../../src/engine/state-store.js';
import type { Metainfo } from '../../src/metainfo/metainfo.js';
import { openSqlite } from '../../src/database/sqlite.js';
import { Bitfield } from '../../src/protocol/bitfield.js';
import type { CopyFile } from '../../src/store/copy-store.js';
import { aMetainfo } from '../helpers/a-torrent.js';
import { expectError } from '../helpers/expect-error.js';

describe('StateStore', () => {
  const one = aMetainfo();
  const other = aMetainfo({ content: Buffer.alloc(1000, 1) });
  const rootPath = '/out/story.txt';
  let stateDir: string;
  let store: StateStore;
  let notes: string[];

  beforeEach(() => {
    stateDir = mkdtempSync(path.join(tmpdir(), 'p2p-state-'));
    notes = [];
    store = new StateStore(stateDir, (note) => notes.push(note));
  });
  afterEach(() => {
    store.close();
    rmSync(stateDir, { recursive: true, force: true });
  });

  function bits(...indices: readonly number[]): Bitfield {
    const bitfield = new Bitfield(one.layout.pieceCount);
    for (const index of indices) bitfield.set(index);
    return bitfield;
  }

  function open(
    metainfo: Metainfo,
    owned = bits(),
    isDurable = false,
    files: readonly CopyFile[] = [],
    chosen?: Bitfield,
  ): ReturnType<StateStore['openCopy']> {
    const metainfoBytes = Uint8Array.of(1);
    return store.openCopy({
      metainfo,
      rootPath,
      role: 'download',
      metainfoBytes,
      tiers: [],
      owned,
      isDurable,
      files,
      chosen,
    });
  }

  const ownedOf = (metainfo: Metainfo): number[][] => {
    const found = store.known(metainfo.infoHash, rootPath)?.ownership;
    return found ? [found.verified, found.durable].map((each) => [...each.indices()]) : [];
  };

  it('knows nothing of a copy that is new', () => {
    expect(store.known(one.infoHash, rootPath)).to.equal(undefined);
  });

  it('writes down what is found, and takes back what is lost', () => {
    open(one, bits(0, 1, 2), true);
    expect(ownedOf(one)).to.deep.equal([
      [0, 1, 2],
      [0, 1, 2],
    ]);

    open(one, bits(1, 4));

    expect(ownedOf(one)).to.deep.equal([[1, 4], [1]]);
  });

  it('does not believe what was lost when opening the copy breaks off in the middle', () => {
    const stamp = { fileIndex: 0, sizeBytes: 1000, mtimeNs: 1n, ctimeNs: 1n, inode: 1n };
    open(one, bits(0, 1, 2), true, [stamp]);
    const saboteur = openSqlite(store.databasePath, 1_000);
    saboteur.exec(`CREATE TRIGGER broken BEFORE INSERT ON piece_states BEGIN SELECT RAISE(ABORT, 'broken'); END`);
    saboteur.close();

    expect(() => open(one, bits(0, 1), true, [{ ...stamp, mtimeNs: 2n }])).to.throw('broken');

    expect(store.known(one.infoHash, rootPath)?.files.get(0), 'what piece 2 is believed by').to.deep.equal(stamp);
  });

  it('makes durable what was only verified, when it is flushed now', () => {
    open(one, bits(0, 1));
    expect(ownedOf(one)).to.deep.equal([[0, 1], []]);

    open(one, bits(0, 1), true);

    expect(ownedOf(one)).to.deep.equal([
      [0, 1],
      [0, 1],
    ]);
  });

  it('gives a part to the incomplete download that was at work last', async () => {
    const first = open(one);
    expect(store.isPartOfAnother(one.infoHash, rootPath)).to.equal(false);
    expect(store.isPartOfAnother(other.infoHash, rootPath)).to.equal(true);
    expect(store.isPartOfAnother(other.infoHash, '/out/else.txt')).to.equal(false);

    // The store counts in milliseconds.
    const startedMs = Date.now();
    while (Date.now() === startedMs) await new Promise(setImmediate);
    const second = open(other);
    expect(store.isPartOfAnother(other.infoHash, rootPath)).to.equal(false);
    expect(store.isPartOfAnother(one.infoHash, rootPath)).to.equal(true);

    store.setState(second, 'complete');
    expect(store.isPartOfAnother(one.infoHash, rootPath)).to.equal(false);
    store.setState(first, 'complete');
    expect(store.isPartOfAnother(other.infoHash, rootPath)).to.equal(false);
  });

  it('leaves a part to a complete download with a choice of files (an older one of that path took it)', async () => {
    open(other);
    const startedMs = Date.now();
    while (Date.now() === startedMs) await new Promise(setImmediate);
    const chosen = open(one, bits(), false, [], new Bitfield(1));
    store.setState(chosen, 'complete');

    expect(store.isPartOfAnother(one.infoHash, rootPath)).to.equal(false);
    expect(store.isPartOfAnother(other.infoHash, rootPath)).to.equal(true);
  });

  it('locks a copy and its part, both or none', () => {
    const target = { targetPath: rootPath, partPath: `${rootPath}.part` };
    const lock = store.lock(one.infoHash, target);

    expectError('P2P_COPY_IN_USE', () => store.lock(one.infoHash, target));
    const error = expectError('P2P_PART_OF_ANOTHER_TORRENT', () => store.lock(other.infoHash, target));
    expect(error.details).to.include({ pid: process.pid });
    expect(error.message).to.include(`process ${process.pid}`);

    lock.release();
    lock.release();
    store.lock(other.infoHash, target).release();
    store.lock(one.infoHash, target).release();
  });

  it('closes a copy with what is owed, and takes nothing of it afterwards', () => {
    const copy = open(one);
    copy.record({ verified: [3] });

    store.closeCopy(copy, 'stopped', { totals: { down: 10, up: 20 }, isFlushed: true });
    copy.record({ verified: [4] });

    expect(ownedOf(one)).to.deep.equal([[3], []]);
    expect(notes).to.deep.equal([]);
  });
});
