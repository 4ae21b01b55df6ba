import { expect } from 'chai';
import { CallPace } from '../../src/workers/call-pace.js';

describe('CallPace', () => {
  it('takes calls for fast until one waited for the disk', () => {
    const pace = new CallPace({ fastMs: 1, callsAfterSlow: 50 });

    pace.handleCall(0.01);
    expect(pace.isFast()).to.equal(true);

    pace.handleCall(8);
    expect(pace.isFast()).to.equal(false);
  });

  it('tries one of fifty calls of a slow disk, to notice when they come from memory again', () => {
    const pace = new CallPace({ fastMs: 1, callsAfterSlow: 50 });

    pace.handleCall(8);
    const tries = Array.from({ length: 50 }, () => pace.isFast());

    expect(tries).not.to.include(true);
    expect(pace.isFast()).to.equal(true);
  });
});
