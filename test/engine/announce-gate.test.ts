import { expect } from 'chai';
import { setMaxListeners } from 'node:events';
import { AnnounceGate } from '../../src/engine/announce-gate.js';

const TRACKER = 'http://tracker.example/announce';

describe('AnnounceGate', () => {
  const never = new AbortController().signal;
  setMaxListeners(0, never);
  let started: number[];
  let ends: (() => void)[];

  beforeEach(() => {
    started = [];
    ends = [];
  });

  /** Work that notes its start and ends when told so. */
  const work = (number: number) => (): Promise<void> => {
    started.push(number);
    return new Promise((resolve) => ends.push(resolve));
  };

  const turn = (): Promise<void> => new Promise(setImmediate);

  it('lets eight go at a time, and the others in the order of asking', async () => {
    const gate = new AnnounceGate();
    const all = Array.from({ length: 10 }, (_, number) => gate.run(`${TRACKER}?${number}`, work(number), never, true));
    await turn();
    expect(started).to.deep.equal([0, 1, 2, 3, 4, 5, 6, 7]);

    ends[3]?.();
    await turn();
    expect(started).to.deep.equal([0, 1, 2, 3, 4, 5, 6, 7, 8]);

    for (let at = 0; at < 10; at += 1) {
      ends[at]?.();
      await turn();
    }
    await Promise.all(all);
    expect(started).to.have.length(10);
  });

  it('keeps nobody waiting for another tracker, nor for work that failed', async () => {
    const gate = new AnnounceGate();
    for (let number = 0; number < 20; number += 1) void gate.run(TRACKER, work(number), never);
    await gate.run('http://other.example/announce', () => Promise.resolve(void started.push(100)), never);
    expect(started).to.include(100);

    const failing = new AnnounceGate();
    const failed = Array.from({ length: 9 }, () => failing.run(TRACKER, () => Promise.reject(new Error('no')), never));
    expect((await Promise.allSettled(failed)).every(({ status }) => status === 'rejected')).to.equal(true);
    await failing.run(TRACKER, () => Promise.resolve(void started.push(200)), never);
    expect(started).to.include(200);
  });

  it('gives up who waits when it is told to, and passes the place on', async () => {
    const gate = new AnnounceGate();
    const abort = new AbortController();
    for (let number = 0; number < 8; number += 1) void gate.run(TRACKER, work(number), never, true);
    const given = gate.run(TRACKER, work(8), abort.signal);
    const patient = gate.run(TRACKER, work(9), never);

    abort.abort();
    await given;
    ends[0]?.();
    await turn();

    expect(started).to.deep.equal([0, 1, 2, 3, 4, 5, 6, 7, 9]);
    ends[8]?.();
    await patient;
  });
});
