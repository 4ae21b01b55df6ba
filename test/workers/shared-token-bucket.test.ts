import { expect } from 'chai';
import fc from 'fast-check';

import { SharedTokenBucket } from '../../src/workers/shared-token-bucket.js';

const BLOCK = 16_384;

/** The main thread's view and one worker's. */
function twoThreads(): { main: SharedTokenBucket; worker: SharedTokenBucket } {
  const memory = SharedTokenBucket.allocate();
  return { main: new SharedTokenBucket(memory), worker: new SharedTokenBucket(memory) };
}

/** Takes blocks whenever it may, for `durationMs` of refills every `stepMs`. @returns bytes taken */
function takeFor(rateBytesPerSec: number, durationMs: number, steps: Iterator<number>, block = BLOCK): number {
  const { main, worker } = twoThreads();
  main.refill(rateBytesPerSec, 0);
  let taken = 0;
  for (let nowMs = 0; nowMs < durationMs;) {
    const stepMs = steps.next().value as number;
    nowMs += stepMs;
    main.refill(rateBytesPerSec, stepMs);
    while (worker.take(block)) taken += block;
  }
  return taken;
}

function* every(stepMs: number): Generator<number> {
  for (;;) yield stepMs;
}

describe('SharedTokenBucket', () => {
  it('limits nothing until it is given a rate', () => {
    const { worker } = twoThreads();

    expect(worker.isLimited).to.equal(false);
    expect(worker.hasTokens).to.equal(true);
    expect(worker.take(1e12)).to.equal(true);
    worker.giveBack(5);
    expect(worker.take(1)).to.equal(true);
  });

  it('lets nothing through before the first refill is worth something', () => {
    const { main, worker } = twoThreads();
    main.refill(1_000_000, 0);

    expect(worker.isLimited).to.equal(true);
    expect(worker.hasTokens).to.equal(false);
    expect(worker.take(1)).to.equal(false);
  });

  it('lets one block run into debt, which is paid before the next', () => {
    const { main, worker } = twoThreads();
    main.refill(BLOCK, 1);
    expect(worker.take(BLOCK)).to.equal(true);

    main.refill(BLOCK, 900);
    expect(worker.take(1)).to.equal(false);
    main.refill(BLOCK, 100);

    expect(worker.take(1)).to.equal(true);
  });

  it('gives back what was not used', () => {
    const { main, worker } = twoThreads();
    main.refill(100_000, 100);
    worker.take(10_000);
    expect(worker.hasTokens).to.equal(false);

    worker.giveBack(10_000);

    expect(worker.take(1)).to.equal(true);
  });

  for (const rate of [100, 1000, 20_000, 1_000_000, 123_456_789]) {
    it(`is exact over a minute at ${rate} bytes a second`, () => {
      const expected = rate * 60;

      const block = Math.min(BLOCK, rate / 10);

      const taken = takeFor(rate, 60_000, every(25), block);

      expect(taken).to.be.within(expected * 0.999 - block, expected * 1.001 + 2 * block);
    });
  }

  it('is exact with a timer that comes late now and then', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 24, max: 400, noNaN: true }), { minLength: 1 }), (gaps) => {
        function* jitter(): Generator<number> {
          for (let at = 0; ; at += 1) yield gaps[at % gaps.length] ?? 25;
        }
        const expected = 500_000 * 60;

        const taken = takeFor(500_000, 60_000, jitter());

        expect(taken).to.be.within(expected * 0.99, expected * 1.02 + BLOCK);
      }),
    );
  });

  it('gathers little while nothing is sent', () => {
    const { main, worker } = twoThreads();
    for (let step = 0; step < 1000; step += 1) main.refill(1_000_000, 25);

    let taken = 0;
    while (worker.take(1000)) taken += 1000;

    expect(taken).to.be.within(100_000, 101_000);
  });

  it('bears a rate above what its cells hold', () => {
    const { main, worker } = twoThreads();

    for (let step = 0; step < 100; step += 1) {
      main.refill(1e12, 25);
      expect(worker.hasTokens).to.equal(true);
    }
    expect(worker.take(100_000_000)).to.equal(true);
    expect(worker.hasTokens).to.equal(true);
  });
});
