import { expect } from 'chai';
import { checkSeedLimits, reachedLimit } from '../../src/engine/seed-limits.js';
import { expectError } from '../helpers/expect-error.js';

describe('reachedLimit', () => {
  const figures = { sentBytes: 1_500, sizeBytes: 1_000, seedingMs: 60_000 };

  it('tells which limit is reached, and nothing before', () => {
    expect(reachedLimit({}, figures)).to.equal(undefined);
    expect(reachedLimit({ seedRatio: 1.5 }, figures)).to.equal('sent 1.5 times its size');
    expect(reachedLimit({ seedRatio: 1.51 }, figures)).to.equal(undefined);
    expect(reachedLimit({ seedTimeMs: 60_000 }, figures)).to.equal('seeded for 1m 0s');
    expect(reachedLimit({ seedTimeMs: 60_001, seedRatio: 2 }, figures)).to.equal(undefined);
    expect(reachedLimit({ seedTimeMs: 60_001, seedRatio: 0 }, figures)).to.include('sent 0');
  });

  it('takes no limit below 0', () => {
    for (const limits of [{ seedRatio: -1 }, { seedRatio: NaN }, { seedTimeMs: -1 }]) {
      expectError('P2P_OPTION_INVALID', () => checkSeedLimits(limits));
    }
  });
});
