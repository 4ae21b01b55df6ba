/** How fast a hash algorithm is on this machine, for `p2p hashes`. */
import type { HashAlgorithm } from './hash-algorithm.js';

const PIECE_BYTES = 1_048_576;

/**
 * Bytes a second of one thread, over pieces of 1 MiB; blocks this thread while it measures.
 * @param durationMs how long to measure; at least one piece is hashed
 */
export function measureHash(algorithm: HashAlgorithm, durationMs: number): number {
  const piece = new Uint8Array(PIECE_BYTES).fill(0x5a);
  // Once unmeasured: loads the implementation, and lets the engine see the call.
  algorithm.digest(piece);
  const startMs = performance.now();
  let hashedBytes = 0;
  let elapsedMs: number;
  do {
    algorithm.digest(piece);
    hashedBytes += PIECE_BYTES;
    elapsedMs = performance.now() - startMs;
  } while (elapsedMs < durationMs);
  return Math.round((hashedBytes / Math.max(elapsedMs, 0.001)) * 1000);
}
