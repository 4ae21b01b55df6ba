import { expect } from 'chai';
import { CopyRecorder } from '../../src/engine/copy-recorder.js';
import { StorageError } from '../../src/errors.js';
import type { CopyStore } from '../../src/store/copy-store.js';
import type { PieceChanges } from '../../src/store/piece-bitmaps.js';

/** A store whose first writes fail as given. */
function aStore(...failures: StorageError[]): {
  store: CopyStore;
  written: PieceChanges[];
  flushed: PieceChanges[];
  next: () => Promise<void>;
} {
  const written: PieceChanges[] = [];
  const flushed: PieceChanges[] = [];
  let wake = (): void => {};
  const recordPieces = (_copyId: number, changes: PieceChanges, flush: boolean): void => {
    const failure = failures.shift();
    if (failure) throw failure;
    written.push(changes);
    if (flush) flushed.push(changes);
    wake();
  };
  const next = (): Promise<void> => new Promise((resolve) => (wake = resolve));
  return { store: { recordPieces } as unknown as CopyStore, written, flushed, next };
}

const busy = (): StorageError => new StorageError('P2P_STATE_UNUSABLE', 'locked', { cause: 'SQLITE_BUSY' });
const torn = (): StorageError => new StorageError('P2P_STATE_UNUSABLE', 'torn', { cause: 'SQLITE_CORRUPT' });

describe('CopyRecorder', () => {
  it('writes at once', () => {
    const { store, written } = aStore();

    new CopyRecorder(store, 1).record({ verified: [1, 2] });

    expect(written).to.deep.equal([{ intents: [], verified: [1, 2], durable: [] }]);
  });

  it('keeps what could not be written while another process writes, and writes it with the next', () => {
    const { store, written } = aStore(busy());
    const recorder = new CopyRecorder(store, 1);

    recorder.record({ intents: [1] });
    expect(written).to.deep.equal([]);
    recorder.record({ verified: [2] });

    expect(written).to.deep.equal([{ intents: [1], verified: [2], durable: [] }]);
  });

  it('writes it a little later when nothing else comes', async () => {
    const { store, written, next } = aStore(busy(), busy());
    const later = next();

    new CopyRecorder(store, 1).record({ durable: [4] });
    await later;

    expect(written).to.deep.equal([{ intents: [], verified: [], durable: [4] }]);
  });

  it('flushes its first intents, and nothing else', () => {
    const { store, flushed } = aStore(busy());
    const recorder = new CopyRecorder(store, 1);

    recorder.record({ intents: [1] });
    recorder.record({ intents: [2] });
    recorder.record({ intents: [3], verified: [1] });

    expect(flushed).to.deep.equal([{ intents: [1, 2], verified: [], durable: [] }]);
  });

  it('flushes nothing before there are intents', () => {
    const { store, flushed } = aStore();
    const recorder = new CopyRecorder(store, 1);

    recorder.record({ verified: [1] });
    expect(flushed).to.deep.equal([]);
    recorder.record({ intents: [2] });

    expect(flushed).to.have.lengthOf(1);
  });

  it('throws what can never be written', () => {
    expect(() => new CopyRecorder(aStore(torn()).store, 1).record({ verified: [1] })).to.throw('torn');
  });

  it('writes nothing any more once it is closed', () => {
    const { store, written } = aStore(busy());
    const recorder = new CopyRecorder(store, 1);
    recorder.record({ verified: [1] });

    recorder.close();
    recorder.record({ verified: [2] });

    expect(written).to.deep.equal([]);
    // The hook of the whole run fails when the timer is still there.
  });
});
