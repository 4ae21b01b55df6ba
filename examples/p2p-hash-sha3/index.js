/**
 * SHA-3 (FIPS 202) for p2p. The default export of a hash plugin is an array of hash algorithms; each has a name, the
 * length of its digests in bytes, a function for whole pieces and one for streams. All of it runs synchronously, in
 * each of p2p's worker threads.
 */
import { createHash, hash } from 'node:crypto';

function sha3(name, digestLength) {
  return {
    name,
    digestLength,
    implementation: 'p2p-hash-sha3',
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

export default [sha3('sha3-256', 32), sha3('sha3-512', 64)];
