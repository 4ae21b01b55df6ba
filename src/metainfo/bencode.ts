/**
 * Bencode (BEP 3, "bencoding"): reading with bounds, for .torrent files, tracker replies and extension handshakes, and
 * writing in the one canonical form. Nothing here trusts its input: whatever the bytes are, reading ends with a value
 * or a `MetainfoError`, within bounded time, memory and stack.
 */
import { InvariantError, MetainfoError } from '../errors.js';
import { BencodeDictionary, type BencodeValue } from './bencode-dictionary.js';

/** Containers that may lie within each other. Real torrents need 5; v2 file trees one more a folder. */
export const MAX_BENCODE_DEPTH = 64;
/** Bytes of one bencoded document; the limit of a .torrent and of metadata from peers. */
export const MAX_BENCODE_BYTES = 16_777_216;
/**
 * Values of one document, keys not counted. A value costs up to 250 bytes of memory while its text may be 2 bytes
 * long, so the size limit alone would let 16 MiB of `de` take gigabytes. A file of a torrent takes 5 values.
 */
export const MAX_BENCODE_VALUES = 1_000_000;

export interface BencodeLimits {
  /** Also refuse dictionaries whose keys are not in ascending order. Duplicate keys are always refused. */
  readonly strict?: boolean;
  readonly maxDepth?: number;
  readonly maxBytes?: number;
}

/**
 * The value that `bytes` hold. Byte strings are views into `bytes`, not copies.
 * @throws {P2P_BENCODE_INVALID} when it is malformed, past a limit, or bytes follow the value; `details.offset` says where
 */
export function decodeBencode(bytes: Uint8Array, limits: BencodeLimits = {}): BencodeValue {
  const { value, consumedBytes } = decodeBencodePrefix(bytes, limits);
  if (consumedBytes !== bytes.length) {
    throw invalid(`${bytes.length - consumedBytes} bytes follow the value`, consumedBytes);
  }
  return value;
}

/**
 * The value at the start of `bytes`, and how many bytes it took; the rest may be anything (BEP 9 puts raw metadata
 * behind a dictionary).
 * @throws {P2P_BENCODE_INVALID} as `decodeBencode`
 */
export function decodeBencodePrefix(
  bytes: Uint8Array,
  limits: BencodeLimits = {},
): { readonly value: BencodeValue; readonly consumedBytes: number } {
  const maxBytes = limits.maxBytes ?? MAX_BENCODE_BYTES;
  if (bytes.length > maxBytes) throw invalid(`${bytes.length} bytes exceed ${maxBytes}`, 0);
  const decoder = new Decoder(bytes, limits.strict ?? false, limits.maxDepth ?? MAX_BENCODE_DEPTH);
  const value = decoder.value(0);
  return { value, consumedBytes: decoder.offset };
}

declare const rawBencodeBrand: unique symbol;
/** Bytes that are bencoded already; made by `rawBencode`. */
export interface RawBencode {
  readonly [rawBencodeBrand]: true;
}

/** Puts `bytes` into a document as they are: the raw info dictionary. */
export function rawBencode(bytes: Uint8Array): RawBencode {
  return new EncodedBytes(bytes) as unknown as RawBencode;
}

/** A dictionary with any keys: a `Map`, or a `BencodeDictionary` that was read. */
export interface BencodeEntries {
  entries(): IterableIterator<[string, BencodeInput]>;
}

/**
 * What can be written. Text is written as UTF-8; dictionary keys are binary strings, one character a byte (ASCII keys
 * are themselves). Entries of an object whose value is undefined are left out.
 */
export type BencodeInput =
  | number
  | string
  | Uint8Array
  | RawBencode
  | readonly BencodeInput[]
  | BencodeEntries
  | { readonly [key: string]: BencodeInput | undefined };

/**
 * The canonical bencoding: keys ascending by bytes, no repeats.
 * @throws {P2P_INVARIANT} for what bencode cannot say: fractions, unsafe integers, keys with characters above 0xff
 */
export function encodeBencode(value: BencodeInput): Uint8Array {
  const encoder = new Encoder();
  encoder.write(value, 0);
  return encoder.finish();
}

/** Recursive descent; the stack is bound by `maxDepth`. */
class Decoder {
  readonly #bytes: Uint8Array;
  readonly #strict: boolean;
  readonly #maxDepth: number;
  /** Short keys that were read: a list of files has the same two ten thousand times. */
  readonly #keys: string[] = [];
  #at = 0;
  #values = 0;

  constructor(bytes: Uint8Array, strict: boolean, maxDepth: number) {
    this.#bytes = bytes;
    this.#strict = strict;
    this.#maxDepth = maxDepth;
  }

  get offset(): number {
    return this.#at;
  }

  /** @param depth containers around this value */
  value(depth: number): BencodeValue {
    this.#values += 1;
    if (this.#values > MAX_BENCODE_VALUES) throw invalid(`more than ${MAX_BENCODE_VALUES} values`, this.#at);
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw invalid('the input ends where a value must begin', this.#at);
    if (isDigit(byte)) return this.#byteString();
    if (byte === INTEGER) return this.#integer();
    if (byte !== LIST && byte !== DICTIONARY) {
      throw invalid(`byte 0x${byte.toString(16).padStart(2, '0')} cannot begin a value`, this.#at);
    }
    if (depth >= this.#maxDepth) throw invalid(`nested deeper than ${this.#maxDepth}`, this.#at);
    return byte === LIST ? this.#list(depth) : this.#dictionary(depth);
  }

  #integer(): number {
    const start = this.#at;
    this.#at += 1;
    const isNegative = this.#bytes[this.#at] === MINUS;
    if (isNegative) this.#at += 1;
    const magnitude = this.#digits(END, 'integer', start);
    if (isNegative && magnitude === 0) throw invalid('integer -0', start);
    return isNegative ? -magnitude : magnitude;
  }

  #byteString(): Uint8Array {
    const length = this.#passString();
    return viewOf(this.#bytes, this.#at - length, length);
  }

  #key(): string {
    const length = this.#passString();
    const start = this.#at - length;
    for (const key of this.#keys) if (key.length === length && isTextAt(key, this.#bytes, start)) return key;
    const key = toBinaryString(this.#bytes.subarray(start, this.#at));
    if (length <= SHORT_TEXT && this.#keys.length < MOST_KEYS_KEPT) this.#keys.push(key);
    return key;
  }

  /** @returns the length of the string that ends where the offset is now, in bytes */
  #passString(): number {
    const start = this.#at;
    const length = this.#digits(COLON, 'string length', start);
    const rest = this.#bytes.length - this.#at;
    if (length > rest) throw invalid(`a string of ${length} bytes, but ${rest} are left`, start);
    this.#at += length;
    return length;
  }

  /** Decimal digits up to and with the terminator: no sign, no leading zeros, a safe integer. */
  #digits(terminator: number, what: string, start: number): number {
    const first = this.#at;
    let number = 0;
    for (;;) {
      const byte = this.#bytes[this.#at];
      if (byte === undefined) throw invalid(`the input ends within the ${what}`, start);
      if (!isDigit(byte)) break;
      if (number === 0 && this.#at > first) throw invalid(`${what} with a leading zero`, start);
      number = number * 10 + (byte - ZERO);
      if (number > Number.MAX_SAFE_INTEGER) throw invalid(`${what} past 2^53`, start);
      this.#at += 1;
    }
    if (this.#at === first || this.#bytes[this.#at] !== terminator) {
      throw invalid(`${what} is not digits and '${String.fromCharCode(terminator)}'`, start);
    }
    this.#at += 1;
    return number;
  }

  #list(depth: number): BencodeValue[] {
    const list: BencodeValue[] = [];
    this.#at += 1;
    while (this.#bytes[this.#at] !== END) list.push(this.value(depth + 1));
    this.#at += 1;
    return list;
  }

  #dictionary(depth: number): BencodeDictionary {
    const start = this.#at;
    const entries = new Map<string, BencodeValue>();
    let lastKey: string | undefined;
    this.#at += 1;
    while (this.#bytes[this.#at] !== END) {
      const keyStart = this.#at;
      if (!isDigit(this.#bytes[keyStart] ?? 0)) throw invalid('a dictionary key must be a string', keyStart);
      const key = this.#key();
      if (entries.has(key)) throw invalid('a dictionary key stands twice', keyStart);
      if (this.#strict && lastKey !== undefined && key < lastKey) throw invalid('keys are not sorted', keyStart);
      lastKey = key;
      entries.set(key, this.value(depth + 1));
    }
    this.#at += 1;
    return new BencodeDictionary(entries, this.#bytes, start, this.#at);
  }
}

/** Writes into one buffer that grows; replies of a tracker are small and many. */
class Encoder {
  #out = new Uint8Array(FIRST_BUFFER_BYTES);
  #length = 0;

  /** @param depth containers around this value */
  write(value: BencodeInput, depth: number): void {
    if (typeof value === 'number') this.#integer(value);
    else if (typeof value === 'string') this.#text(value);
    else if (value instanceof Uint8Array) this.#byteString(value);
    else if (isRaw(value)) this.#append(bytesOf(value));
    else this.#container(value, depth);
  }

  finish(): Uint8Array {
    return this.#out.slice(0, this.#length);
  }

  #integer(value: number): void {
    if (!Number.isSafeInteger(value)) throw new InvariantError(`bencode cannot hold ${value}: no safe integer`);
    this.#binary(`i${value === 0 ? 0 : value}e`);
  }

  #text(text: string): void {
    if (isShortAscii(text)) this.#binary(`${text.length}:${text}`);
    else this.#byteString(UTF8.encode(text));
  }

  #byteString(bytes: Uint8Array): void {
    this.#binary(`${bytes.length}:`);
    this.#append(bytes);
  }

  #container(value: Exclude<BencodeInput, number | string | Uint8Array | RawBencode>, depth: number): void {
    if (depth >= MAX_BENCODE_DEPTH) throw new InvariantError(`bencode nested deeper than ${MAX_BENCODE_DEPTH}`);
    if (isList(value)) {
      this.#binary('l');
      for (const item of value) this.write(item, depth + 1);
    } else {
      this.#binary('d');
      for (const [key, item] of sortedEntries(value)) {
        this.#binary(`${key.length}:${key}`);
        this.write(item, depth + 1);
      }
    }
    this.#binary('e');
  }

  /** One byte a character. */
  #binary(text: string): void {
    this.#reserve(text.length);
    for (let at = 0; at < text.length; at += 1) {
      const code = text.charCodeAt(at);
      if (code > 0xff) throw new InvariantError(`dictionary key '${text}' is no binary string`);
      this.#out[this.#length + at] = code;
    }
    this.#length += text.length;
  }

  #append(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#out.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #reserve(extraBytes: number): void {
    const needed = this.#length + extraBytes;
    if (needed <= this.#out.length) return;
    const larger = new Uint8Array(Math.max(needed, 2 * this.#out.length));
    larger.set(this.#out);
    this.#out = larger;
  }
}

class EncodedBytes {
  readonly bytes: Uint8Array;
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
}

function isRaw(value: unknown): value is RawBencode {
  return value instanceof EncodedBytes;
}

function bytesOf(raw: RawBencode): Uint8Array {
  return (raw as unknown as EncodedBytes).bytes;
}

type ListInput = readonly BencodeInput[];
type DictionaryInput = BencodeEntries | PlainDictionary;
interface PlainDictionary {
  readonly [key: string]: BencodeInput | undefined;
}

function sortedEntries(value: DictionaryInput): [string, BencodeInput][] {
  const present: [string, BencodeInput][] = [];
  for (const [key, item] of hasEntries(value) ? value.entries() : Object.entries(value)) {
    if (item !== undefined) present.push([key, item]);
  }
  // Binary strings compare as their bytes do.
  return present.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}

function hasEntries(value: DictionaryInput): value is BencodeEntries {
  return typeof value.entries === 'function';
}

function isList(value: BencodeInput): value is ListInput {
  return Array.isArray(value);
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= ZERO + 9;
}

/** A plain Uint8Array even over a Buffer, so that consumers see one type. */
function viewOf(bytes: Uint8Array, start: number, length: number): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset + start, length);
}

/** One character a byte. Keys are short, so a loop beats a decoder; the chunks bound the argument list. */
function toBinaryString(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += KEY_CHUNK) {
    text += String.fromCharCode(...bytes.subarray(at, at + KEY_CHUNK));
  }
  return text;
}

/** @param text one character a byte */
function isTextAt(text: string, bytes: Uint8Array, start: number): boolean {
  for (let at = 0; at < text.length; at += 1) if (text.charCodeAt(at) !== bytes[start + at]) return false;
  return true;
}

function isShortAscii(text: string): boolean {
  if (text.length > SHORT_TEXT) return false;
  for (let at = 0; at < text.length; at += 1) if (text.charCodeAt(at) > 0x7f) return false;
  return true;
}

function invalid(problem: string, offset: number): MetainfoError {
  return new MetainfoError('P2P_BENCODE_INVALID', `bencode at byte ${offset}: ${problem}`, { offset });
}

const UTF8 = new TextEncoder();
const KEY_CHUNK = 4096;
const FIRST_BUFFER_BYTES = 256;
/** Characters up to which a loop beats a TextEncoder. */
const SHORT_TEXT = 64;
/** Each is compared with every key of the document. */
const MOST_KEYS_KEPT = 16;
const ZERO = 0x30;
const COLON = 0x3a;
const MINUS = 0x2d;
const INTEGER = 0x69;
const LIST = 0x6c;
const DICTIONARY = 0x64;
const END = 0x65;
