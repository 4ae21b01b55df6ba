import { expect } from 'chai';
import fc from 'fast-check';
import { displayWidth, fitText, padText } from '../../src/cli/display-width.js';

describe('displayWidth', () => {
  it('counts wide characters and emoji twice, combining marks not at all', () => {
    expect(displayWidth('story.txt')).to.equal(9);
    expect(displayWidth('文件')).to.equal(4);
    expect(displayWidth('e\u0301')).to.equal(1);
    expect(displayWidth('👩‍👩‍👧')).to.equal(2);
  });
});

describe('fitText', () => {
  it('keeps beginning and end', () => {
    expect(fitText('a-very-long-file-name.txt', 13)).to.equal('a-very-l….txt');
  });

  it('never exceeds the columns, and leaves short texts alone', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 1, max: 50 }), (text, columns) => {
        const fitted = fitText(text, columns);
        expect(displayWidth(fitted)).to.be.at.most(Math.max(columns, Math.min(displayWidth(text), columns)));
        if (displayWidth(text) <= columns) expect(fitted).to.equal(text);
      }),
    );
  });
});

describe('padText', () => {
  it('fills up by columns, not by characters', () => {
    expect(padText('文', 4)).to.equal('文  ');
    expect(padText('7', 3, 'right')).to.equal('  7');
    expect(padText('long', 2)).to.equal('long');
  });
});
