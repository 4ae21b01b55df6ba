import { expect } from 'chai';
import { bytesToCome } from '../../src/engine/room-needed.js';
import { Bitfield } from '../../src/protocol/bitfield.js';
import { aMetainfo } from '../helpers/a-torrent.js';

describe('bytesToCome', () => {
  // 7 pieces of 128 bytes and one of 104.
  const { layout } = aMetainfo();

  function bits(...indices: readonly number[]): Bitfield {
    const bitfield = new Bitfield(layout.pieceCount);
    for (const index of indices) bitfield.set(index);
    return bitfield;
  }

  const cases: readonly { what: string; owned: Bitfield; allocatedBytes: number; expected: number }[] = [
    { what: 'everything when nothing is there', owned: bits(), allocatedBytes: 0, expected: 1000 },
    { what: 'the missing pieces, though the others are holes', owned: bits(0, 1, 2), allocatedBytes: 0, expected: 616 },
    { what: 'the missing pieces, the short last one among them', owned: bits(7), allocatedBytes: 104, expected: 896 },
    { what: 'nothing when missing pieces have their room', owned: bits(0), allocatedBytes: 4096, expected: 0 },
    { what: 'nothing when all is there', owned: Bitfield.full(layout.pieceCount), allocatedBytes: 0, expected: 0 },
  ];
  for (const { what, owned, allocatedBytes, expected } of cases) {
    it(`is ${what}`, () => {
      expect(bytesToCome(layout, owned, allocatedBytes)).to.equal(expected);
    });
  }
});
