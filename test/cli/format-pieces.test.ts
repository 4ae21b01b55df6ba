import { expect } from 'chai';
import { countOf, formatPieces } from '../../src/cli/format-pieces.js';

describe('formatPieces', () => {
  it('joins neighbours to ranges', () => {
    expect(formatPieces([3, 7, 8, 9, 20])).to.equal('3, 7-9, 20');
    expect(formatPieces([])).to.equal('');
  });

  it('shows a dozen ranges and counts the rest', () => {
    const every2nd = Array.from({ length: 20 }, (_, index) => index * 2);

    expect(formatPieces(every2nd)).to.equal('0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22 and 8 more');
    expect(formatPieces([1, 2, 3], 1_003)).to.equal('1-3 and 1000 more');
  });
});

describe('countOf', () => {
  it('knows the plural', () => {
    expect(countOf(1, 'peer')).to.equal('1 peer');
    expect(countOf(0, 'peer')).to.equal('0 peers');
    expect(countOf(1_200, 'piece')).to.equal('1,200 pieces');
    expect(countOf(999, 'piece')).to.equal('999 pieces');
    expect(countOf(12_345_678, 'piece')).to.equal('12,345,678 pieces');
  });
});
