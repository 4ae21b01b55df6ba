/** Single digests for those who need one now and then: info hashes, cache keys. Pieces go through `PieceVerifier`. */
import { blake3Algorithm } from './blake3.js';
import { sha1Algorithm } from './sha.js';

/** SHA-1 of `bytes`: 20 bytes. */
export function sha1(bytes: Uint8Array): Uint8Array {
  return sha1Algorithm.digest(bytes);
}

/** BLAKE3 of `bytes`: 32 bytes. */
export function blake3(bytes: Uint8Array): Uint8Array {
  return blake3Algorithm.digest(bytes);
}

/** Lower-case hex of `bytes`. */
export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}
