/**
 * What every hash algorithm must do, as a function: run on a plugin when it is loaded, and by the test suite on every
 * built-in implementation. It cannot prove a hash right, but it finds the mistakes that would make peers blame each
 * other: a wrong length, kept views, reused arrays, state between calls, streams that differ from whole digests.
 */
import type { HashAlgorithm, Hasher } from './hash-algorithm.js';

/** The names that may stand as keys of `piece hashes`. */
const NAME_PATTERN = /^[a-z0-9][a-z0-9-]{0,31}$/;
const MIN_DIGEST_LENGTH = 16;
const MAX_DIGEST_LENGTH = 64;
/** Around the inner blocks of known hashes (64, 128, 136, 1,024 bytes) and of our wire (16 KiB). */
const LENGTHS = [0, 1, 2, 63, 64, 65, 127, 128, 129, 135, 136, 137, 1023, 1024, 1025, 4099, 16_384, 16_385];
/** Steps that a stream is cut into, one after another. */
const CUTS = [1, 7, 64, 0, 129, 1000, 4096];

const CHECKS = [checkArrays, checkDigests, checkSensitivity, checkViews, checkStreams, checkParallelHashers];

/**
 * The rules that an algorithm breaks, in words for its author; empty when it may be used.
 * @param candidate any value; what is not even shaped like an algorithm is told so
 */
export function checkHashAlgorithm(candidate: unknown): string[] {
  const shape = checkShape(candidate);
  if (shape.length > 0) return shape;
  const algorithm = candidate as HashAlgorithm;
  try {
    // One group after the other: without right digests, what the later ones say is noise.
    for (const check of CHECKS) {
      const violations = check(algorithm);
      if (violations.length > 0) return violations;
    }
    return [];
  } catch (error) {
    // Whatever foreign code throws is a violation to report, so no code can be named here.
    return [`throws: ${error instanceof Error ? error.message : String(error)}`];
  }
}

function checkShape(candidate: unknown): string[] {
  if (typeof candidate !== 'object' || candidate === null) return ['is not an object'];
  const { name, digestLength, implementation, digest, createHasher } = candidate as Record<string, unknown>;
  const violations: string[] = [];
  if (typeof name !== 'string' || !NAME_PATTERN.test(name)) {
    violations.push(`name ${JSON.stringify(name)} does not match ${NAME_PATTERN.source}`);
  }
  if (!isDigestLength(digestLength)) {
    violations.push(
      `digestLength ${String(digestLength)} is not a whole number from ${MIN_DIGEST_LENGTH} to ${MAX_DIGEST_LENGTH}`,
    );
  }
  if (implementation !== undefined && typeof implementation !== 'string') {
    violations.push('implementation is not a string');
  }
  if (typeof digest !== 'function') violations.push('digest is not a function');
  if (typeof createHasher !== 'function') violations.push('createHasher is not a function');
  return violations;
}

function isDigestLength(value: unknown): boolean {
  return (
    typeof value === 'number' && Number.isInteger(value) && value >= MIN_DIGEST_LENGTH && value <= MAX_DIGEST_LENGTH
  );
}

function checkArrays(algorithm: HashAlgorithm): string[] {
  const violations: string[] = [];
  const first: unknown = algorithm.digest(pattern(100));
  if (!(first instanceof Uint8Array)) return ['digest does not return a Uint8Array'];
  if (first.length !== algorithm.digestLength) {
    return [`digest returns ${first.length} bytes, not digestLength ${algorithm.digestLength}`];
  }
  const copy = Uint8Array.from(first);
  if (first === algorithm.digest(pattern(100))) violations.push('digest returns the same array twice');
  algorithm.digest(pattern(101));
  if (!isEqual(first, copy)) violations.push('a later digest overwrites an earlier one');
  return violations;
}

function checkViews(algorithm: HashAlgorithm): string[] {
  const buffer = pattern(300);
  return isEqual(algorithm.digest(buffer.subarray(100, 200)), algorithm.digest(buffer.slice(100, 200)))
    ? []
    : ['the digest of a view differs from that of a copy: byteOffset is ignored'];
}

function checkDigests(algorithm: HashAlgorithm): string[] {
  const violations: string[] = [];
  const seen = new Map<string, number>();
  for (const length of LENGTHS) {
    const bytes = pattern(length);
    const digest = algorithm.digest(bytes);
    if (!isEqual(bytes, pattern(length))) violations.push(`digest changes its input of ${length} bytes`);
    if (!isEqual(digest, algorithm.digest(pattern(length)))) {
      violations.push(`two digests of the same ${length} bytes differ`);
    }
    const text = String(digest);
    const twin = seen.get(text);
    if (twin !== undefined) violations.push(`inputs of ${twin} and of ${length} bytes have the same digest`);
    seen.set(text, length);
  }
  return violations;
}

/** The first, a middle and the last byte must count. */
function checkSensitivity(algorithm: HashAlgorithm): string[] {
  const length = 4099;
  const original = algorithm.digest(pattern(length));
  return [0, 2048, length - 1]
    .filter((at) => {
      const changed = pattern(length);
      changed[at] = (changed[at] ?? 0) ^ 0x01;
      return isEqual(original, algorithm.digest(changed));
    })
    .map((at) => `the digest of ${length} bytes ignores byte ${at}`);
}

function checkStreams(algorithm: HashAlgorithm): string[] {
  const violations: string[] = [];
  for (const length of LENGTHS) {
    const bytes = pattern(length);
    const hasher = algorithm.createHasher();
    feed(hasher, bytes);
    const streamed: unknown = hasher.digest();
    if (!(streamed instanceof Uint8Array) || !isEqual(streamed, algorithm.digest(bytes))) {
      violations.push(`the streamed digest of ${length} bytes differs from the whole one`);
    }
  }
  return violations;
}

/** Feeds cuts of odd lengths through one scratch buffer that is overwritten after each: a kept view shows. */
function feed(hasher: Hasher, bytes: Uint8Array): void {
  let at = 0;
  for (let turn = 0; at < bytes.length; turn += 1) {
    const cut = bytes.slice(at, at + (CUTS[turn % CUTS.length] ?? 1));
    at += cut.length;
    hasher.update(cut);
    cut.fill(0xee);
  }
}

/** Streams of two pieces run side by side in one thread. */
function checkParallelHashers(algorithm: HashAlgorithm): string[] {
  const [one, other] = [algorithm.createHasher(), algorithm.createHasher()];
  one.update(pattern(50));
  other.update(pattern(70));
  one.update(pattern(100).subarray(50));
  const streamed = one.digest();
  other.digest();
  return isEqual(streamed, algorithm.digest(pattern(100))) ? [] : ['two hashers at the same time disturb each other'];
}

/** Bytes 0 to 250, repeating: the input of the official BLAKE3 test vectors. */
function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => index % 251);
}

function isEqual(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}
