import { expect } from 'chai';
import fc from 'fast-check';
import { MAX_METAINFO_BYTES } from '../../src/metainfo/metainfo-limits.js';
import { checkPieceLength, choosePieceLength, MAX_CREATED_PIECE_LENGTH } from '../../src/metainfo/piece-length.js';
import { expectError } from '../helpers/expect-error.js';

const KIB = 1024;
const MIB = KIB ** 2;

describe('choosePieceLength', () => {
  for (const [total, pieceLength] of [
    [0, 16 * KIB],
    [1, 16 * KIB],
    [2_000 * 16 * KIB, 16 * KIB],
    [2_000 * 16 * KIB + 1, 32 * KIB],
    [1024 * MIB, MIB],
    [2_000 * 16 * MIB, 16 * MIB],
    [2_000 * 16 * MIB + 1, 16 * MIB],
    [2 ** 40, 16 * MIB],
  ] as const) {
    it(`gives ${total} bytes pieces of ${pieceLength}`, () => {
      expect(choosePieceLength(total, 52)).to.equal(pieceLength);
    });
  }

  it('gives 1,000 to 2,000 pieces between the bounds', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2_000 * 16 * KIB, max: 2_000 * 16 * MIB }), (total) => {
        const pieces = Math.ceil(total / choosePieceLength(total, 52));

        expect(pieces).to.be.within(1_000, 2_000);
      }),
    );
  });

  it('takes longer pieces where the digests would not fit', () => {
    const total = 8 * 2 ** 40;

    const pieceLength = choosePieceLength(total, 52);

    expect(pieceLength).to.equal(32 * MIB);
    expect((total / pieceLength) * 52).to.be.lessThan(MAX_METAINFO_BYTES);
    expect(choosePieceLength(2 ** 40, 52, MAX_METAINFO_BYTES - 100_000)).to.equal(MAX_CREATED_PIECE_LENGTH);
  });
});

describe('checkPieceLength', () => {
  it('takes powers of two from 128 B to 64 MiB', () => {
    for (let length = 128; length <= 64 * MIB; length *= 2) expect(checkPieceLength(length)).to.equal(length);
  });

  for (const [bad, hint] of [
    [0, 'the least is 128'],
    [64, 'the least is 128'],
    [-1, 'the least is 128'],
    [NaN, 'the least is 128'],
    [127, 'the least is 128'],
    [129, 'the nearest are 128 and 256'],
    [100_000, 'the nearest are 65536 and 131072'],
    [64 * MIB - 1, 'the nearest are 33554432 and 67108864'],
    [64 * MIB + 1, 'the largest is 67108864'],
    [128 * MIB, 'the largest is 67108864'],
  ] as const) {
    it(`refuses ${bad} and names the nearest`, () => {
      expect(expectError('P2P_OPTION_INVALID', () => checkPieceLength(bad)).message).to.contain(hint);
    });
  }
});
