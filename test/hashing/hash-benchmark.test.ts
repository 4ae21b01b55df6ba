import { expect } from 'chai';

import { measureHash } from '../../src/hashing/hash-benchmark.js';
import { sha1Algorithm } from '../../src/hashing/sha.js';

describe('measureHash', () => {
  it('gives bytes a second, also when there is time for one piece only', () => {
    expect(measureHash(sha1Algorithm, 0)).to.be.greaterThan(1_000_000);
  });
});
