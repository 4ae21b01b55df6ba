/** The suite that every hash algorithm passes, whoever wrote it. */
import { expect } from 'chai';
import fc from 'fast-check';

import { toHex } from '../../src/hashing/digests.js';
import type { HashAlgorithm } from '../../src/hashing/hash-algorithm.js';
import { checkHashAlgorithm } from '../../src/hashing/hash-compliance.js';

/** Input and the hex digest that a published source gives for it. */
export interface KnownAnswer {
  readonly input: Uint8Array;
  readonly digest: string;
  /** What the input is, for the name of the test. */
  readonly label: string;
}

/**
 * Makes a mocha suite for one implementation.
 * @param title name of the suite
 * @param load gives the algorithm; called once, when the suite starts
 * @param answers digests from a published source
 */
export function describeHashAlgorithm(
  title: string,
  load: () => HashAlgorithm | Promise<HashAlgorithm>,
  answers: readonly KnownAnswer[],
): void {
  describe(`${title} as a HashAlgorithm`, () => {
    let algorithm: HashAlgorithm;
    before(async () => {
      algorithm = await load();
    });

    it('breaks none of the rules that plugins are held to', () => {
      expect(checkHashAlgorithm(algorithm)).to.deep.equal([]);
    });

    for (const { input, digest, label } of answers) {
      it(`gives the published digest of ${label}, whole and streamed`, () => {
        const hasher = algorithm.createHasher();
        hasher.update(input.subarray(0, Math.floor(input.length / 3)));
        hasher.update(input.subarray(Math.floor(input.length / 3)));

        expect(toHex(algorithm.digest(input))).to.equal(digest);
        expect(toHex(hasher.digest())).to.equal(digest);
      });
    }

    it('streams any cuts of any bytes to the digest of the whole', () => {
      fc.assert(
        fc.property(fc.array(fc.uint8Array({ maxLength: 3000 }), { maxLength: 8 }), (cuts) => {
          const hasher = algorithm.createHasher();
          for (const cut of cuts) hasher.update(cut);

          expect(toHex(hasher.digest())).to.equal(toHex(algorithm.digest(Buffer.concat(cuts))));
        }),
        { numRuns: 50 },
      );
    });

    it('hashes several MiB, whole as streamed', () => {
      const bytes = new Uint8Array(3 * 1_048_576 + 17).map((_, index) => index % 253);
      const hasher = algorithm.createHasher();
      for (let at = 0; at < bytes.length; at += 16_384) hasher.update(bytes.subarray(at, at + 16_384));

      expect(toHex(hasher.digest())).to.equal(toHex(algorithm.digest(bytes)));
    });
  });
}
