import { expect } from 'chai';
import { PieceSet } from '../../src/swarm/piece-set.js';
import { SequentialWindow } from '../../src/swarm/sequential-window.js';
import { piece, SwarmTester } from './swarm-fixture.js';

describe('SequentialWindow', () => {
  /** 40 pieces of 2 MiB: a window of 8. */
  function aWindow(settled: readonly number[] = []) {
    const owned = setOf(settled);
    const open = setOf(Array.from({ length: 40 }, (_, index) => index).filter((index) => !settled.includes(index)));
    const window = new SequentialWindow({
      pieceLengthBytes: 2_097_152,
      settled: owned,
      isOpen: (index) => open.has(index),
    });
    return { window, owned, open };
  }

  function setOf(pieces: readonly number[]): PieceSet {
    const set = new PieceSet(40);
    for (const index of pieces) set.add(piece(index));
    return set;
  }

  it('gives the first open piece that the peer has', () => {
    const { window, open } = aWindow([0, 1]);

    expect(window.pick(PieceSet.full(40))).to.equal(2);
    open.delete(piece(2));
    expect(window.pick(PieceSet.full(40))).to.equal(3);
    expect(window.pick(setOf([1, 5, 30]))).to.equal(5);
  });

  it('gives nothing beyond the window, which begins at the first piece that is lacking', () => {
    const { window, owned, open } = aWindow();

    expect(window.pick(setOf([8, 20]))).to.equal(undefined);
    owned.add(piece(0));
    open.delete(piece(0));
    expect(window.pick(setOf([8, 20]))).to.equal(8);
  });

  it('goes back to a piece that is lost', () => {
    const { window, owned, open } = aWindow([0, 1, 2]);
    expect(window.pick(PieceSet.full(40))).to.equal(3);

    owned.delete(piece(1));
    open.add(piece(1));
    window.handleLost(piece(1));

    expect(window.pick(PieceSet.full(40))).to.equal(1);
  });

  it('ends when everything is settled', () => {
    expect(aWindow(Array.from({ length: 40 }, (_, index) => index)).window.pick(PieceSet.full(40))).to.equal(undefined);
  });

  it('makes a swarm fetch in order, and by rarity from a peer that has nothing of the window', () => {
    const tester = new SwarmTester({ pieceCount: 100, pieceLengthBytes: 1_048_576, sequential: true });

    tester.connect({ linkId: 100 });
    for (let index = 0; index < 20; index += 1) {
      const [next] = tester.fetched(100).filter((fetched) => !tester.swarm.owned.has(fetched));
      if (next !== undefined) tester.verify(100, next);
    }
    tester.connect({ linkId: 101, pieces: [90] });

    expect(tester.fetched(100).slice(0, 20)).to.deep.equal(Array.from({ length: 20 }, (_, index) => index));
    expect(tester.fetched(101)).to.deep.equal([90]);
  });
});
