import { expect } from 'chai';
import { fairShareBytes, supplyTarget, type SupplyView } from '../../src/swarm/supply-target.js';

const MIB = 1_048_576;

describe('supplyTarget', () => {
  it('begins with 256 KiB, and doubles with what came', () => {
    expect(supplyTarget(aLink(), MIB, Infinity, 0)).to.equal(262_144);
    expect(supplyTarget(aLink({ startMs: 0, doneBytes: 4 * MIB }), MIB, Infinity, 100)).to.equal(8 * MIB);
  });

  it('covers the way of a fast link, and at most 64 MiB', () => {
    const lan = aLink({ startMs: 0, downBytesPerSec: 100 * MIB, roundTripMs: 1 });
    const absurd = aLink({ startMs: 0, downBytesPerSec: 10_000 * MIB, roundTripMs: 100 });

    expect(supplyTarget(lan, 65_536, Infinity, 5_000)).to.be.within(15 * MIB, 17 * MIB);
    expect(supplyTarget(absurd, 65_536, Infinity, 5_000)).to.equal(64 * MIB);
  });

  it('keeps a slow link from a second long piece', () => {
    const slow = aLink({ startMs: 0, downBytesPerSec: 200_000, roundTripMs: 80 });

    expect(supplyTarget(slow, 16 * MIB, Infinity, 5_000)).to.be.lessThan(262_144);
  });

  it('does not take a queue for a way', () => {
    const queued = aLink({ startMs: 0, downBytesPerSec: 200_000, roundTripMs: 60_000 });

    expect(supplyTarget(queued, 65_536, Infinity, 5_000)).to.be.lessThan(300_000);
  });

  it('shares what is left near the end', () => {
    const fast = aLink({ startMs: 0, downBytesPerSec: 100 * MIB, roundTripMs: 1 });

    expect(supplyTarget(fast, 65_536, MIB, 5_000)).to.equal(MIB);
    expect(supplyTarget(fast, 128, 10, 5_000)).to.equal(2_048);
  });

  it('gives a link alone all that it wants, and one of three a sixth of what is left', () => {
    expect(fairShareBytes(60_000, 1)).to.equal(Infinity);
    expect(fairShareBytes(60_000, 3)).to.equal(10_000);
  });
});

function aLink(link: Partial<SupplyView> = {}): SupplyView {
  return { downBytesPerSec: 0, roundTripMs: 0, doneBytes: 0, startMs: undefined, ...link };
}
