import { expect } from 'chai';
import { PieceLayout, type PieceIndex } from '../../src/metainfo/piece-layout.js';
import { RangePlan, type FileRange, type WantedSpan } from '../../src/swarm/range-plan.js';
import { piece } from './swarm-fixture.js';

/** Pieces of 100 bytes of these files; all of each piece is wanted unless `spans` says otherwise. */
function aPlan(lengths: readonly number[], spans: Readonly<Record<number, WantedSpan | undefined>> = {}) {
  const layout = new PieceLayout(
    100,
    lengths.map((lengthBytes) => ({ lengthBytes })),
  );
  const plan = new RangePlan(layout);
  const spanOf = (index: PieceIndex): WantedSpan | undefined =>
    index in spans
      ? spans[index]
      : { startOffset: layout.pieceOffset(index), endOffset: layout.pieceOffset(index) + layout.pieceSize(index) };
  return {
    plan,
    next: (): FileRange | undefined => plan.next(spanOf),
    rest: (): string[] => {
      const all: string[] = [];
      for (let range = plan.next(spanOf); range; range = plan.next(spanOf)) {
        all.push(`${range.fileIndex}:${range.fileOffset}+${range.lengthBytes} [${range.completes.join()}]`);
      }
      return all;
    },
    add: (...indices: number[]) => indices.forEach((index) => plan.add(piece(index))),
  };
}

describe('RangePlan', () => {
  it('asks for adjacent pieces at once', () => {
    const { add, rest } = aPlan([1_000]);
    add(2, 3, 4, 7, 8, 1);

    expect(rest()).to.deep.equal(['0:200+300 [2,3,4]', '0:700+200 [7,8]', '0:100+100 [1]']);
  });

  it('cuts a run at the borders of files, and passes over empty ones', () => {
    const { add, rest } = aPlan([150, 0, 10, 240]);
    add(0, 1, 2, 3);

    expect(rest()).to.deep.equal(['0:0+150 [0]', '2:0+10 []', '3:0+240 [1,2,3]']);
  });

  it('asks of a piece only for what is missing', () => {
    const { add, rest } = aPlan([400], {
      1: { startOffset: 150, endOffset: 200 },
      2: { startOffset: 200, endOffset: 220 },
    });
    add(0, 1, 2, 3);

    expect(rest()).to.deep.equal(['0:0+100 [0]', '0:150+70 [1,2]', '0:300+100 [3]']);
  });

  it('asks for nothing of a piece that others fetch', () => {
    const { add, rest, plan } = aPlan([400], { 1: undefined });
    add(1, 2);

    expect(rest()).to.deep.equal(['0:200+100 [2]']);
    expect(plan.isPassed(piece(1))).to.equal(true);
  });

  it('asks again for what was broken off, and not for what came', () => {
    const { add, next, rest, plan } = aPlan([150, 250]);
    add(0, 1, 2);
    const first = next();
    next();

    if (first) plan.handleDone(first);
    plan.reset();

    expect(plan.isPassed(piece(0))).to.equal(true);
    expect(rest()).to.deep.equal(['0:100+50 []', '1:0+150 [1,2]']);
  });

  it('asks again for a piece of which blocks became free', () => {
    const { add, next, rest, plan } = aPlan([400]);
    add(1);
    const range = next();
    plan.askAgain(piece(1));
    expect(rest(), 'while it is on its way').to.deep.equal([]);

    if (range) plan.handleDone(range);
    plan.askAgain(piece(1));

    expect(rest()).to.deep.equal(['0:100+100 [1]']);
  });

  it('forgets a piece that was taken away', () => {
    const { add, rest, plan } = aPlan([400]);
    add(1, 2);

    plan.remove(piece(1));

    expect(rest()).to.deep.equal(['0:200+100 [2]']);
  });
});
