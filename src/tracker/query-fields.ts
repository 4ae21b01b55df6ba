/**
 * The fields of a query, `name=value&…`, read from its bytes: values are any bytes, percent-encoded, which URL parsers
 * would take for UTF-8. A tracker reads some ten fields for each announce, so nothing is made for one but what is asked
 * of it, and one object reads all queries. Copies made: of a value with escapes, once. Measured by:
 * `npm run bench tracker`. Thread: the tracker's only one.
 */

/** Goes through one query after another: `start`, then `next` until it is false. */
export class QueryFields {
  #query: Buffer = NOTHING;
  #end = 0;
  #nextStart = 0;
  #nameStart = 0;
  #nameEnd = 0;
  /** Where the value lies; the scratch when it has escapes. */
  #value: Buffer = NOTHING;
  #valueStart = 0;
  #valueEnd = 0;
  #scratch = Buffer.allocUnsafeSlow(256);
  #isMalformed = false;

  /** Begins a query: the bytes from `start` to `end`. */
  start(query: Buffer, start: number, end: number): void {
    this.#query = query;
    this.#nextStart = start;
    this.#end = end;
    this.#isMalformed = false;
  }

  /** Whether an escape was met that is none; then there is no next field. */
  get isMalformed(): boolean {
    return this.#isMalformed;
  }

  /** Goes to the next field. @returns false when there is none */
  next(): boolean {
    if (this.#isMalformed || this.#nextStart >= this.#end) return false;
    const [query, end] = [this.#query, this.#end];
    let at = this.#nextStart;
    this.#nameStart = at;
    while (at < end && query[at] !== EQUALS && query[at] !== AMPERSAND) at += 1;
    this.#nameEnd = at;
    if (at < end && query[at] === EQUALS) at += 1;
    this.#value = query;
    this.#valueStart = at;
    for (; at < end; at += 1) {
      const byte = query[at];
      if (byte === AMPERSAND) break;
      if (byte === PERCENT || byte === PLUS) {
        at = this.#unescape(at);
        if (at < 0) return false;
        this.#nextStart = at + 1;
        return true;
      }
    }
    this.#valueEnd = at;
    this.#nextStart = at + 1;
    return true;
  }

  get nameLength(): number {
    return this.#nameEnd - this.#nameStart;
  }

  /** @param name of `nameLength` bytes */
  isNamed(name: Uint8Array): boolean {
    for (let at = 0; at < name.length; at += 1) if (this.#query[this.#nameStart + at] !== name[at]) return false;
    return true;
  }

  get valueLength(): number {
    return this.#valueEnd - this.#valueStart;
  }

  isValue(value: Uint8Array): boolean {
    if (value.length !== this.valueLength) return false;
    for (let at = 0; at < value.length; at += 1) if (this.#value[this.#valueStart + at] !== value[at]) return false;
    return true;
  }

  /** The value, one character below 256 for each byte. */
  valueText(): string {
    return this.#value.toString('latin1', this.#valueStart, this.#valueEnd);
  }

  /** The value, in memory of its own. */
  valueBytes(): Uint8Array {
    const bytes = new Uint8Array(this.valueLength);
    for (let at = 0; at < bytes.length; at += 1) bytes[at] = this.#value[this.#valueStart + at] ?? 0;
    return bytes;
  }

  /** The value as a number: 1 to 30 digits alone; past 2^53 it is no more exact, which no field needs. */
  valueWhole(): number | undefined {
    if (this.valueLength === 0 || this.valueLength > MOST_DIGITS) return undefined;
    let number = 0;
    for (let at = this.#valueStart; at < this.#valueEnd; at += 1) {
      const digit = (this.#value[at] ?? 0) - ZERO;
      if (digit < 0 || digit > 9) return undefined;
      number = number * 10 + digit;
    }
    return number;
  }

  /**
   * Makes the value in the scratch: what stands for itself, then the rest from its first escape on.
   * @returns where the value ends in the query, or -1
   */
  #unescape(escapeAt: number): number {
    const [query, end] = [this.#query, this.#end];
    if (end - this.#valueStart > this.#scratch.length) this.#scratch = Buffer.allocUnsafeSlow(end - this.#valueStart);
    const bytes = this.#scratch;
    let length = 0;
    for (let at = this.#valueStart; at < escapeAt; at += 1, length += 1) bytes[length] = query[at] ?? 0;
    let at = escapeAt;
    for (; at < end; at += 1, length += 1) {
      let byte = query[at] ?? 0;
      if (byte === AMPERSAND) break;
      if (byte === PERCENT) {
        byte = at + 2 < end ? ((HEX[query[at + 1] ?? 0] ?? 0) << 4) | (HEX[query[at + 2] ?? 0] ?? 0) : -1;
        if (byte < 0) {
          this.#isMalformed = true;
          return -1;
        }
        at += 2;
      } else if (byte === PLUS) {
        byte = SPACE;
      }
      bytes[length] = byte;
    }
    this.#value = bytes;
    this.#valueStart = 0;
    this.#valueEnd = length;
    return at;
  }
}

/** What a hex digit stands for, by its byte; -1 for all else. */
const HEX = Int8Array.from({ length: 256 }, (_, byte) => {
  const digit = String.fromCharCode(byte);
  return /[0-9a-fA-F]/.test(digit) ? Number.parseInt(digit, 16) : -1;
});
const NOTHING = Buffer.alloc(0);
const MOST_DIGITS = 30;
const AMPERSAND = 0x26;
const EQUALS = 0x3d;
const PERCENT = 0x25;
const PLUS = 0x2b;
const SPACE = 0x20;
const ZERO = 0x30;
