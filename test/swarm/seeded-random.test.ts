import { expect } from 'chai';
import { seededRandom } from '../../src/swarm/seeded-random.js';

describe('seededRandom', () => {
  it('gives the same sequence for the same seed, another for a neighbour', () => {
    expect(take(5, 1)).to.deep.equal(take(5, '1'));
    expect(take(5, 1)).to.not.deep.equal(take(5, 2));
  });

  it('spreads evenly over [0, 1)', () => {
    const tenths = new Uint32Array(10);

    for (const value of take(10_000, 'even'))
      tenths[Math.floor(value * 10)] = (tenths[Math.floor(value * 10)] ?? 0) + 1;

    for (const count of tenths) expect(count).to.be.within(850, 1_150);
  });

  it('differs between neighbouring seeds from the first number on', () => {
    const firsts = Array.from({ length: 1_000 }, (_, seed) => take(1, seed)[0]);

    expect(new Set(firsts).size).to.equal(1_000);
  });
});

function take(count: number, seed: number | string): number[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => random());
}
