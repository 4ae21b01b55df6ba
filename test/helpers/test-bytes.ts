/** Content that is the same at every run: bytes of a small seeded generator (xorshift32). */

/** `length` bytes that do not repeat within any test. */
export function testBytes(length: number, seed: number): Buffer {
  const bytes = Buffer.alloc(Math.ceil(length / 4) * 4);
  let state = (seed * 2_654_435_761 + 1) >>> 0 || 1;
  for (let at = 0; at < bytes.length; at += 4) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes.writeInt32LE(state | 0, at);
  }
  return bytes.subarray(0, length);
}
