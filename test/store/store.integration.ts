import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';

import { expect } from 'chai';

import { StorageError } from '../../src/errors.js';
import { type CopyLock, lockCopy } from '../../src/store/copy-lock.js';
import { CopyStore } from '../../src/store/copy-store.js';
import { openStateDatabase } from '../../src/store/database.js';
import { takeLockFile } from '../../src/database/lock-file.js';
import { aTempDir, anInfoHash } from './store-fixtures.js';
import { storeProcess } from './store-process.js';

interface Line {
  readonly type: string;
  readonly code?: string;
  readonly notes?: readonly string[];
  readonly pieceIndex?: number;
  readonly details?: { readonly pid?: number };
}

/** A running `store-process`. */
class StoreProcess {
  readonly child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string>;
  readonly #exited: Promise<unknown>;

  constructor(...args: string[]) {
    this.child = spawn(process.execPath, [storeProcess, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#lines = createInterface(this.child.stdout)[Symbol.asyncIterator]();
    this.#exited = once(this.child, 'close');
  }

  /** Its next line; undefined when there are no more. */
  async next(): Promise<Line | undefined> {
    const { value, done } = await this.#lines.next();
    return done === true ? undefined : (JSON.parse(value) as Line);
  }

  go(): void {
    this.child.stdin.write('\n');
  }

  /** Whether it has that file open (Linux). */
  hasOpen(path: string): boolean {
    const folder = `/proc/${this.child.pid}/fd`;
    return readdirSync(folder).some((fd) => {
      try {
        return readlinkSync(join(folder, fd)) === path;
      } catch (error) {
        // Closed since it was listed.
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
        throw error;
      }
    });
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.#exited;
  }
}

describe('the store with several processes', () => {
  let dir: ReturnType<typeof aTempDir>;
  let processes: StoreProcess[];
  beforeEach(() => {
    dir = aTempDir();
    processes = [];
  });
  afterEach(async () => {
    await Promise.all(processes.map((one) => one.kill()));
    dir.remove();
  });

  function start(...args: string[]): StoreProcess {
    const one = new StoreProcess(...args);
    processes.push(one);
    return one;
  }

  /** Starts processes that wait for each other, and gives what each says at its end. */
  async function together(task: string, names: readonly string[], stateDir: string): Promise<(Line | undefined)[]> {
    const started = names.map((name) => start(task, stateDir, name));
    for (const one of started) expect(await one.next()).to.deep.equal({ type: 'ready' });
    for (const one of started) one.go();
    return Promise.all(started.map((one) => one.next()));
  }

  const names = ['a', 'b', 'c', 'd', 'e', 'f'];

  it('lets six processes begin at once on an empty folder', async () => {
    const stateDir = join(dir.path, 'state');

    expect(await together('open', names, stateDir)).to.deep.equal(names.map(() => ({ type: 'done', notes: [] })));
    const database = openStateDatabase(stateDir);
    const store = new CopyStore(database);
    expect(store.listCopies().map((copy) => store.ownership(copy.id).verified.count())).to.deep.equal([
      3, 3, 3, 3, 3, 3,
    ]);
    database.close();
  });

  it('lets six processes find a torn database at once, and sets it aside once', async () => {
    writeFileSync(join(dir.path, 'p2p.db'), 'nonsense'.repeat(1000));

    const ends = await together('open', names, dir.path);
    expect(ends.map((end) => end?.type)).to.deep.equal(names.map(() => 'done'));
    expect(ends.flatMap((end) => end?.notes ?? [])).to.have.length(1);
    expect(readdirSync(dir.path).filter((file) => file.includes('torn-'))).to.deep.equal(['p2p.db.torn-1']);
    const database = openStateDatabase(dir.path);
    expect(new CopyStore(database).listCopies()).to.have.length(6);
    database.close();
  });

  it('does not set aside the new database of another process that was quicker', async function () {
    // Only Linux tells what another process has open.
    if (process.platform !== 'linux') this.skip();
    const path = join(dir.path, 'p2p.db');
    writeFileSync(path, 'nonsense'.repeat(1000));
    const lock = takeLockFile(`${path}.replace-lock`);
    const slower = start('open', dir.path, 'slower');
    await slower.next();
    slower.go();
    while (!slower.hasOpen(`${path}.replace-lock`)) await setImmediate();
    rmSync(path);
    openStateDatabase(dir.path).close();
    lock?.release();

    expect(await slower.next()).to.deep.equal({ type: 'done', notes: [] });
  });

  it('keeps every commit of a process that is killed', async () => {
    const writer = start('write', dir.path);
    let last = -1;
    while (last < 50) last = (await writer.next())?.pieceIndex ?? Infinity;
    await writer.kill();

    const database = openStateDatabase(dir.path);
    const store = new CopyStore(database);
    const [copy] = store.listCopies();
    const verified = [...store.ownership(copy?.id ?? 0).verified.indices()];
    database.close();
    expect(verified.length).to.be.greaterThan(last);
    expect(verified).to.deep.equal(Array.from({ length: verified.length }, (_, index) => index));
    expect(copy?.stoppedCleanly).to.equal(false);
  });

  describe('lockCopy', () => {
    /** Takes the lock in this process, or gives the error. */
    function tryLock(rootPath = '/copy'): CopyLock | StorageError {
      try {
        return lockCopy(dir.path, anInfoHash(), rootPath);
      } catch (error) {
        expect(error).to.be.instanceOf(StorageError);
        return error as StorageError;
      }
    }

    async function startHolder(): Promise<StoreProcess> {
      const holder = start('lock', dir.path, '/copy');
      await holder.next();
      holder.go();
      expect(await holder.next()).to.deep.equal({ type: 'locked' });
      return holder;
    }

    it('gives a copy to one of six processes', async () => {
      const started = names.map(() => start('lock', dir.path, '/copy'));
      for (const one of started) await one.next();
      for (const one of started) one.go();
      const ends = await Promise.all(started.map((one) => one.next()));

      const winner = started[ends.findIndex((end) => end?.type === 'locked')];
      expect(ends.filter((end) => end?.type === 'locked')).to.have.length(1);
      expect(ends.filter((end) => end?.code === 'P2P_COPY_IN_USE')).to.have.length(5);
      expect(tryLock()).to.have.property('message').that.includes(`process ${winner?.child.pid}`);
    });

    it('names the process that holds it', async () => {
      const holder = await startHolder();

      const error = tryLock() as StorageError;
      expect(error.code).to.equal('P2P_COPY_IN_USE');
      expect(error.details['pid']).to.equal(holder.child.pid);
      expect(error.message).to.match(/^\/copy is being written by process \d+ already/);
    });

    it('is free as soon as its process was killed', async () => {
      const holder = await startHolder();
      await holder.kill();

      const lock = tryLock() as CopyLock;
      expect(lock).to.have.property('release');
      lock.release();
    });

    it('is free after release, which may be called twice', () => {
      const lock = tryLock() as CopyLock;
      expect(tryLock()).to.have.nested.property('details.pid', process.pid);
      lock.release();
      lock.release();

      const again = tryLock() as CopyLock;
      expect(again).to.have.property('release');
      lock.release();
      expect(tryLock()).to.have.property('code', 'P2P_COPY_IN_USE');
      again.release();
      expect(readdirSync(join(dir.path, 'locks')).every((file) => file.endsWith('.lock'))).to.equal(true);
    });

    it('belongs to one path of one torrent', () => {
      const locks = [tryLock('/copy'), tryLock('/other'), lockCopy(dir.path, anInfoHash('b'), '/copy')] as CopyLock[];

      for (const lock of locks) lock.release();
      expect(existsSync(join(dir.path, 'locks'))).to.equal(true);
      expect(readdirSync(join(dir.path, 'locks'))).to.have.length(3);
    });

    it('says what to do when the folder cannot be written', () => {
      writeFileSync(join(dir.path, 'locks'), '');

      expect(tryLock()).to.have.property('code', 'P2P_STATE_UNUSABLE');
    });
  });
});
