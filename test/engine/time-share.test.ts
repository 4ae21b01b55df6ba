import { expect } from 'chai';

import { TimeShare } from '../../src/engine/time-share.js';

describe('TimeShare', () => {
  it('lets work that takes 10 ms run every 200 ms', () => {
    let nowMs = 0;
    const share = new TimeShare(() => nowMs);
    const startsMs: number[] = [];

    for (; nowMs < 1_000; nowMs += 5) {
      share.run(() => {
        startsMs.push(nowMs);
        nowMs += 10;
      });
    }

    expect(startsMs).to.deep.equal([0, 200, 400, 600, 800]);
  });

  it('lets work that takes no time run each time', () => {
    const share = new TimeShare(() => 7);
    let runs = 0;

    for (let at = 0; at < 3; at += 1) share.run(() => (runs += 1));

    expect(runs).to.equal(3);
  });
});
