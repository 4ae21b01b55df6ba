import { expect } from 'chai';
import fc from 'fast-check';
import { capacityFor, RecordSlab, type SlabPage } from '../../src/tracker/record-slab.js';

const RECORD_BYTES = 44;

interface Run {
  readonly page: SlabPage;
  readonly start: number;
}

function take(slab: RecordSlab, recordCount: number): Run {
  const page = slab.pageFor(recordCount);
  return { page, start: slab.takeRun(page) };
}

describe('RecordSlab', () => {
  it('gives runs that are long enough, and at most half too long', () => {
    for (let count = 1; count < 10_000; count += 1) {
      expect(capacityFor(count), String(count)).to.be.within(count, Math.ceil(count * 1.5));
    }
  });

  it('gives no byte twice, whatever is taken and given back', () => {
    const step = fc.record({ give: fc.boolean(), which: fc.nat(1_000), count: fc.nat({ max: 39 }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
        const slab = new RecordSlab(RECORD_BYTES);
        const runs: Run[] = [];
        const usedBy = new Map<SlabPage, Set<number>>();
        for (const { give, which, count } of steps) {
          const [run] = give ? runs.splice(which % (runs.length || 1), 1) : [];
          if (run) {
            usedBy.get(run.page)?.delete(run.start);
            slab.giveRun(run.page, run.start);
            continue;
          }
          const taken = take(slab, count + 1);
          const starts = usedBy.get(taken.page) ?? new Set();
          const runBytes = taken.page.capacity * RECORD_BYTES;
          expect(taken.page.capacity).to.be.at.least(count + 1);
          expect(taken.start % runBytes).to.equal(0);
          expect(taken.start + runBytes).to.be.at.most(taken.page.bytes.length);
          expect(starts.has(taken.start)).to.equal(false);
          usedBy.set(taken.page, starts.add(taken.start));
          runs.push(taken);
        }
      }),
    );
  });

  it('uses a page to its end before it makes another', () => {
    const slab = new RecordSlab(RECORD_BYTES);
    const { page } = take(slab, 1);
    for (let run = 1; run < page.runCount; run += 1) expect(take(slab, 1).page).to.equal(page);

    expect(take(slab, 1).page).to.not.equal(page);
  });

  it('gives back pages of which nothing is in use, all but one', () => {
    const slab = new RecordSlab(RECORD_BYTES);
    const runs: Run[] = [];
    const pages = new Set<SlabPage>();
    while (pages.size < 4) {
      const run = take(slab, 4);
      runs.push(run);
      pages.add(run.page);
    }

    for (const { page, start } of runs) slab.giveRun(page, start);

    expect([...pages].filter(({ roomIndex }) => roomIndex >= 0)).to.have.lengthOf(1);
    expect([...pages]).to.include(take(slab, 4).page);
  });
});
