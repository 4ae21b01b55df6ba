/** One thread of `hash.bench.ts`: hashes blocks for a while and tells how many bytes a second. */
import { performance } from 'node:perf_hooks';
import { parentPort, workerData } from 'node:worker_threads';
import { loadNativeBlake3, loadWasmBlake3 } from '../../src/hashing/blake3.js';
import type { HashAlgorithm } from '../../src/hashing/hash-algorithm.js';
import { sha1Algorithm, sha256Algorithm } from '../../src/hashing/sha.js';

export interface HashLoad {
  /** One of `HASHES`. */
  readonly hash: string;
  readonly blockBytes: number;
  readonly forMs: number;
}

/** Name → algorithm; undefined where it does not load. */
export const HASHES: Readonly<Record<string, () => HashAlgorithm | undefined>> = {
  'blake3, native': loadNativeBlake3,
  'blake3, WebAssembly': loadWasmBlake3,
  sha1: () => sha1Algorithm,
  sha256: () => sha256Algorithm,
};

/** @returns bytes a second; undefined when the algorithm does not load */
function hashFor({ hash, blockBytes, forMs }: HashLoad): number | undefined {
  const algorithm = HASHES[hash]?.();
  if (!algorithm) return undefined;
  const block = new Uint8Array(blockBytes).fill(0x5a);
  const digestUntil = (endMs: number): number => {
    let bytes = 0;
    for (; performance.now() < endMs; bytes += blockBytes) algorithm.digest(block);
    return bytes;
  };
  digestUntil(performance.now() + forMs / 4);
  const startMs = performance.now();
  const bytes = digestUntil(startMs + forMs);
  return (bytes * 1000) / (performance.now() - startMs);
}

parentPort?.postMessage(hashFor(workerData as HashLoad));
