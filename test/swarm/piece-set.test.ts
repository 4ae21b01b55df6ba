import { expect } from 'chai';
import { PieceSet } from '../../src/swarm/piece-set.js';
import { piece } from './swarm-fixture.js';

describe('PieceSet', () => {
  it('counts what is added and deleted once', () => {
    const set = new PieceSet(33);

    expect(set.add(piece(32))).to.equal(true);
    expect(set.add(piece(32))).to.equal(false);
    expect(set.size).to.equal(1);
    expect(set.delete(piece(32))).to.equal(true);
    expect(set.delete(piece(32))).to.equal(false);
    expect(set.size).to.equal(0);
  });

  for (const pieceCount of [0, 1, 7, 8, 31, 32, 33, 100]) {
    it(`visits each of ${pieceCount} pieces in order`, () => {
      const seen: number[] = [];

      PieceSet.full(pieceCount).forEach((pieceIndex) => seen.push(pieceIndex));

      expect(seen).to.deep.equal(Array.from({ length: pieceCount }, (_, index) => index));
    });
  }

  it('copies the bits that it is made from', () => {
    const bytes = Uint8Array.of(0b1000_0001);
    const set = PieceSet.from(8, bytes);

    bytes.fill(0);

    expect([...set.bits.indices()]).to.deep.equal([0, 7]);
    expect(set.size).to.equal(2);
  });

  it('tells whether it has more than another', () => {
    const few = PieceSet.from(40, Uint8Array.of(0, 0, 0, 0, 1));
    const full = PieceSet.full(40);

    expect(full.hasMoreThan(few)).to.equal(true);
    expect(few.hasMoreThan(full)).to.equal(false);
    expect(few.hasMoreThan(new PieceSet(40))).to.equal(true);
    expect(few.hasMoreThan(few)).to.equal(false);
  });
});
