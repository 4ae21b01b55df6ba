import { expect } from 'chai';
import fc from 'fast-check';
import { QueryFields } from '../../src/tracker/query-fields.js';

const fields = new QueryFields();

/** Names and values; undefined when the query is malformed. */
function read(text: string): (readonly [string, string])[] | undefined {
  const bytes = Buffer.from(text, 'latin1');
  const all: (readonly [string, string])[] = [];
  fields.start(bytes, 0, bytes.length);
  for (let nameAt = 0; fields.next();) {
    const name = text.slice(nameAt, nameAt + fields.nameLength);
    expect(fields.isNamed(Buffer.from(name, 'latin1'))).to.equal(true);
    const value = fields.valueText();
    expect(Buffer.from(fields.valueBytes()).toString('latin1')).to.equal(value);
    expect(fields.isValue(Buffer.from(value, 'latin1'))).to.equal(true);
    all.push([name, value]);
    nameAt = text.indexOf('&', nameAt) + 1;
  }
  return fields.isMalformed ? undefined : all;
}

function wholeOf(value: string): number | undefined {
  const bytes = Buffer.from(`x=${value}`, 'latin1');
  fields.start(bytes, 0, bytes.length);
  fields.next();
  return fields.valueWhole();
}

/** The slow twin. */
function readSlowly(text: string): (readonly [string, string])[] | undefined {
  if (/=[^&]*%(?![0-9a-f]{2})/i.test(text)) return undefined;
  const parts = text.split('&');
  if (parts.at(-1) === '') parts.pop();
  return parts.map((part) => {
    const [name = '', ...value] = part.split('=');
    const plain = value.join('=').replaceAll('+', ' ');
    const unescape = (_: string, hex: string): string => String.fromCharCode(Number.parseInt(hex, 16));
    return [name, plain.replace(/%(..)/g, unescape)] as const;
  });
}

describe('QueryFields', () => {
  it('reads names and values, and goes on after empty ones', () => {
    expect(read('a=1&&b&=2&c==&d=')).to.deep.equal([
      ['a', '1'],
      ['', ''],
      ['b', ''],
      ['', '2'],
      ['c', '='],
      ['d', ''],
    ]);
    expect(read('')).to.deep.equal([]);
  });

  it('keeps bytes that are no UTF-8, and takes + for a space', () => {
    expect(read('x=%ff%00%E9a+b%2b&y=a+b')).to.deep.equal([
      ['x', '\xff\x00\xe9a b+'],
      ['y', 'a b'],
    ]);
  });

  it('knows malformed escapes', () => {
    for (const value of ['%', '%1', '%g0', '%0g', 'a%', '%4&a=41']) {
      expect(read(`x=${value}`), value).to.equal(undefined);
      expect(read(`a=%41&x=${value}&b=1`), value).to.equal(undefined);
    }
  });

  it('reads values with escapes of any length', () => {
    for (const length of [255, 256, 257, 8_000]) {
      expect(read(`x=%41${'y'.repeat(length - 1)}&z=1`)).to.deep.equal([
        ['x', `A${'y'.repeat(length - 1)}`],
        ['z', '1'],
      ]);
    }
  });

  it('takes digits alone for a number, 30 of them at most', () => {
    expect(wholeOf('0')).to.equal(0);
    expect(wholeOf('65535')).to.equal(65_535);
    expect(wholeOf('%36881')).to.equal(6_881);
    expect(wholeOf('9'.repeat(30))).to.be.closeTo(1e30, 1e16);
    for (const text of ['', '-1', '+1', '1.0', '1e3', '0x1', 'a', '1a', '9'.repeat(31)]) {
      expect(wholeOf(text), text).to.equal(undefined);
    }
  });

  it('reads whatever it is given like its slow twin', () => {
    const texts = fc.string({
      unit: fc.constantFrom('a', 'b', '=', '&', '%', '+', '4', 'f', 'g', '\xff'),
      maxLength: 40,
    });
    fc.assert(fc.property(texts, (text) => void expect(read(text)).to.deep.equal(readSlowly(text))));
  });
});
