/** An engine of object literals, for tests of how sessions go. */
import type { EngineSession } from '../../src/cli/engine-session.js';
import { EventPrinter } from '../../src/cli/event-printer.js';
import type { Output } from '../../src/cli/output.js';
import { StopSignal } from '../../src/cli/stop-signal.js';
import type { EngineApi, Transfer, TransferOutcome, TransferSnapshot } from '../../src/engine/engine-types.js';
import { aMetainfo, aTransfer } from './snapshots.js';

export interface FakeTransfer {
  readonly transfer: Transfer;
  end(outcome: Partial<TransferOutcome>): void;
}

/** A transfer that ends when the test says so. */
export function aFakeTransfer(
  fields: Partial<TransferSnapshot> = {},
  role: Transfer['role'] = 'download',
): FakeTransfer {
  const snapshot = aTransfer(fields);
  let resolve: (outcome: TransferOutcome) => void = () => {};
  const finished = new Promise<TransferOutcome>((settle) => {
    resolve = settle;
  });
  return {
    transfer: {
      ...{ metainfo: aMetainfo({ name: snapshot.name }), role, snapshot: () => snapshot, finished },
      over: role === 'seed' ? finished.then(() => undefined) : new Promise(() => undefined),
    },
    end: (outcome) => resolve({ state: 'complete', elapsedMs: 10, snapshot, ...outcome }),
  };
}

/** A session whose engine does what `methods` say, and throws for the rest. Close its `stop` at the end. */
export function aSession(output: Output, methods: Partial<EngineApi>): EngineSession {
  const refuse = (): never => {
    throw new Error('this test does not expect that call');
  };
  const engine: EngineApi = {
    seed: refuse,
    download: refuse,
    resume: refuse,
    create: refuse,
    resolve: refuse,
    scrape: refuse,
    verify: refuse,
    catalogue: refuse,
    hashes: refuse,
    transfers: [],
    close: () => Promise.resolve(),
    ...methods,
  };
  return { engine, stop: new StopSignal(), events: new EventPrinter(output) };
}
