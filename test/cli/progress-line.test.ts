import { expect } from 'chai';
import fc from 'fast-check';
import { displayWidth } from '../../src/cli/display-width.js';
import { progressInWords, renderBar, renderProgress, stallReason } from '../../src/cli/progress-line.js';
import { aTrackerSnapshot, aTransfer, someLinks } from './snapshots.js';

const busy = aTransfer(
  { etaMs: 12_000 },
  { verifiedBytes: 35_200, verifiedPieces: 273, downBytesPerSec: 13_000_000, links: someLinks(3) },
);

describe('renderProgress', () => {
  it('shows everything where there is room', () => {
    const line = renderProgress(busy, { columns: 120, hasUnicode: true });

    expect(line).to.equal(
      'story.txt  █████████████████░░░░░░░░░░░░░   57%  34.4 KiB of 60 KiB  12.4 MiB/s  3 peers  12s left',
    );
  });

  it('keeps name, percent and rate in 40 columns', () => {
    const line = renderProgress(busy, { columns: 40, hasUnicode: false });

    expect(line).to.include('story.txt').and.to.include('57%').and.to.include('12.4 MiB/s');
    expect(displayWidth(line)).to.be.at.most(39);
  });

  it('cuts a long name and not the figures', () => {
    const line = renderProgress({ ...busy, name: `${'long-'.repeat(40)}end.bin` }, { columns: 60, hasUnicode: true });

    expect(line).to.include('…').and.to.include('57%');
  });

  it('shows no control character of a name', () => {
    expect(renderProgress({ ...busy, name: 'a\u001b[2Jb' }, { columns: 80, hasUnicode: true })).to.include('\\x1b[2J');
  });

  it('never says 100% before all is there', () => {
    const almost = aTransfer({}, { verifiedBytes: 61_439, links: someLinks(1), downBytesPerSec: 1 });

    expect(renderProgress(almost, { columns: 80, hasUnicode: true })).to.include(' 99%');
  });

  it('cuts why nothing arrives, and drops the bar, before it leaves the reason out', () => {
    const failed = aTrackerSnapshot({
      state: 'failed',
      message: 'cannot reach http://localhost:9999: the connection was refused',
    });
    const waiting = aTransfer({}, { everAnswered: false, trackers: [failed] });

    expect(renderProgress(waiting, { columns: 40, hasUnicode: true })).to.match(/^\S+ +0% {2}no tracker: .*…/);
    expect(renderProgress(waiting, { columns: 80, hasUnicode: true })).to.include(
      'no tracker: cannot reach http://loc',
    );
    expect(renderProgress(waiting, { columns: 120, hasUnicode: true })).to.include(`no tracker: ${failed.message}`);
  });

  it('says what no peer has in 40 columns, for a long name too', () => {
    const stalled = aTransfer(
      { name: 'a-long-name-of-a-file.txt' },
      { links: someLinks(2), missingEverywhere: [3], missingEverywhereCount: 1 },
    );

    expect(renderProgress(stalled, { columns: 40, hasUnicode: true })).to.include('no peer has 3');
  });

  it('fits any terminal', () => {
    const states = fc.constantFrom('checking', 'downloading', 'finishing', 'seeding', 'complete', 'failed');
    const options = fc.record({
      name: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 80 }),
      columns: fc.integer({ min: 21, max: 200 }),
      state: states,
      rate: fc.constantFrom(0, 5, 123_456_789),
      etaMs: fc.constantFrom(undefined, 500, 1e9),
      missing: fc.integer({ min: 0, max: 60 }),
    });
    fc.assert(
      fc.property(options, ({ name, columns, state, rate, etaMs, missing }) => {
        const missingEverywhere = Array.from({ length: missing }, (_, index) => index * 3);
        const snapshot = aTransfer(
          { name, state: state as 'seeding', etaMs },
          {
            ...{ downBytesPerSec: rate, upBytesPerSec: rate, links: someLinks(2) },
            ...{ missingEverywhere, missingEverywhereCount: missing },
          },
        );
        expect(displayWidth(renderProgress(snapshot, { columns, hasUnicode: true }))).to.be.below(columns);
      }),
    );
  });

  it('shows what a seeder gives', () => {
    const seed = aTransfer(
      { state: 'seeding' },
      { upBytesPerSec: 1_048_576, upTotalBytes: 5_242_880, links: someLinks(1) },
    );

    expect(renderProgress(seed, { columns: 80, hasUnicode: true })).to.equal(
      'story.txt  seeding  1 MiB/s up  5 MiB sent  1 peer',
    );
  });
});

describe('stallReason', () => {
  it('names pieces that no peer has', () => {
    const stalled = aTransfer({}, { links: someLinks(2), missingEverywhere: [3, 7, 8, 9], missingEverywhereCount: 4 });

    expect(stallReason(stalled)).to.equal('no peer has 3, 7-9');
  });

  it('says that there are no peers, or why there is no tracker', () => {
    const failed = aTrackerSnapshot({ state: 'failed', message: 'connection refused' });

    expect(stallReason(aTransfer())).to.equal('looking for peers');
    expect(stallReason(aTransfer({}, { everAnswered: false, trackers: [failed] }))).to.equal(
      'no tracker: connection refused',
    );
  });

  it('is silent while bytes come', () => {
    expect(stallReason(busy)).to.equal(undefined);
  });
});

describe('progressInWords', () => {
  it('is one plain line', () => {
    expect(progressInWords(busy)).to.equal('story.txt: 57%, 34.4 KiB of 60 KiB, 12.4 MiB/s, 3 peers, 12s left');
  });
});

describe('renderBar', () => {
  it('is always as wide as asked', () => {
    expect(renderBar(0, 4, false)).to.equal('....');
    expect(renderBar(0.5, 4, false)).to.equal('##..');
    expect(renderBar(1.1, 4, true)).to.equal('████');
  });
});
