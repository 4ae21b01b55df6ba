import { expect } from 'chai';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import type { P2pError } from '../../src/errors.js';
import { FileHandles } from '../../src/workers/file-handles.js';
import { Flusher } from '../../src/workers/flusher.js';
import type { TorrentFile } from '../../src/workers/worker-messages.js';
import { skipUnless } from '../helpers/external-tool.js';

const isLinux = process.platform === 'linux';

describe('FileHandles', () => {
  let folder = '';
  const all: FileHandles[] = [];

  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(tmpdir(), 'p2p-handles-'));
  });

  afterEach(async () => {
    for (const handles of all.splice(0)) await handles.close(new Set(namesUnder(folder)));
    fs.rmSync(folder, { recursive: true, force: true });
  });

  function aHandles(most: number, disk: 'slow' | 'fast' = 'slow'): FileHandles {
    const flusher = new Flusher({ isFast: () => disk === 'fast', handleCall: () => undefined });
    const handles = new FileHandles(most, flusher);
    all.push(handles);
    return handles;
  }

  function aFile(name: string, depth = 1, lengthBytes = 10): TorrentFile & { readonly path: string } {
    return { path: path.join(folder, name), lengthBytes, depth };
  }

  /** Holds a file open until `letGo`. */
  function use(
    handles: FileHandles,
    file: TorrentFile,
  ): { opened: Promise<number>; done: Promise<void>; letGo: () => void } {
    let letGo: () => void = () => undefined;
    let done: Promise<void> = Promise.resolve();
    const opened = new Promise<number>((resolve) => {
      done = handles.withFile(file, true, (fd) => {
        resolve(fd);
        return new Promise((end) => (letGo = end));
      });
    });
    return { opened, done, letGo: () => letGo() };
  }

  const touch = (handles: FileHandles, file: TorrentFile, writes = true): Promise<void> =>
    handles.withFile(file, writes, () => Promise.resolve());

  async function failure(work: Promise<unknown>): Promise<P2pError> {
    return work.then(
      () => {
        throw new Error('it did not fail');
      },
      (error: unknown) => error as P2pError,
    );
  }

  it('opens a file once, and keeps it open', async () => {
    const handles = aHandles(4);
    const fds: number[] = [];
    const note = (fd: number): Promise<void> => Promise.resolve(void fds.push(fd));

    await Promise.all([handles.withFile(aFile('a'), true, note), handles.withFile(aFile('a'), true, note)]);
    await handles.withFile(aFile('a'), false, note);

    expect(new Set(fds).size).to.equal(1);
    expect(handles.openCount).to.equal(1);
  });

  it('closes the file that was used longest ago', async () => {
    const handles = aHandles(2);
    for (const name of ['a', 'b', 'a', 'c']) await touch(handles, aFile(name));

    expect(handles.openCount).to.equal(2);
    expect(openUnder(folder)).to.deep.equal(isLinux ? ['a', 'c'] : []);
  });

  it('never closes a file that is in use, however many there are', async () => {
    const handles = aHandles(2);
    const uses = ['a', 'b', 'c', 'd'].map((name) => use(handles, aFile(name)));
    const fds = await Promise.all(uses.map(({ opened }) => opened));

    expect(new Set(fds).size).to.equal(4);
    for (const fd of fds) expect(fs.fstatSync(fd).size).to.equal(10);
    for (const { letGo } of uses) letGo();
    await Promise.all(uses.map(({ done }) => done));

    expect(handles.openCount).to.equal(2);
    expect(handles.busyCount).to.equal(0);
  });

  it('makes room by files that nobody uses', async () => {
    const handles = aHandles(1);
    const using = use(handles, aFile('a'));
    const fd = await using.opened;

    await touch(handles, aFile('b'));

    expect(fs.fstatSync(fd).size).to.equal(10);
    using.letGo();
    await using.done;
    expect(handles.openCount).to.equal(1);
  });

  it('waits for whoever uses a file before it closes it', async () => {
    const handles = aHandles(2);
    const file = aFile('a');
    const using = use(handles, file);
    const fd = await using.opened;

    let isClosed = false;
    const closing = handles.close(new Set([file.path])).finally(() => (isClosed = true));
    await new Promise((resolve) => setImmediate(resolve));
    expect(isClosed).to.equal(false);
    expect(fs.fstatSync(fd).size).to.equal(10);
    using.letGo();
    await Promise.all([using.done, closing]);

    expect(() => fs.fstatSync(fd)).to.throw('EBADF');
  });

  it('closes the files that are named and no others', async () => {
    const handles = aHandles(4);
    for (const name of ['a', 'b', 'c']) await touch(handles, aFile(name));

    await handles.close(new Set([aFile('a').path, aFile('c').path]));

    expect(handles.openCount).to.equal(1);
  });

  it('makes the folders of the torrent', async () => {
    await touch(aHandles(2), aFile('torrent/one/two/a', 4));

    expect(fs.statSync(path.join(folder, 'torrent/one/two/a')).size).to.equal(10);
  });

  it('makes no folder above the torrent', async () => {
    const error = await failure(touch(aHandles(2), aFile('gone/a', 1)));

    expect(error.code).to.equal('P2P_DISK_FAILED');
    expect(fs.existsSync(path.join(folder, 'gone'))).to.equal(false);
  });

  it('writes through no symbolic link, to a file or to a folder', async () => {
    const outside = path.join(folder, 'outside');
    fs.mkdirSync(outside);
    fs.writeFileSync(path.join(outside, 'precious'), 'kept');
    fs.symlinkSync(path.join(outside, 'precious'), path.join(folder, 'file-link'));
    fs.symlinkSync(path.join(outside, 'new'), path.join(folder, 'dangling'));
    fs.mkdirSync(path.join(folder, 'torrent'));
    fs.symlinkSync(outside, path.join(folder, 'torrent/folder-link'));
    const handles = aHandles(2);

    for (const file of [aFile('file-link'), aFile('dangling'), aFile('torrent/folder-link/a', 3)]) {
      expect((await failure(touch(handles, file))).code, file.path).to.equal('P2P_PATH_UNSAFE');
    }

    expect(fs.readdirSync(outside)).to.deep.equal(['precious']);
    expect(fs.readFileSync(path.join(outside, 'precious'), 'utf8')).to.equal('kept');
    expect(handles.openCount).to.equal(0);
  });

  it('refuses a named pipe, and does not wait for its other end', async function () {
    if (!isLinux) this.skip();
    const pipe = aFile('pipe');
    execFileSync('mkfifo', [pipe.path]);
    const handles = aHandles(4);

    for (const writes of [false, true]) {
      const error = await handles.withFile(pipe, writes, () => Promise.resolve()).catch((thrown: unknown) => thrown);
      expect((error as P2pError).code).to.equal('P2P_DISK_FAILED');
      expect((error as P2pError).message).to.include('not a regular file');
    }
  });

  it('refuses a file where a folder of the torrent should be', async () => {
    fs.writeFileSync(path.join(folder, 'torrent'), '');

    expect((await failure(touch(aHandles(2), aFile('torrent/a', 2)))).code).to.equal('P2P_PATH_UNSAFE');
  });

  it('allows symbolic links above the torrent, which are the user’s own', async () => {
    fs.mkdirSync(path.join(folder, 'real'));
    fs.symlinkSync(path.join(folder, 'real'), path.join(folder, 'link'));

    await touch(aHandles(2), aFile('link/torrent/a', 2));

    expect(fs.existsSync(path.join(folder, 'real/torrent/a'))).to.equal(true);
  });

  it('opens a file again after it failed, and loses none that is open', async () => {
    const handles = aHandles(2);
    const file = aFile('torrent/a', 2);
    fs.writeFileSync(path.join(folder, 'torrent'), '');
    const retry = async (): Promise<void> => {
      await failure(touch(handles, file));
      fs.rmSync(path.join(folder, 'torrent'), { force: true, recursive: false });
      await touch(handles, file);
    };

    await Promise.all([retry(), failure(touch(handles, file)), failure(touch(handles, file))]);
    await Promise.resolve();

    expect(handles.openCount).to.equal(1);
  });

  it('says that the disk refuses when a folder is read-only', async function () {
    skipUnless(this, process.getuid?.() !== 0, 'a user other than root');
    fs.chmodSync(folder, 0o555);

    const error = await failure(touch(aHandles(2), aFile('a')));
    fs.chmodSync(folder, 0o755);

    expect(error.code).to.equal('P2P_DISK_FAILED');
    expect(error.message).to.contain('no permission');
  });

  describe('flushing', () => {
    const flushed: string[] = [];
    const flushedFolders: string[] = [];
    const original = fs.fdatasync;
    const originalNow = fs.fdatasyncSync;
    let folderHandles: { sync: () => Promise<void> };
    let originalSync: () => Promise<void>;
    let failing = false;
    let failingNames = false;
    let held: (() => void)[] | undefined;

    beforeEach(() => {
      flushed.length = 0;
      flushedFolders.length = 0;
      failing = false;
      failingNames = false;
      held = undefined;
      // The only way to see what reaches the disk.
      fs.fdatasync = ((fd: number, done: (error: Error | null) => void) => {
        flushed.push(nameOf(fd));
        if (held) held.push(() => original(fd, done));
        else if (failing) done(Object.assign(new Error('broken'), { code: 'EIO' }));
        else original(fd, done);
      }) as typeof fs.fdatasync;
      fs.fdatasyncSync = (fd: number): void => {
        flushed.push(nameOf(fd));
        if (failing) throw Object.assign(new Error('broken'), { code: 'EIO' });
        originalNow(fd);
      };
      folderHandles.sync = async function (this: fs.promises.FileHandle) {
        flushedFolders.push(path.relative(folder, fs.readlinkSync(`/proc/self/fd/${this.fd}`)));
        if (failingNames) throw Object.assign(new Error('broken'), { code: 'EIO' });
        await originalSync.call(this);
      };
    });

    afterEach(() => {
      fs.fdatasync = original;
      fs.fdatasyncSync = originalNow;
      folderHandles.sync = originalSync;
    });

    before(async function () {
      skipUnless(this, isLinux, '/proc');
      const handle = await fs.promises.open('/', 'r');
      folderHandles = Object.getPrototypeOf(handle) as typeof folderHandles;
      originalSync = folderHandles.sync;
      await handle.close();
    });

    it('flushes the names of files with those of their folders, the output folder’s too, once', async () => {
      const handles = aHandles(1);
      const files = [aFile('torrent/one/a', 3), aFile('torrent/b', 2)];
      const paths = new Set(files.map((file) => file.path));
      for (const file of files) await touch(handles, file);

      await handles.sync(paths);
      for (const file of files) await touch(handles, file);
      await handles.sync(paths);

      expect(flushedFolders.sort()).to.deep.equal(['', 'torrent', 'torrent/one']);
    });

    it('flushes the names of files that are there already: who made them may have flushed none', async () => {
      const handles = aHandles(1);
      const file = aFile('a');
      fs.writeFileSync(file.path, 'by a run that was killed');
      await touch(handles, file);

      await handles.close(new Set([file.path]));

      expect(flushedFolders).to.deep.equal(['']);
    });

    it('flushes no names for files that are only read', async () => {
      const handles = aHandles(1);
      const file = aFile('a');
      fs.writeFileSync(file.path, 'only read');
      await touch(handles, file, false);

      await handles.close(new Set([file.path]));

      expect(flushedFolders).to.deep.equal([]);
    });

    it('flushes names again that could not be flushed, and those of files that are made anew', async () => {
      const handles = aHandles(1);
      const file = aFile('a');
      const paths = new Set([file.path]);
      await touch(handles, file);
      await handles.sync(paths);
      await handles.close(paths);
      await touch(handles, file);
      failingNames = true;
      expect((await failure(handles.sync(paths))).code).to.equal('P2P_DISK_FAILED');
      failingNames = false;

      await handles.sync(paths);
      await handles.sync(paths);

      expect(flushedFolders).to.deep.equal(['', '', '']);
    });

    it('flushes each file that was written, once', async () => {
      const handles = aHandles(4);
      const [a, b, c] = [aFile('a'), aFile('b'), aFile('c')];
      for (const file of [a, b]) await touch(handles, file);
      fs.writeFileSync(c.path, 'only read');
      await touch(handles, c, false);

      await handles.sync(new Set([a.path, c.path]));
      await handles.sync(new Set([a.path, b.path, c.path]));
      await handles.sync(new Set([a.path, b.path, c.path]));

      expect(flushed).to.deep.equal(['a', 'b']);
    });

    it('flushes again what was being written meanwhile', async () => {
      const handles = aHandles(4);
      const file = aFile('a');
      await touch(handles, file);
      const using = use(handles, file);
      await using.opened;
      await handles.sync(new Set([file.path]));
      using.letGo();
      await using.done;

      await handles.sync(new Set([file.path]));

      expect(flushed).to.deep.equal(['a', 'a']);
    });

    it('flushes files before they are closed to make room, where that takes no time, and not again', async () => {
      const handles = aHandles(1, 'fast');
      const files = [aFile('a'), aFile('b'), aFile('c')];
      for (const file of files) await touch(handles, file);
      expect(flushed).to.deep.equal(['a', 'b']);

      await handles.sync(new Set(files.map((file) => file.path)));

      expect(flushed).to.deep.equal(['a', 'b', 'c']);
    });

    it('tells at the next flush, once, that a file could not be flushed when it was closed to make room', async () => {
      const handles = aHandles(1, 'fast');
      const files = [aFile('a'), aFile('b')];
      const paths = new Set(files.map((file) => file.path));
      failing = true;
      for (const file of files) await touch(handles, file);
      failing = false;

      const error = await failure(handles.sync(paths));
      expect([error.code, error.message]).to.deep.equal([
        'P2P_DISK_FAILED',
        `cannot flush '${aFile('a').path}': broken`,
      ]);
      await handles.sync(paths);

      expect(flushed).to.deep.equal(['a', 'b', 'a']);
    });

    it('flushes files that were closed to make room at the next flush where that takes time, not before', async () => {
      const handles = aHandles(1);
      const files = [aFile('a'), aFile('b'), aFile('c')];
      for (const file of files) await touch(handles, file);
      expect(flushed).to.deep.equal([]);

      await handles.sync(new Set(files.map((file) => file.path)));

      expect([...flushed].sort()).to.deep.equal(['a', 'b', 'c']);
    });

    it('flushes what a dead thread may have written, where there is something', async () => {
      const handles = aHandles(4);
      const [there, absent] = [aFile('a'), aFile('b')];
      const paths = new Set([there.path, absent.path]);
      fs.writeFileSync(there.path, 'by somebody else');
      handles.distrust([there, absent]);

      await handles.sync(paths);
      await handles.sync(paths);

      expect(flushed).to.deep.equal(['a']);
      expect(flushedFolders).to.deep.equal(['']);
    });

    it('flushes on closing what was written', async () => {
      const handles = aHandles(1);
      const files = [aFile('a'), aFile('b')];
      for (const file of files) await touch(handles, file);

      await handles.close(new Set(files.map((file) => file.path)));

      expect([...flushed].sort()).to.deep.equal(['a', 'b']);
      expect(handles.openCount).to.equal(0);
    });

    it('flushes several files at a time on closing, when no piece waits to be written', async () => {
      const handles = aHandles(8);
      const files = Array.from({ length: 8 }, (_, index) => aFile(`file-${index}`));
      for (const file of files) await touch(handles, file);
      held = [];

      const closing = handles.close(new Set(files.map((file) => file.path)));
      const together = held.length;
      for (const release of held.splice(0)) release();
      held = undefined;
      await closing;

      expect(together).to.equal(6);
      expect(flushed).to.have.length(8);
    });

    it('is not over while a file that is being closed is flushed', async () => {
      const handles = aHandles(4);
      const file = aFile('a');
      await touch(handles, file);
      const waiting: (() => void)[] = [];
      held = waiting;

      let isOver = false;
      const closing = handles.close(new Set([file.path]));
      while (waiting.length === 0) await new Promise((resolve) => setImmediate(resolve));
      const syncing = handles.sync(new Set([file.path])).finally(() => (isOver = true));
      for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      expect(isOver).to.equal(false);
      for (const go of waiting) go();

      await Promise.all([closing, syncing]);
      expect(flushed).to.deep.equal(['a']);
    });

    it('flushes again what could not be flushed', async () => {
      const handles = aHandles(1);
      const file = aFile('a');
      await touch(handles, file);
      failing = true;
      await failure(handles.sync(new Set([file.path])));

      failing = false;
      await handles.sync(new Set([file.path]));
      await handles.sync(new Set([file.path]));

      expect(flushed).to.deep.equal(['a', 'a']);
    });

    it('does not forget a flush that failed, and closes all files nevertheless', async () => {
      const handles = aHandles(1);
      const files = [aFile('a'), aFile('b')];
      const paths = new Set(files.map((file) => file.path));
      for (const file of files) await touch(handles, file);

      failing = true;
      expect((await failure(handles.sync(paths))).code).to.equal('P2P_DISK_FAILED');
      expect((await failure(handles.sync(paths))).code).to.equal('P2P_DISK_FAILED');
      expect((await failure(handles.close(paths))).code).to.equal('P2P_DISK_FAILED');

      expect(handles.openCount).to.equal(0);
      expect(openUnder(folder)).to.deep.equal([]);
      failing = false;
    });
  });

  function nameOf(fd: number): string {
    return path.basename(fs.readlinkSync(`/proc/self/fd/${fd}`));
  }
});

function namesUnder(folder: string): string[] {
  return fs.readdirSync(folder, { recursive: true }).map((name) => path.join(folder, String(name)));
}

/** Files below a folder that this process holds open; Linux alone tells. */
function openUnder(folder: string): string[] {
  if (!isLinux) return [];
  return fs
    .readdirSync('/proc/self/fd')
    .flatMap((fd) => {
      try {
        return fs.readlinkSync(`/proc/self/fd/${fd}`);
      } catch {
        return [];
      }
    })
    .filter((name) => name.startsWith(folder))
    .map((name) => path.basename(name))
    .sort();
}
