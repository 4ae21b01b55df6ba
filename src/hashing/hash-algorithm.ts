/** The contract between p2p and a hash algorithm, built in or from a plugin package. */

/** A running computation over a stream of bytes. */
export interface Hasher {
  /** Takes the next bytes; the view is not kept. */
  update(bytes: Uint8Array): void;
  /** The digest of all bytes so far, `digestLength` long. The hasher may not be used after it. */
  digest(): Uint8Array;
}

/**
 * A hash algorithm that pieces can be verified with. Implementations keep no state between calls, are deterministic,
 * and run synchronously on the calling thread; they are loaded once in each worker thread.
 */
export interface HashAlgorithm {
  /** Lower-case name as it stands in `piece hashes` of a .torrent: `[a-z0-9][a-z0-9-]{0,31}`. */
  readonly name: string;
  /** Digest length in bytes, 16 to 64. */
  readonly digestLength: number;
  /** Which code computes it, for `p2p hashes`: `native`, `wasm`, `node:crypto`, a package name. */
  readonly implementation?: string;
  /** Digest of the whole of `bytes`; a new array each time. */
  digest(bytes: Uint8Array): Uint8Array;
  /** A new stream computation; equal to `digest` over the concatenation of its updates. */
  createHasher(): Hasher;
}
