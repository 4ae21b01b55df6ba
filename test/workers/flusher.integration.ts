import { expect } from 'chai';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { CallPace } from '../../src/workers/call-pace.js';
import { Flusher } from '../../src/workers/flusher.js';

describe('Flusher', () => {
  let folder = '';
  let fd = 0;
  const calls: string[] = [];
  const original = { fdatasync: fs.fdatasync, fdatasyncSync: fs.fdatasyncSync };

  beforeEach(() => {
    calls.length = 0;
    folder = fs.mkdtempSync(path.join(tmpdir(), 'p2p-flusher-'));
    fd = fs.openSync(path.join(folder, 'file'), 'w');
    // The only way to see which way a flush takes.
    fs.fdatasync = ((of: number, done: fs.NoParamCallback) => {
      calls.push('pool');
      original.fdatasync(of, done);
    }) as typeof fs.fdatasync;
    fs.fdatasyncSync = (of: number): void => {
      calls.push('thread');
      original.fdatasyncSync(of);
    };
  });

  afterEach(() => {
    Object.assign(fs, original);
    fs.closeSync(fd);
    fs.rmSync(folder, { recursive: true });
  });

  it('flushes in the thread that asks while that takes no time', async () => {
    const flusher = new Flusher(new CallPace({ fastMs: 10_000, mostCallsAfterSlow: 8 }));

    for (let times = 0; times < 3; times += 1) await flusher.flush(fd);

    expect(calls).to.deep.equal(['thread', 'thread', 'thread']);
  });

  it('flushes in the pool after a flush that took its time', async () => {
    const flusher = new Flusher(new CallPace({ fastMs: 0, mostCallsAfterSlow: 8 }));

    for (let times = 0; times < 10; times += 1) await flusher.flush(fd);

    expect(calls).to.deep.equal(['thread', ...Array<string>(8).fill('pool'), 'thread']);
  });

  it('takes a flush that failed for slow when it was', () => {
    const flusher = new Flusher(new CallPace({ fastMs: 0, mostCallsAfterSlow: 8 }));

    expect(() => {
      flusher.flushNow(-1);
    }).to.throw();

    expect(flusher.isFast()).to.equal(false);
  });

  it('lets others have a turn, however many files there are', async () => {
    const flusher = new Flusher(new CallPace({ fastMs: 10_000, mostCallsAfterSlow: 8 }));
    const other = new Promise<string>((resolve) => setTimeout(resolve, 1, 'other'));
    const flushing = async (): Promise<string> => {
      const endMs = performance.now() + 100;
      while (performance.now() < endMs) await flusher.flush(fd);
      return 'flushing';
    };

    expect(await Promise.race([flushing(), other])).to.equal('other');
  });
});
