import { expect } from 'chai';
import { escapeText } from '../../src/metainfo/escape-text.js';

describe('escapeText', () => {
  it('writes out what a terminal would act upon', () => {
    expect(escapeText('a\x1b[31m\n\0\x7f\x9b\u202e\u2066\u2028\ud800')).to.equal(
      'a\\x1b[31m\\x0a\\x00\\x7f\\x9b\\u202e\\u2066\\u2028\\ud800',
    );
  });

  it('leaves all scripts and emoji alone', () => {
    const text = 'été 中文 العربية 🎵👨‍👩‍👧 \\ <b>';

    expect(escapeText(text)).to.equal(text);
  });
});
