/**
 * Writes down once a second how the transfers of this process go, in one transaction, so that `p2p status` of another
 * process can tell; and counts their payload, so that a crash loses a second of it at most. What did not change is not
 * written again.
 */
import { P2pError } from '../errors.js';
import type { RunReport } from '../store/run-store.js';
import type { CopyRecorder } from './copy-recorder.js';
import type { TransferSnapshot } from './engine-types.js';
import type { StateStore } from './state-store.js';
import { TimeShare } from './time-share.js';

const REPORT_EVERY_MS = 1_000;

/** What is reported of. */
export interface ReportedTransfer {
  readonly copy: CopyRecorder;
  snapshot(): TransferSnapshot;
}

export class RunReporter {
  readonly #store: Pick<StateStore, 'report'>;
  readonly #transfers: () => Iterable<ReportedTransfer>;
  readonly #timer: NodeJS.Timeout;
  readonly #first: NodeJS.Immediate;
  readonly #share = new TimeShare();
  /** What was written last of each copy. */
  readonly #last = new Map<number, string>();

  constructor(store: Pick<StateStore, 'report'>, transfers: () => Iterable<ReportedTransfer>) {
    this.#store = store;
    this.#transfers = transfers;
    this.#timer = setInterval(() => {
      this.#share.run(() => {
        this.report();
      });
    }, REPORT_EVERY_MS);
    this.#timer.unref();
    // The first at once, so that a process is seen as soon as it works.
    this.#first = setImmediate(() => {
      this.report();
    });
  }

  /** Says how things stand now. A report that cannot be written is left to the next: nobody depends on it. */
  report(): void {
    const reports: RunReport[] = [];
    const written = new Map<number, string>();
    const counted: { readonly copy: CopyRecorder; readonly down: number; readonly up: number }[] = [];
    for (const { copy, snapshot } of this.#snapshots()) {
      const { downTotalBytes: down, upTotalBytes: up } = snapshot.swarm;
      const since = copy.takeTransferred({ down, up });
      counted.push({ copy, ...since });
      const text = JSON.stringify(withoutCountdowns(snapshot));
      if (this.#last.get(copy.copyId) === text && since.down + since.up === 0) continue;
      written.set(copy.copyId, text);
      reports.push({ copyId: copy.copyId, snapshot: text, downBytes: since.down, upBytes: since.up });
    }
    if (this.#isWritten(reports)) for (const [copyId, text] of written) this.#last.set(copyId, text);
    else for (const { copy, down, up } of counted) copy.giveBackTransferred({ down, up });
  }

  close(): void {
    clearInterval(this.#timer);
    clearImmediate(this.#first);
  }

  *#snapshots(): Generator<{ readonly copy: CopyRecorder; readonly snapshot: TransferSnapshot }> {
    for (const transfer of this.#transfers()) yield { copy: transfer.copy, snapshot: transfer.snapshot() };
  }

  #isWritten(reports: readonly RunReport[]): boolean {
    try {
      return this.#store.report(reports);
    } catch (error) {
      // A full disk or a lost state folder ends transfers where it hurts them: when they write down what they own.
      if (error instanceof P2pError) return false;
      throw error;
    }
  }
}

/** The time to the next announce runs down in every snapshot: with it nothing would ever be as it was. */
function withoutCountdowns(snapshot: TransferSnapshot): TransferSnapshot {
  const trackers = snapshot.swarm.trackers.map((tracker) => ({ ...tracker, nextAnnounceInMs: 0 }));
  return { ...snapshot, swarm: { ...snapshot.swarm, trackers } };
}
