import { expect } from 'chai';
import { pickInGap } from '../../src/swarm/gap-picker.js';
import { PieceSet } from '../../src/swarm/piece-set.js';
import { piece } from './swarm-fixture.js';

const setOf = (pieceCount: number, indices: Iterable<number>): PieceSet => {
  const set = new PieceSet(pieceCount);
  for (const index of indices) set.add(piece(index));
  return set;
};
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, at) => from + at);

function pick(
  pieceCount: number,
  open: Iterable<number>,
  previous?: number,
  others: number[] = [],
): number | undefined {
  return pickInGap({
    open: setOf(pieceCount, open),
    pieces: PieceSet.full(pieceCount),
    previous: previous === undefined ? undefined : piece(previous),
    others: others.map(piece),
  });
}

describe('pickInGap', () => {
  it('goes on behind the last piece', () => {
    expect(pick(100, range(0, 100), 41)).to.equal(42);
  });

  it('begins at the start of the longest gap', () => {
    expect(pick(100, range(0, 100))).to.equal(0);
    expect(pick(100, [...range(3, 6), ...range(40, 50), 99], 10)).to.equal(40);
    expect(pick(100, [...range(0, 9), ...range(95, 100)], 70)).to.equal(0);
  });

  it('does not take the end and the beginning for one gap', () => {
    expect(pick(100, [0, 1, 98, 99, 50, 51, 52], 60)).to.equal(50);
  });

  it('begins in the middle of a gap at whose start another web seed goes on', () => {
    expect(pick(100, range(20, 100), undefined, [19])).to.equal(60);
    expect(pick(100, range(20, 100), undefined, [18])).to.equal(20);
  });

  it('passes over what the web seed has not', () => {
    const pieces = setOf(64, range(10, 20));

    expect(pickInGap({ open: PieceSet.full(64), pieces, previous: undefined, others: [] })).to.equal(10);
  });

  it('has none when nothing is open', () => {
    expect(pick(100, [])).to.equal(undefined);
    expect(pick(0, [])).to.equal(undefined);
  });

  it('finds the only piece of a large torrent, wherever it lies', () => {
    for (const only of [0, 31, 32, 50_000, 99_999]) {
      for (const previous of [undefined, 0, 31, 50_000, 99_999]) {
        if (previous === only) continue;
        expect(pick(100_000, [only], previous), `${only} after ${previous}`).to.equal(only);
      }
    }
  });
});
