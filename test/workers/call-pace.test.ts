import { expect } from 'chai';
import { CallPace } from '../../src/workers/call-pace.js';

describe('CallPace', () => {
  function aPace(): CallPace {
    return new CallPace({ fastMs: 1, mostCallsAfterSlow: 32 });
  }

  /** How many calls go the other way before one is tried. */
  function countSlow(pace: CallPace): number {
    let count = 0;
    while (!pace.isFast()) count += 1;
    return count;
  }

  it('takes calls for fast until one waited for the disk', () => {
    const pace = aPace();

    pace.handleCall(0.01);
    expect(pace.isFast()).to.equal(true);

    pace.handleCall(8);
    expect(pace.isFast()).to.equal(false);
  });

  it('tries a call ever more rarely while the disk is slow', () => {
    const pace = aPace();

    const counts = Array.from({ length: 5 }, () => {
      pace.handleCall(8);
      return countSlow(pace);
    });

    expect(counts).to.deep.equal([8, 16, 32, 32, 32]);
  });

  it('takes calls for fast again when one that was tried is', () => {
    const pace = aPace();
    for (let times = 0; times < 4; times += 1) pace.handleCall(8);
    countSlow(pace);

    pace.handleCall(0.01);
    expect(countSlow(pace)).to.equal(0);

    pace.handleCall(8);
    expect(countSlow(pace)).to.equal(8);
  });
});
