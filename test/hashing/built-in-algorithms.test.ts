/** Every built-in implementation under the compliance suite, with published digests. */
import { blake3Algorithm, loadNativeBlake3, loadWasmBlake3 } from '../../src/hashing/blake3.js';
import { sha1Algorithm, sha256Algorithm } from '../../src/hashing/sha.js';
import { type KnownAnswer, describeHashAlgorithm } from '../compliance/hash-algorithm.js';
import { BLAKE3_VECTORS } from './blake3-vectors.js';

const blake3Answers: KnownAnswer[] = BLAKE3_VECTORS.map(([lengthBytes, digest]) => ({
  input: Uint8Array.from({ length: lengthBytes }, (_, index) => index % 251),
  digest,
  label: `${lengthBytes} bytes`,
}));

describeHashAlgorithm('blake3, the one in use', () => blake3Algorithm, blake3Answers);
describeHashAlgorithm('blake3 by WebAssembly', loadWasmBlake3, blake3Answers);
if (loadNativeBlake3()) {
  describeHashAlgorithm('blake3 by native code', () => loadNativeBlake3() ?? blake3Algorithm, blake3Answers);
}

// The messages of the examples in FIPS 180, and the empty one.
const twoBlocks = 'abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq';
const million = new Uint8Array(1_000_000).fill(0x61);

describeHashAlgorithm('sha1', () => sha1Algorithm, [
  answer('', 'da39a3ee5e6b4b0d3255bfef95601890afd80709'),
  answer('abc', 'a9993e364706816aba3e25717850c26c9cd0d89d'),
  answer(twoBlocks, '84983e441c3bd26ebaae4aa1f95129e5e54670f1'),
  { input: million, digest: '34aa973cd4c4daa4f61eeb2bdbad27316534016f', label: "a million times 'a'" },
]);

describeHashAlgorithm('sha256', () => sha256Algorithm, [
  answer('', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'),
  answer('abc', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'),
  answer(twoBlocks, '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1'),
  {
    input: million,
    digest: 'cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0',
    label: "a million times 'a'",
  },
]);

function answer(text: string, digest: string): KnownAnswer {
  return { input: new TextEncoder().encode(text), digest, label: `'${text}'` };
}
