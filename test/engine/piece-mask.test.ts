import { expect } from 'chai';
import fc from 'fast-check';
import type { MaskRequest } from '../../src/engine/engine-types.js';
import { pieceMask } from '../../src/engine/piece-mask.js';
import { PieceLayout } from '../../src/metainfo/piece-layout.js';
import { expectError } from '../helpers/expect-error.js';

const layoutOf = (pieceCount: number): PieceLayout => new PieceLayout(16, [{ lengthBytes: pieceCount * 16 }]);

function offered(pieceCount: number, request: MaskRequest): number[] {
  return [...(pieceMask(layoutOf(pieceCount), request)?.indices() ?? [])];
}

describe('pieceMask', () => {
  it('is nothing when nothing is masked', () => {
    for (const request of [undefined, {}, { missing: [] }, { from: 0, to: 1 }]) {
      expect(pieceMask(layoutOf(10), request)).to.equal(undefined);
    }
  });

  it('leaves out what is called missing', () => {
    expect(offered(5, { missing: [0, 3, 3] })).to.deep.equal([1, 2, 4]);
  });

  it('offers the pieces from floor(from·n) up to floor(to·n)', () => {
    expect(offered(10, { from: 0.25, to: 0.55 })).to.deep.equal([2, 3, 4]);
    expect(offered(3, { to: 0.5 })).to.deep.equal([0]);
    expect(offered(3, { from: 0.5 })).to.deep.equal([1, 2]);
  });

  it('takes missing pieces out of a range, also those beyond it', () => {
    expect(offered(10, { from: 0.5, missing: [1, 7] })).to.deep.equal([5, 6, 8, 9]);
  });

  it('offers nothing of an empty range', () => {
    expect(pieceMask(layoutOf(10), { from: 0.5, to: 0.5 })?.isEmpty()).to.equal(true);
  });

  it('covers every piece once with ranges that meet', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5_000 }),
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 8 }),
        (pieceCount, cuts) => {
          const borders = [0, ...cuts.sort((one, other) => one - other), 1];
          const parts = borders.slice(1).map((to, at) => ({ from: borders[at] ?? 0, to }));
          const all = parts.flatMap((part) =>
            part.from === 0 && part.to === 1 ? [...Array(pieceCount).keys()] : offered(pieceCount, part),
          );
          expect(all).to.deep.equal([...Array(pieceCount).keys()]);
        },
      ),
    );
  });

  it('refuses indices past the end and shares that are none', () => {
    expectError('P2P_PIECE_OUT_OF_RANGE', () => offered(5, { missing: [5] }));
    expectError('P2P_PIECE_OUT_OF_RANGE', () => offered(5, { missing: [-1] }));
    expectError('P2P_PIECE_OUT_OF_RANGE', () => offered(5, { missing: [1.5] }));
    for (const wrong of [{ from: -0.1 }, { to: 1.1 }, { from: NaN }, { from: 0.6, to: 0.5 }]) {
      expectError('P2P_OPTION_INVALID', () => offered(5, wrong));
    }
  });
});
