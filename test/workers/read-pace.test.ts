import { expect } from 'chai';
import { ReadPace } from '../../src/workers/read-pace.js';

describe('ReadPace', () => {
  it('takes reads for fast until one waited for the disk', () => {
    const pace = new ReadPace();

    pace.handleRead(0.01);
    expect(pace.isFast()).to.equal(true);

    pace.handleRead(8);
    expect(pace.isFast()).to.equal(false);
  });

  it('tries one of fifty reads of a slow disk, to notice when it comes from memory again', () => {
    const pace = new ReadPace();

    pace.handleRead(8);
    const tries = Array.from({ length: 50 }, () => pace.isFast());

    expect(tries).not.to.include(true);
    expect(pace.isFast()).to.equal(true);
  });
});
