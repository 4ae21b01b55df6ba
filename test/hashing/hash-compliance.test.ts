import { expect } from 'chai';

import type { HashAlgorithm } from '../../src/hashing/hash-algorithm.js';
import { checkHashAlgorithm } from '../../src/hashing/hash-compliance.js';
import { sha256Algorithm } from '../../src/hashing/sha.js';

/** SHA-256 under another name, with something wrong. */
function aHash(wrong: Partial<Record<keyof HashAlgorithm, unknown>> = {}): HashAlgorithm {
  return { ...sha256Algorithm, name: 'broken', ...wrong } as HashAlgorithm;
}

describe('checkHashAlgorithm', () => {
  it('finds nothing wrong with a right one', () => {
    expect(checkHashAlgorithm(aHash())).to.deep.equal([]);
  });

  const shapes: readonly (readonly [string, unknown, RegExp])[] = [
    ['null', null, /not an object/],
    ['a number', 7, /not an object/],
    ['upper case', aHash({ name: 'Broken' }), /name "Broken" does not match/],
    ['an empty name', aHash({ name: '' }), /name "" does not match/],
    ['33 letters', aHash({ name: 'a'.repeat(33) }), /does not match/],
    ['no name', aHash({ name: undefined }), /name undefined does not match/],
    ['digests of 15 bytes', aHash({ digestLength: 15 }), /digestLength 15 is not a whole number from 16 to 64/],
    ['digests of 65 bytes', aHash({ digestLength: 65 }), /digestLength 65/],
    ['digests of 16.5 bytes', aHash({ digestLength: 16.5 }), /digestLength 16.5/],
    ['no digest function', aHash({ digest: 'no' }), /digest is not a function/],
    ['no createHasher', aHash({ createHasher: undefined }), /createHasher is not a function/],
    ['an implementation that is no text', aHash({ implementation: 5 }), /implementation is not a string/],
  ];
  for (const [what, candidate, expected] of shapes) {
    it(`refuses ${what}`, () => {
      expect(checkHashAlgorithm(candidate).join()).to.match(expected);
    });
  }

  it('finds a wrong digest length', () => {
    expect(checkHashAlgorithm(aHash({ digestLength: 20 })).join()).to.match(/returns 32 bytes, not digestLength 20/);
  });

  it('finds digests that are no bytes', () => {
    expect(checkHashAlgorithm(aHash({ digest: () => 'abc' })).join()).to.match(/does not return a Uint8Array/);
  });

  it('finds one array given out again and again', () => {
    const out = new Uint8Array(32);
    const digest = (bytes: Uint8Array): Uint8Array => {
      out.set(sha256Algorithm.digest(bytes));
      return out;
    };

    expect(checkHashAlgorithm(aHash({ digest })).join()).to.match(/same array twice.*overwrites an earlier/);
  });

  it('finds chance', () => {
    let calls = 0;
    const digest = (): Uint8Array => new Uint8Array(32).fill((calls += 1));

    expect(checkHashAlgorithm(aHash({ digest })).join()).to.match(/two digests of the same/);
  });

  it('finds bytes that do not count', () => {
    const digest = (bytes: Uint8Array): Uint8Array =>
      sha256Algorithm.digest(bytes.map((byte, index) => (index === 2048 ? 0 : byte)));

    expect(checkHashAlgorithm(aHash({ digest })).join()).to.match(/ignores byte 2048/);
  });

  it('finds a stream that differs from the whole', () => {
    const createHasher = (): unknown => ({ update: () => undefined, digest: () => new Uint8Array(32) });

    expect(checkHashAlgorithm(aHash({ createHasher })).join()).to.match(/streamed digest of 1 bytes differs/);
  });

  it('finds a stream that keeps views', () => {
    const createHasher = (): unknown => {
      const kept: Uint8Array[] = [];
      return {
        update: (bytes: Uint8Array) => kept.push(bytes),
        digest: () => sha256Algorithm.digest(Buffer.concat(kept)),
      };
    };

    expect(checkHashAlgorithm(aHash({ createHasher })).join()).to.match(/streamed digest of \d+ bytes differs/);
  });

  it('finds hashers that share their state', () => {
    let shared = sha256Algorithm.createHasher();
    const createHasher = (): unknown => {
      const own = (shared = sha256Algorithm.createHasher());
      return {
        update: (bytes: Uint8Array) => {
          shared.update(bytes);
        },
        digest: () => own.digest(),
      };
    };

    expect(checkHashAlgorithm(aHash({ createHasher })).join()).to.match(/disturb each other/);
  });

  it('finds a view taken for its whole buffer', () => {
    const digest = (bytes: Uint8Array): Uint8Array => sha256Algorithm.digest(new Uint8Array(bytes.buffer));

    expect(checkHashAlgorithm(aHash({ digest })).join()).to.match(/byteOffset is ignored/);
  });

  it('finds an input that is written to', () => {
    const digest = (bytes: Uint8Array): Uint8Array => {
      const result = sha256Algorithm.digest(bytes);
      bytes.fill(0);
      return result;
    };

    expect(checkHashAlgorithm(aHash({ digest })).join()).to.match(/changes its input/);
  });

  it('reports what is thrown', () => {
    const digest = (): never => {
      throw new Error('no such luck');
    };

    expect(checkHashAlgorithm(aHash({ digest }))).to.deep.equal(['throws: no such luck']);
  });
});
