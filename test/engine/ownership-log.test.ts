import { expect } from 'chai';
import { OwnershipLog, type OwnershipLogOptions, type RecordedPieces } from '../../src/engine/ownership-log.js';
import { P2pError, StorageError, type ErrorValue } from '../../src/errors.js';
import type { PieceIndex } from '../../src/metainfo/piece-layout.js';

const A_LOT_BYTES = 268_435_456;

describe('OwnershipLog', () => {
  let recorded: RecordedPieces[];
  let durable: PieceIndex[];
  let failures: ErrorValue[];

  beforeEach(() => {
    recorded = [];
    durable = [];
    failures = [];
  });

  function aLog(changes: Partial<OwnershipLogOptions> = {}): OwnershipLog {
    return new OwnershipLog({
      recorder: { record: (pieces) => void recorded.push(pieces) },
      syncFiles: () => Promise.resolve(),
      stampFiles: () => Promise.resolve([]),
      onDurable: (pieces) => void durable.push(...pieces),
      onFailed: (error) => void failures.push(error),
      ...changes,
    });
  }

  const piece = (index: number): PieceIndex => index as PieceIndex;

  it('writes intents and verified pieces down together, once', () => {
    const log = aLog();
    log.addIntent(piece(3));
    log.addVerified(piece(1), 128);

    log.flush();
    log.flush();

    expect(recorded).to.deep.equal([{ intents: [3], verified: [1] }]);
  });

  it('calls pieces durable only after the files were flushed', async () => {
    let flushed = (): void => {};
    const log = aLog({ syncFiles: () => new Promise((resolve) => (flushed = resolve)) });
    log.addVerified(piece(1), A_LOT_BYTES);
    log.syncWhenDue();
    log.addVerified(piece(2), 128);
    expect(durable).to.deep.equal([]);

    flushed();
    await new Promise(setImmediate);

    expect(durable).to.deep.equal([1]);
    expect(recorded.at(-1)).to.deep.equal({ durable: [1] });
    expect(recorded.flatMap(({ verified }) => verified ?? [])).to.include(1);
  });

  it('flushes nothing before time or bytes make it due', () => {
    let syncs = 0;
    const log = aLog({ syncFiles: () => Promise.resolve(void (syncs += 1)) });
    log.addVerified(piece(1), A_LOT_BYTES - 1);

    log.syncWhenDue();

    expect(syncs).to.equal(0);
  });

  it('makes everything durable that was verified before the files are closed', async () => {
    const log = aLog();
    log.addVerified(piece(1), 128);

    await log.closeFiles(() => {
      log.addVerified(piece(2), 128);
      return Promise.resolve();
    });

    expect(durable).to.deep.equal([1]);
  });

  it('waits for the flush under way before it closes the files', async () => {
    let flushed = (): void => {};
    const log = aLog({ syncFiles: () => new Promise((resolve) => (flushed = resolve)) });
    log.addVerified(piece(1), A_LOT_BYTES);
    log.syncWhenDue();
    let isClosed = false;

    const closing = log.closeFiles(() => Promise.resolve(void (isClosed = true)));
    await new Promise(setImmediate);
    expect(isClosed).to.equal(false);
    flushed();
    await closing;

    expect(durable).to.deep.equal([1]);
    expect(isClosed).to.equal(true);
  });

  it('flushes again what a worker thread that died could not flush', async () => {
    const log = aLog({ syncFiles: () => Promise.reject(new P2pError('P2P_WORKER_LOST', 'a worker thread died')) });
    log.addVerified(piece(1), A_LOT_BYTES);
    log.syncWhenDue();
    await new Promise(setImmediate);
    expect(durable).to.deep.equal([]);

    await log.closeFiles(() => Promise.resolve());

    expect(durable).to.deep.equal([1]);
    expect(failures).to.deep.equal([]);
  });

  it('fails when the files cannot be flushed', async () => {
    const log = aLog({ syncFiles: () => Promise.reject(new StorageError('P2P_DISK_FULL', 'full')) });
    log.addVerified(piece(1), A_LOT_BYTES);

    log.syncWhenDue();
    await new Promise(setImmediate);

    expect(failures.map(({ code }) => code)).to.deep.equal(['P2P_DISK_FULL']);
    expect(durable).to.deep.equal([]);
  });

  it('fails when the state can never be written', () => {
    const record = (): void => {
      throw new StorageError('P2P_STATE_UNUSABLE', 'torn');
    };
    const log = aLog({ recorder: { record } });
    log.addIntent(piece(0));

    log.flush();

    expect(failures.map(({ code }) => code)).to.deep.equal(['P2P_STATE_UNUSABLE']);
  });

  it('flushes nothing for a seed, which has no recorder', () => {
    let syncs = 0;
    const log = aLog({ recorder: undefined, syncFiles: () => Promise.resolve(void (syncs += 1)) });
    log.addVerified(piece(1), A_LOT_BYTES);

    log.syncWhenDue();
    log.flush();

    expect(syncs).to.equal(0);
    expect(recorded).to.deep.equal([]);
  });
});
