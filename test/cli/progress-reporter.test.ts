import { expect } from 'chai';
import { ProgressReporter, renderTotals } from '../../src/cli/progress-reporter.js';
import type { Transfer, TransferSnapshot } from '../../src/engine/engine-types.js';
import { captureOutput } from './captured-output.js';
import { aMetainfo, aTransfer, someLinks } from './snapshots.js';

/** A transfer whose snapshot a test sets. */
function aChangingTransfer(): { transfer: Transfer; set(snapshot: TransferSnapshot): void } {
  let current = aTransfer();
  const transfer: Transfer = {
    metainfo: aMetainfo(),
    role: 'download',
    snapshot: () => current,
    finished: new Promise(() => {}),
    over: new Promise(() => {}),
  };
  return {
    transfer,
    set: (snapshot) => {
      current = snapshot;
    },
  };
}

const at = (verifiedBytes: number): TransferSnapshot =>
  aTransfer({}, { verifiedBytes, links: someLinks(1), downBytesPerSec: 1_000 });

describe('ProgressReporter', () => {
  it('prints a JSON line only when something changed', () => {
    const { output, lines } = captureOutput({ json: true });
    const { transfer, set } = aChangingTransfer();
    const reporter = new ProgressReporter(
      output,
      () => [transfer],
      () => 0,
    );

    reporter.report();
    reporter.report();
    set(at(128));
    reporter.report();
    reporter.close();

    expect(lines().map(({ type, verifiedBytes }) => [type, verifiedBytes])).to.deep.equal([
      ['progress', 0],
      ['progress', 128],
    ]);
    expect(lines()[0]).to.include({ etaMs: null, peers: 0, state: 'downloading', version: 1 });
  });

  it('without a terminal logs at each tenth, and every 10 s when something moved', () => {
    const { output, stdout } = captureOutput();
    const { transfer, set } = aChangingTransfer();
    let nowMs = 0;
    const reporter = new ProgressReporter(
      output,
      () => [transfer],
      () => nowMs,
    );

    reporter.report();
    set(at(30_000));
    reporter.report();
    set(at(31_000));
    reporter.report();
    nowMs = 10_000;
    reporter.report();
    nowMs = 20_000;
    reporter.report();

    const percents = [...stdout().matchAll(/(\d+)%/g)].map(([, percent]) => percent);
    expect(percents).to.deep.equal(['48', '50']);
    expect(stdout()).not.to.include('\u001b').and.not.to.include('\r');
  });

  it('in the background of a terminal logs as it does without one', () => {
    const { output, stdout } = captureOutput({ tty: true, owner: 'others' });
    const { transfer, set } = aChangingTransfer();
    const reporter = new ProgressReporter(
      output,
      () => [transfer],
      () => 0,
    );

    reporter.start();
    set(at(30_000));
    reporter.report();
    reporter.close();

    expect(stdout()).to.match(/^story\.txt: 48%, .*\n$/);
    expect(stdout()).not.to.include('\u001b').and.not.to.include('\r');
  });

  it('in a terminal shows a line each, and a summary for many', () => {
    const few = captureOutput({ tty: true, columns: 100 });
    const many = captureOutput({ tty: true, columns: 100 });
    const transfers = Array.from({ length: 50 }, () => aChangingTransfer().transfer);
    const paint = ({ output }: typeof few, shown: Transfer[]): void => {
      const reporter = new ProgressReporter(
        output,
        () => shown,
        () => 0,
      );
      reporter.start();
      reporter.report();
      reporter.close();
    };

    paint(few, transfers.slice(0, 2));
    paint(many, transfers);

    expect(few.stdout().match(/story\.txt/g)).to.have.length(2);
    expect(many.stdout().match(/story\.txt/g)).to.have.length(5);
    expect(many.stdout()).to.include('50 torrents');
  });
});

describe('renderTotals', () => {
  it('adds up', () => {
    const snapshot = aTransfer({}, { upBytesPerSec: 1_024, upTotalBytes: 2_048, links: someLinks(2) });

    expect(renderTotals([snapshot, snapshot], 100)).to.equal(
      '2 torrents  0 B/s down  2 KiB/s up  4 KiB sent  4 connections',
    );
  });
});
