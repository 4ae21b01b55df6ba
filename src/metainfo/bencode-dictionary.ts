/** What bencode is read into. */

/** A byte string is a Uint8Array; text is for the reader to decode. */
export type BencodeValue = number | Uint8Array | readonly BencodeValue[] | BencodeDictionary;

/**
 * A bencoded dictionary as it was read: keys are binary strings (one character a byte, so ASCII keys read as
 * themselves). The typed lookups give undefined both for an absent key and for a value of another type, which is what a
 * tolerant reader of tracker replies and handshakes wants; `get` tells them apart.
 */
export class BencodeDictionary {
  readonly #entries: ReadonlyMap<string, BencodeValue>;
  readonly #source: Uint8Array;
  readonly #start: number;
  readonly #end: number;

  /**
   * @param entries kept, not copied
   * @param source the document; this dictionary's bytes are those from `start` to before `end`
   */
  constructor(entries: ReadonlyMap<string, BencodeValue>, source: Uint8Array, start: number, end: number) {
    this.#entries = entries;
    this.#source = source;
    this.#start = start;
    this.#end = end;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The dictionary's own bytes as received, a view: what an info hash is computed over. */
  get rawBytes(): Uint8Array {
    return new Uint8Array(this.#source.buffer, this.#source.byteOffset + this.#start, this.#end - this.#start);
  }

  has(key: string): boolean {
    return this.#entries.has(key);
  }

  get(key: string): BencodeValue | undefined {
    return this.#entries.get(key);
  }

  /** In the order received. */
  entries(): IterableIterator<[string, BencodeValue]> {
    return this.#entries.entries();
  }

  integer(key: string): number | undefined {
    const value = this.#entries.get(key);
    return typeof value === 'number' ? value : undefined;
  }

  /** A byte string as a view into the document. */
  bytes(key: string): Uint8Array | undefined {
    const value = this.#entries.get(key);
    return value instanceof Uint8Array ? value : undefined;
  }

  /** A byte string as text: UTF-8, what is not valid becomes U+FFFD. For people to read, never for paths. */
  text(key: string): string | undefined {
    const value = this.bytes(key);
    return value && LENIENT_UTF8.decode(value);
  }

  list(key: string): readonly BencodeValue[] | undefined {
    const value = this.#entries.get(key);
    return Array.isArray(value) ? (value as readonly BencodeValue[]) : undefined;
  }

  dictionary(key: string): BencodeDictionary | undefined {
    const value = this.#entries.get(key);
    return value instanceof BencodeDictionary ? value : undefined;
  }
}

const LENIENT_UTF8 = new TextDecoder('utf-8', { ignoreBOM: true });
