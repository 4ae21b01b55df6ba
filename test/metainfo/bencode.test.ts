import { expect } from 'chai';
import fc from 'fast-check';
import { MetainfoError } from '../../src/errors.js';
import { BencodeDictionary, type BencodeValue } from '../../src/metainfo/bencode-dictionary.js';
import {
  decodeBencode,
  decodeBencodePrefix,
  encodeBencode,
  MAX_BENCODE_BYTES,
  MAX_BENCODE_DEPTH,
  MAX_BENCODE_VALUES,
  rawBencode,
  type BencodeInput,
} from '../../src/metainfo/bencode.js';
import { expectError } from '../helpers/expect-error.js';

const latin1 = (text: string) => Uint8Array.from(Buffer.from(text, 'latin1'));
const decode = (text: string) => decodeBencode(latin1(text));
const encode = (value: BencodeInput) => Buffer.from(encodeBencode(value)).toString('latin1');

/** A value as plain arrays, so that two of them can be compared. */
function plain(value: BencodeValue): unknown {
  if (value instanceof BencodeDictionary) return { entries: [...value.entries()].map(([k, v]) => [k, plain(v)]) };
  if (value instanceof Uint8Array) return Buffer.from(value).toString('latin1');
  return typeof value === 'number' ? value : value.map(plain);
}

describe('decodeBencode', () => {
  it('reads integers', () => {
    expect(['i0e', 'i42e', 'i-7e', 'i9007199254740991e', 'i-9007199254740991e'].map(decode)).to.deep.equal([
      0, 42, -7, 9007199254740991, -9007199254740991,
    ]);
  });

  for (const text of [
    'ie',
    'i-e',
    'i-0e',
    'i007e',
    'i00e',
    'i-01e',
    'i+1e',
    'i1',
    'i',
    'i1.5e',
    'i 1e',
    'i9007199254740992e',
    `i${'9'.repeat(400)}e`,
  ]) {
    it(`refuses ${text.slice(0, 30)}`, () => {
      expectError('P2P_BENCODE_INVALID', () => decode(text));
    });
  }

  for (const text of [
    '',
    '5:abc',
    '01:a',
    '1',
    '-1:a',
    '99999999999999999999:a',
    '9007199254740991:a',
    ':',
    'x',
    'e',
    'l',
    'd',
    'li1e',
    'd1:a',
    'd1:ae',
    'di1e1:ae',
    'dlei1ee',
    'l-1:e',
  ]) {
    it(`refuses '${text}'`, () => {
      expectError('P2P_BENCODE_INVALID', () => decode(text));
    });
  }

  it('names the byte where it went wrong', () => {
    const error = expectError('P2P_BENCODE_INVALID', () => decode('d1:ai01ee'));

    expect(error.details).to.deep.equal({ offset: 4 });
    expect(error.message).to.equal('bencode at byte 4: integer with a leading zero');
  });

  it('gives byte strings as plain views into the input', () => {
    const bytes = Buffer.from('l4:spam0:e');

    const value = decodeBencode(bytes) as readonly Uint8Array[];

    expect(value[0]?.buffer).to.equal(bytes.buffer);
    expect(Object.getPrototypeOf(value[0])).to.equal(Uint8Array.prototype);
    expect(value.map((item) => item.length)).to.deep.equal([4, 0]);
  });

  it('keeps the raw bytes of a dictionary', () => {
    const bytes = latin1('xxd4:infod1:zi1e1:ai2eee').subarray(2);

    const info = (decodeBencode(bytes) as BencodeDictionary).dictionary('info');

    expect(Buffer.from(info?.rawBytes ?? []).toString()).to.equal('d1:zi1e1:ai2ee');
  });

  it('reads binary keys, one character a byte', () => {
    const key = Uint8Array.from({ length: 256 }, (_, at) => at);
    const bytes = encodeBencode(new Map([[Buffer.from(key).toString('latin1'), 1]]));

    const value = decodeBencode(bytes) as BencodeDictionary;

    expect([...value.entries()]).to.deep.equal([[Buffer.from(key).toString('latin1'), 1]]);
  });

  it('tells keys apart, however many there are, and equal ones of different dictionaries', () => {
    const names = Array.from({ length: 40 }, (_, at) => `${'k'.repeat(at % 3)}-${String(at).padStart(2, '0')}`);
    const long = ['a', 'b'].map((end) => 'x'.repeat(5_000) + end);
    const dictionary = Object.fromEntries([...names, ...long].map((name, at) => [name, at]));

    const list = decodeBencode(encodeBencode([dictionary, dictionary]));

    for (const read of list as BencodeDictionary[]) {
      expect(Object.fromEntries(read.entries())).to.deep.equal(dictionary);
    }
  });

  it('takes unsorted keys, but not when strict', () => {
    const unsorted = latin1('d1:bi1e1:ai2ee');

    expect((decodeBencode(unsorted) as BencodeDictionary).get('a')).to.equal(2);
    expectError('P2P_BENCODE_INVALID', () => decodeBencode(unsorted, { strict: true }));
    expect(decodeBencode(latin1('d1:ai1e1:bi2ee'), { strict: true })).to.be.instanceOf(BencodeDictionary);
  });

  it('refuses a key that stands twice, adjacent or not', () => {
    expectError('P2P_BENCODE_INVALID', () => decode('d1:ai1e1:ai2ee'));
    expectError('P2P_BENCODE_INVALID', () => decode('d1:ai1e1:bi2e1:ai3ee'));
  });

  it('refuses trailing bytes, which decodeBencodePrefix leaves to its caller', () => {
    expectError('P2P_BENCODE_INVALID', () => decode('i1ei2e'));

    expect(decodeBencodePrefix(latin1('i1erest'))).to.deep.equal({ value: 1, consumedBytes: 3 });
  });

  it('takes nesting up to the limit and not one more', () => {
    const nested = (depth: number) => 'l'.repeat(depth) + 'e'.repeat(depth);

    expect(decode(nested(MAX_BENCODE_DEPTH))).to.be.an('array');
    expectError('P2P_BENCODE_INVALID', () => decode(nested(MAX_BENCODE_DEPTH + 1)));
    expectError('P2P_BENCODE_INVALID', () => decodeBencode(latin1('lllei1eee'), { maxDepth: 2 }));
  });

  it('survives a bomb of nesting', () => {
    expectError('P2P_BENCODE_INVALID', () => decode('l'.repeat(1_000_000)));
    expectError('P2P_BENCODE_INVALID', () => decode('d1:a'.repeat(1_000_000)));
  });

  it('takes 16 MiB and not one byte more', () => {
    const stringOf = (length: number) => Buffer.concat([latin1(`${length}:`), new Uint8Array(length)]);
    const headerBytes = '16777207:'.length;

    expect(decodeBencode(stringOf(MAX_BENCODE_BYTES - headerBytes))).to.have.length(MAX_BENCODE_BYTES - headerBytes);
    expectError('P2P_BENCODE_INVALID', () => decodeBencode(stringOf(MAX_BENCODE_BYTES - headerBytes + 1)));
  });

  it('refuses one value more than the limit, so that small text cannot take much memory', () => {
    const list = (count: number) => latin1(`l${'i0e'.repeat(count)}e`);

    expect(decodeBencode(list(MAX_BENCODE_VALUES - 1))).to.have.length(MAX_BENCODE_VALUES - 1);
    expectError('P2P_BENCODE_INVALID', () => decodeBencode(list(MAX_BENCODE_VALUES)));
  });

  it('gives a value or a MetainfoError for any bytes', () => {
    const alphabet = fc.constantFrom(...Array.from('ilde0123456789:-aXÿ'));
    const soup = fc.array(alphabet, { maxLength: 60 }).map((letters) => latin1(letters.join('')));

    fc.assert(
      fc.property(fc.oneof(soup, fc.uint8Array({ maxLength: 60 })), (bytes) => {
        try {
          decodeBencode(bytes);
        } catch (error) {
          expect(error).to.be.instanceOf(MetainfoError);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('gives a value or a MetainfoError for a valid document with one byte changed', () => {
    fc.assert(
      fc.property(anInput, fc.nat(), fc.nat(255), (input, position, byte) => {
        const bytes = encodeBencode(input);
        bytes[position % bytes.length] = byte;
        try {
          decodeBencode(bytes);
        } catch (error) {
          expect(error).to.be.instanceOf(MetainfoError);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('encodeBencode', () => {
  it('sorts keys by their bytes and leaves undefined out', () => {
    expect(encode({ entries: 1 })).to.equal('d7:entriesi1ee');
    expect(encode({ b: 1, ä: 4, a: 2, B: 3, none: undefined, aa: 5 })).to.equal('d1:Bi3e1:ai2e2:aai5e1:bi1e1:äi4ee');
  });

  it('writes text as UTF-8, and negative zero as zero', () => {
    expect(Buffer.from(encodeBencode(['é', -0, new Map([['k', 'v']])])).toString()).to.equal('l2:éi0ed1:k1:vee');
  });

  it('puts raw bencode in as it is', () => {
    expect(encode({ info: rawBencode(latin1('d1:zi1e1:ai2ee')) })).to.equal('d4:infod1:zi1e1:ai2eee');
  });

  it('writes a dictionary that was read again, sorted', () => {
    expect(encode(decode('d1:bi1e1:ai2ee'))).to.equal('d1:ai2e1:bi1ee');
  });

  it('refuses what bencode cannot say', () => {
    for (const value of [1.5, NaN, Infinity, 2 ** 53, { 'key €': 1 }, { '🎵': 1 }]) {
      expectError('P2P_INVARIANT', () => encodeBencode(value));
    }
  });

  it('refuses to nest deeper than can be read', () => {
    const nested = (depth: number): BencodeInput => (depth === 0 ? [] : [nested(depth - 1)]);

    expect(decodeBencode(encodeBencode(nested(MAX_BENCODE_DEPTH - 1)))).to.be.an('array');
    expectError('P2P_INVARIANT', () => encodeBencode(nested(MAX_BENCODE_DEPTH)));
  });

  it('is undone by strict decoding, and is the same bytes again', () => {
    fc.assert(
      fc.property(anInput, (input) => {
        const bytes = encodeBencode(input);
        const value = decodeBencode(bytes, { strict: true });

        expect(encodeBencode(value)).to.deep.equal(bytes);
        expect(plain(value)).to.deep.equal(naive(input));
      }),
      { numRuns: 500 },
    );
  });
});

describe('BencodeDictionary', () => {
  it('looks values up by type, undefined for absent ones and others', () => {
    const value = decode('d1:bi1e1:d2:hi1:lle1:mdee') as BencodeDictionary;

    expect([value.integer('b'), value.text('d'), value.list('l'), value.dictionary('m')?.size]).to.deep.equal([
      1,
      'hi',
      [],
      0,
    ]);
    expect([
      value.integer('d'),
      value.text('b'),
      value.bytes('l'),
      value.list('m'),
      value.dictionary('l'),
    ]).to.deep.equal(Array(5).fill(undefined));
    expect([value.size, value.has('b'), value.has('x')]).to.deep.equal([4, true, false]);
  });
});

/** Random values that bencode can say. */
const anInput: fc.Arbitrary<BencodeInput> = fc.letrec<{ value: BencodeInput }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.maxSafeInteger(),
    fc.uint8Array({ maxLength: 12 }),
    fc.array(tie('value'), { maxLength: 4 }),
    fc
      .array(
        fc.tuple(
          fc.uint8Array({ maxLength: 4 }).map((key) => Buffer.from(key).toString('latin1')),
          tie('value'),
        ),
        { maxLength: 4 },
      )
      .map((entries) => new Map(entries)),
  ),
})).value;

/** What `plain` must give for an input, worked out without the codec. */
function naive(input: BencodeInput): unknown {
  if (input instanceof Map) {
    const entries = [...(input as Map<string, BencodeInput>)].map(([key, value]) => [key, naive(value)] as const);
    return {
      entries: entries
        .sort(([a], [b]) => Buffer.compare(Buffer.from(a, 'latin1'), Buffer.from(b, 'latin1')))
        .map(([k, v]) => [k, v]),
    };
  }
  if (input instanceof Uint8Array) return Buffer.from(input).toString('latin1');
  return Array.isArray(input) ? (input as BencodeInput[]).map(naive) : input === 0 ? 0 : input;
}
