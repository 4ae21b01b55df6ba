import { expect } from 'chai';
import { RateMeter } from '../../src/swarm/rate-meter.js';

describe('RateMeter', () => {
  it('is 0 before anything came', () => {
    expect(new RateMeter().bytesPerSec(5_000)).to.equal(0);
  });

  it('tells a steady rate from the first second on', () => {
    const meter = new RateMeter();

    for (let nowMs = 1_000; nowMs <= 2_000; nowMs += 10) meter.add(1_000, nowMs);

    expect(meter.bytesPerSec(2_000)).to.be.within(95_000, 105_000);
  });

  it('follows a change of rate within a few seconds', () => {
    const meter = new RateMeter();
    for (let nowMs = 0; nowMs <= 10_000; nowMs += 10) meter.add(1_000, nowMs);

    for (let nowMs = 10_010; nowMs <= 18_000; nowMs += 10) meter.add(100, nowMs);

    expect(meter.bytesPerSec(18_000)).to.be.within(9_500, 12_000);
  });

  it('fades to nothing when nothing comes', () => {
    const meter = new RateMeter();
    meter.add(1_000_000, 0);

    expect(meter.bytesPerSec(30_000)).to.be.lessThan(1);
  });

  it('does not take one early chunk for an enormous rate', () => {
    const meter = new RateMeter();

    meter.add(262_144, 1_000);

    expect(meter.bytesPerSec(1_000)).to.be.lessThan(2_700_000);
  });
});
