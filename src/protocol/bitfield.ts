/**
 * A set of piece indices as it goes over the wire: the high bit of the first byte is piece 0 (BEP 3, bitfield).
 * May lie over a SharedArrayBuffer: single bits are set by one thread and read by the others.
 */
export class Bitfield {
  readonly length: number;
  readonly bytes: Uint8Array;

  /**
   * @param length number of pieces
   * @param bytes ceil(length / 8) bytes, kept and not copied; zeros when left out
   */
  constructor(length: number, bytes: Uint8Array = new Uint8Array(Math.ceil(length / 8))) {
    if (bytes.length !== Math.ceil(length / 8)) {
      throw new RangeError(`bitfield of ${bytes.length} bytes does not fit ${length} pieces`);
    }
    this.length = length;
    this.bytes = bytes;
  }

  /** All of `length` bits set, spare bits clear. */
  static full(length: number): Bitfield {
    const bits = new Bitfield(length);
    bits.fill();
    return bits;
  }

  /** A bitfield over shared memory, so that worker threads see what the main thread sets. */
  static shared(length: number): Bitfield {
    return new Bitfield(length, new Uint8Array(new SharedArrayBuffer(Math.ceil(length / 8))));
  }

  has(index: number): boolean {
    return ((this.bytes[index >>> 3] ?? 0) & (0x80 >>> (index & 7))) !== 0;
  }

  set(index: number): void {
    const at = index >>> 3;
    this.bytes[at] = (this.bytes[at] ?? 0) | (0x80 >>> (index & 7));
  }

  clear(index: number): void {
    const at = index >>> 3;
    this.bytes[at] = (this.bytes[at] ?? 0) & ~(0x80 >>> (index & 7));
  }

  fill(): void {
    this.bytes.fill(0xff);
    this.clearSpareBits();
  }

  clearSpareBits(): void {
    const spare = this.bytes.length * 8 - this.length;
    const last = this.bytes.length - 1;
    if (spare > 0) this.bytes[last] = (this.bytes[last] ?? 0) & (0xff << spare);
  }

  /** Whether a bit behind the last piece is set, which BEP 3 forbids. */
  hasSpareBits(): boolean {
    const spare = this.bytes.length * 8 - this.length;
    return spare > 0 && ((this.bytes[this.bytes.length - 1] ?? 0) & ~(0xff << spare) & 0xff) !== 0;
  }

  /** Number of set bits. */
  count(): number {
    let total = 0;
    for (const byte of this.bytes) total += BITS_IN_BYTE[byte] ?? 0;
    return total;
  }

  isFull(): boolean {
    return this.count() === this.length;
  }

  isEmpty(): boolean {
    return this.bytes.every((byte) => byte === 0);
  }

  /** A copy in ordinary memory. */
  clone(): Bitfield {
    return new Bitfield(this.length, Uint8Array.from(this.bytes));
  }

  /** The set indices, ascending. */
  *indices(): Generator<number> {
    for (const [at, byte] of this.bytes.entries()) {
      if (byte === 0) continue;
      for (let bit = 0; bit < 8; bit += 1) {
        if ((byte & (0x80 >>> bit)) !== 0) yield at * 8 + bit;
      }
    }
  }
}

const BITS_IN_BYTE = Uint8Array.from({ length: 256 }, (_, byte) => {
  let bits = 0;
  for (let rest = byte; rest > 0; rest >>>= 1) bits += rest & 1;
  return bits;
});
