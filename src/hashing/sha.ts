/** SHA-1 and SHA-256 (FIPS 180) by node:crypto. */
import { createHash, hash } from 'node:crypto';

import type { HashAlgorithm } from './hash-algorithm.js';

/** SHA-1, the hash of BEP 3's `pieces` and info hash. Broken for signatures; here it names bytes for other clients. */
export const sha1Algorithm: HashAlgorithm = nodeHash('sha1', 20);

/** SHA-256. */
export const sha256Algorithm: HashAlgorithm = nodeHash('sha256', 32);

function nodeHash(name: string, digestLength: number): HashAlgorithm {
  return {
    name,
    digestLength,
    implementation: 'node:crypto',
    // One call without a Hash object: twice as fast for pieces of 128 bytes as createHash.
    digest: (bytes) => hash(name, bytes, 'buffer'),
    createHasher() {
      const running = createHash(name);
      return {
        update(bytes) {
          running.update(bytes);
        },
        digest: () => running.digest(),
      };
    },
  };
}
