import { expect } from 'chai';
import type { PieceRange } from '../../src/swarm/swarm-events.js';
import { piece, SwarmTester } from './swarm-fixture.js';

describe('Runs of small pieces', () => {
  const RUN = 512;

  /** A seed that unchokes us, and what it was told to fetch. */
  function aTester(pieceCount = 4 * RUN, pieceLengthBytes = 128): SwarmTester {
    const tester = new SwarmTester({ pieceCount, pieceLengthBytes });
    tester.connect({ linkId: 100 });
    return tester;
  }
  const ranges = (all: readonly PieceRange[]): number[][] =>
    all.map(({ pieceIndex, count = 1 }) => [pieceIndex, count]);

  it("become one link's together, up to the end of a run", () => {
    const fetches = ranges(aTester().of('fetch-piece'));

    expect(fetches.reduce((sum, [, count = 0]) => sum + count, 0)).to.equal(4 * RUN);
    // Of few runs each is begun by lot, and ends with itself.
    expect(fetches.filter(([first = 0, count = 0]) => (first + count) % RUN === 0)).to.have.length(4);
    expect(Math.max(...fetches.map(([, count = 0]) => count))).to.be.at.most(RUN);
    expect(fetches.length).to.be.at.most(40);
  });

  it('are no more than the link is to have', () => {
    const tester = aTester(16 * RUN, 128);

    // 256 KiB while nothing is known of it.
    expect(tester.fetched(100)).to.have.length(4 * RUN);
  });

  it('are given in eighths of that, not one by one as they come', () => {
    const tester = aTester(16_384, 16_384);
    const [first = 0] = tester.fetched(100);
    const given = (): number => tester.fetched(100).length;
    expect(given()).to.equal(16);

    tester.handle({ type: 'piece-verified', linkId: 100, pieceIndex: piece(first) });
    expect(given()).to.equal(16);
    tester.handle({ type: 'piece-verified', linkId: 100, pieceIndex: piece(first + 1) });
    expect(given()).to.equal(18);
    expect(ranges(tester.of('fetch-piece'))).to.deep.equal([
      [first, 16],
      [first + 16, 2],
    ]);
  });

  it('are single pieces when each has several blocks', () => {
    expect(
      aTester(4, 16_385)
        .of('fetch-piece')
        .every(({ count }) => count === undefined),
    ).to.equal(true);
  });

  it('are not joined across pieces that another has', () => {
    const tester = new SwarmTester({ pieceCount: 8, pieceLengthBytes: 128, pieces: [3] });
    tester.connect({ linkId: 100 });

    for (const { pieceIndex, count = 1 } of tester.of('fetch-piece')) {
      expect(pieceIndex > 3 || pieceIndex + count <= 3).to.equal(true);
    }
    expect([...tester.fetched(100)].sort()).to.deep.equal([0, 1, 2, 4, 5, 6, 7]);
  });

  it('are verified, announced and written down together', () => {
    const tester = aTester(8);

    tester.handle({ type: 'piece-verified', linkId: 100, pieceIndex: piece(2), count: 4 });
    tester.handle({ type: 'piece-verified', linkId: 100, pieceIndex: piece(0), count: 8 });

    expect(ranges(tester.of('broadcast-have'))).to.deep.equal([
      [2, 4],
      [0, 2],
      [6, 2],
    ]);
    expect(ranges(tester.of('record-piece'))).to.deep.equal(ranges(tester.of('broadcast-have')));
    expect(tester.of('complete')).to.have.length(1);
  });

  it('go to another when they are given back, and those that were verified do not', () => {
    const tester = aTester(8);
    tester.connect({ linkId: 101 });
    tester.handle({ type: 'piece-verified', linkId: 100, pieceIndex: piece(0), count: 2 });
    tester.handle({ type: 'peer-choked', linkId: 100 });

    tester.handle({ type: 'piece-released', linkId: 100, pieceIndex: piece(0), count: 8, partial: [] });
    tester.measure(101, {});

    expect([...tester.fetched(101)].sort()).to.deep.equal([2, 3, 4, 5, 6, 7]);
  });
});
