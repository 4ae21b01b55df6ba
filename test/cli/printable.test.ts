import { expect } from 'chai';
import fc from 'fast-check';
import { printable } from '../../src/cli/printable.js';

describe('printable', () => {
  it('writes control characters out', () => {
    expect(printable('a\u001b[2Jb\r\n\u0007\u009b1m\u007f')).to.equal('a\\x1b[2Jb\\x0d\\x0a\\x07\\x9b1m\\x7f');
  });

  it('writes marks out that turn the direction of text', () => {
    expect(printable('gpj.\u202eexe')).to.equal('gpj.\\u202eexe');
  });

  it('writes halves of surrogate pairs out, and keeps whole ones', () => {
    expect(printable('\ud83d\ude00 \ud83d x \ude00')).to.equal('😀 \\ud83d x \\ude00');
  });

  it('keeps letters of all scripts, spaces and emoji', () => {
    const text = 'Grüße 文件 файл 👩‍👩‍👧 naïve.txt';

    expect(printable(text)).to.equal(text);
  });

  it('never lets a control character through', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(printable(text)).not.to.match(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/);
      }),
    );
  });
});
