/**
 * Bencode in the plainest way (BEP 3), independent of the code under test: for torrents that `create` would never make,
 * and for reading those that it does.
 */

/** A value to encode: text is UTF-8, the keys of a dictionary are sorted. */
export type BencodeInput =
  | number
  | string
  | Uint8Array
  | readonly BencodeInput[]
  | ReadonlyMap<string, BencodeInput>
  | { readonly [key: string]: BencodeInput };

/** A decoded value: byte strings stay bytes. */
export type BencodeOutput = number | Buffer | BencodeOutput[] | Map<string, BencodeOutput>;

export function bencode(value: BencodeInput): Buffer {
  if (typeof value === 'number') return Buffer.from(`i${value}e`);
  if (typeof value === 'string') return bencode(Buffer.from(value));
  if (value instanceof Uint8Array) return Buffer.concat([Buffer.from(`${value.length}:`), value]);
  if (Array.isArray(value)) {
    const items = value as readonly BencodeInput[];
    return Buffer.concat([Buffer.from('l'), ...items.map(bencode), Buffer.from('e')]);
  }
  const pairs = value instanceof Map ? [...(value as ReadonlyMap<string, BencodeInput>)] : Object.entries(value);
  const entries = pairs.map(([key, item]) => ({ key: Buffer.from(key), item }));
  entries.sort((a, b) => Buffer.compare(a.key, b.key));
  const parts = entries.flatMap(({ key, item }) => [bencode(key), bencode(item)]);
  return Buffer.concat([Buffer.from('d'), ...parts, Buffer.from('e')]);
}

/**
 * The value under a path of dictionary keys.
 * @throws when one of them is not there
 */
export function member(value: BencodeOutput, ...keys: readonly string[]): BencodeOutput {
  let inner: BencodeOutput | undefined = value;
  for (const key of keys) inner = inner instanceof Map ? inner.get(key) : undefined;
  if (inner === undefined) throw new Error(`no ${keys.join('.')}`);
  return inner;
}

/** The one value that `bytes` hold. Throws when they hold none. */
export function bdecode(bytes: Buffer): BencodeOutput {
  let at = 0;
  const take = (): BencodeOutput => {
    const kind = String.fromCharCode(bytes[at] ?? 0);
    if (kind === 'i') {
      const end = bytes.indexOf('e', at);
      const value = Number(bytes.toString('latin1', at + 1, end));
      at = end + 1;
      return value;
    }
    if (kind === 'l') return takeUntilEnd();
    if (kind === 'd') {
      const items = takeUntilEnd();
      const dictionary = new Map<string, BencodeOutput>();
      for (let index = 0; index < items.length; index += 2) {
        dictionary.set((items[index] as Buffer).toString(), items[index + 1] as BencodeOutput);
      }
      return dictionary;
    }
    const colon = bytes.indexOf(':', at);
    const length = Number(bytes.toString('latin1', at, colon));
    if (colon < 0 || !Number.isInteger(length)) throw new Error(`no bencode at byte ${at}`);
    at = colon + 1 + length;
    return bytes.subarray(colon + 1, at);
  };
  const takeUntilEnd = (): BencodeOutput[] => {
    const items: BencodeOutput[] = [];
    for (at += 1; String.fromCharCode(bytes[at] ?? 0) !== 'e';) items.push(take());
    at += 1;
    return items;
  };
  return take();
}
