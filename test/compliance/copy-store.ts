/** The suite that a copy store passes wherever its database lies. */
import { expect } from 'chai';
import fc from 'fast-check';

import { InvariantError } from '../../src/errors.js';
import { type CopyRecord, CopyStore, type OpenCopyRequest } from '../../src/store/copy-store.js';
import { type PieceChanges, SPAN_PIECES } from '../../src/store/piece-bitmaps.js';
import type { SqliteDatabase } from '../../src/database/sqlite.js';
import { aCopyRequest, anInfoHash } from '../store/store-fixtures.js';

/**
 * Makes a mocha suite for one kind of database.
 * @param open a new, empty state database
 * @param reopen the same database again, as a later process would see it; left out where there is no later
 */
export function describeCopyStore(
  title: string,
  open: () => SqliteDatabase,
  reopen?: (database: SqliteDatabase) => SqliteDatabase,
): void {
  describe(`CopyStore over ${title}`, () => {
    let database: SqliteDatabase;
    let store: CopyStore;
    let nowMs: number;
    beforeEach(() => {
      nowMs = 1000;
      database = open();
      store = new CopyStore(database, () => nowMs);
    });
    afterEach(() => {
      database.close();
    });

    /** The store as it is after the process ended and began again. */
    function later(): CopyStore {
      if (!reopen) return store;
      database = reopen(database);
      store = new CopyStore(database, () => nowMs);
      return store;
    }

    function aCopy(changes: Partial<OpenCopyRequest> = {}): CopyRecord {
      return store.openCopy(aCopyRequest(changes));
    }

    /** The set bits of each bitfield. */
    function owned(id: number): Record<'intents' | 'verified' | 'durable', number[]> {
      const { intents, verified, durable } = store.ownership(id);
      return { intents: [...intents.indices()], verified: [...verified.indices()], durable: [...durable.indices()] };
    }

    it('opens a copy and finds it again', () => {
      const opened = aCopy();

      expect(opened).to.deep.equal({
        id: opened.id,
        infoHash: anInfoHash(),
        rootPath: '/output/story.txt',
        role: 'download',
        state: 'checking',
        name: 'story.txt',
        totalBytes: 1280,
        pieceCount: 10,
        pieceLengthBytes: 128,
        createdAtMs: 1000,
        updatedAtMs: 1000,
        downTotalBytes: 0,
        upTotalBytes: 0,
        stoppedCleanly: false,
        lastError: undefined,
        chosenFiles: undefined,
      });
      expect(later().listCopies()).to.deep.equal([opened]);
      expect(store.findCopies(anInfoHash())).to.deep.equal([opened]);
      expect(store.findCopies(anInfoHash('b'))).to.deep.equal([]);
      expect(store.metainfoBytes(anInfoHash())).to.deep.equal(Buffer.of(0x64, 0x65));
      expect(store.metainfoBytes(anInfoHash('b'))).to.equal(undefined);
    });

    it('takes one path for one copy, and another path for another', () => {
      const first = aCopy();
      nowMs = 2000;
      const again = aCopy({ role: 'seed' });
      const other = aCopy({ rootPath: '/elsewhere/story.txt' });

      expect(again).to.deep.equal({ ...first, role: 'seed', updatedAtMs: 2000 });
      expect(later().findCopies(anInfoHash())).to.deep.equal([again, other]);
    });

    it('keeps state, counters and how it stopped', () => {
      const { id } = aCopy();
      store.setState(id, 'seeding');
      store.addTransferred(id, { down: 5, up: 7 });
      store.addTransferred(id, { down: 2 ** 40, up: 0 });
      store.markStoppedCleanly(id);

      const reopened = later().openCopy(aCopyRequest());
      expect(reopened).to.include({ state: 'seeding', downTotalBytes: 2 ** 40 + 5, upTotalBytes: 7 });
      expect(reopened.stoppedCleanly).to.equal(true);
      expect(store.listCopies()[0]).to.include({ stoppedCleanly: false });
    });

    it('keeps which files were chosen last, and that it is one thing again', () => {
      const chosenFiles = Buffer.of(0b1010_0000);
      expect(aCopy({ chosenFiles }).chosenFiles).to.deep.equal(chosenFiles);
      expect(later().listCopies()[0]?.chosenFiles).to.deep.equal(chosenFiles);

      later().openCopy(aCopyRequest());

      expect(store.listCopies()[0]?.chosenFiles).to.equal(undefined);
    });

    it('keeps tracker tiers in order, and the old ones when none are given', () => {
      const tiers = [['http://a/announce', 'http://b/announce'], ['udp://c:1']];
      const { id } = aCopy({ trackerTiers: tiers });
      later().openCopy(aCopyRequest({ trackerTiers: [] }));

      expect(store.trackerTiers(id)).to.deep.equal(tiers);

      store.openCopy(aCopyRequest({ trackerTiers: [['http://d/announce']] }));
      expect(store.trackerTiers(id)).to.deep.equal([['http://d/announce']]);
    });

    it('keeps how files looked, to the nanosecond and with inodes of 64 bits', () => {
      const { id } = aCopy();
      const file = { sizeBytes: 2 ** 45, mtimeNs: 1_700_000_000_123_456_789n, ctimeNs: 1n, inode: 2n ** 64n - 1n };
      store.recordFiles(id, [
        { fileIndex: 0, ...file },
        { fileIndex: 3, ...file, sizeBytes: 0 },
      ]);
      store.recordFiles(id, [{ fileIndex: 3, ...file, sizeBytes: 9 }]);

      expect([...later().files(id).values()]).to.deep.equal([
        { fileIndex: 0, ...file },
        { fileIndex: 3, ...file, sizeBytes: 9 },
      ]);
    });

    it('owns nothing at first', () => {
      expect(owned(aCopy().id)).to.deep.equal({ intents: [], verified: [], durable: [] });
      expect(store.ownership(aCopy().id).verified.length).to.equal(10);
    });

    it('leads a piece from intent through verified to durable, and back when it is lost', () => {
      const { id } = aCopy();

      store.recordPieces(id, { intents: [0, 9] });
      expect(owned(id)).to.deep.equal({ intents: [0, 9], verified: [], durable: [] });
      store.recordPieces(id, { verified: [9, 4] });
      expect(owned(id)).to.deep.equal({ intents: [0], verified: [4, 9], durable: [] });
      store.recordPieces(id, { durable: [9] });
      later();
      expect(owned(id)).to.deep.equal({ intents: [0], verified: [4, 9], durable: [9] });
      store.recordPieces(id, { lost: [9, 0, 1] });
      expect(owned(id)).to.deep.equal({ intents: [], verified: [4], durable: [] });
    });

    it('does not turn a verified piece back into an intent', () => {
      const { id } = aCopy();
      store.recordPieces(id, { verified: [1] });
      store.recordPieces(id, { intents: [1] });

      expect(owned(id)).to.deep.equal({ intents: [], verified: [1], durable: [] });
    });

    it('takes verified and durable in one batch, and believes in nothing that it also calls lost', () => {
      const { id } = aCopy();
      store.recordPieces(id, { intents: [1, 2, 3], verified: [1, 2], durable: [1, 2], lost: [2, 3] });

      expect(owned(id)).to.deep.equal({ intents: [], verified: [1], durable: [1] });
    });

    it('refuses durable pieces that are not verified, and records nothing of that batch', () => {
      const { id } = aCopy();

      expect(() => store.recordPieces(id, { verified: [1], durable: [1, 2] })).to.throw(InvariantError);
      expect(owned(id)).to.deep.equal({ intents: [], verified: [], durable: [] });
    });

    it('refuses pieces that the copy does not have, and copies that are not there', () => {
      const { id } = aCopy();

      for (const index of [-1, 10, 0.5, NaN]) {
        expect(() => store.recordPieces(id, { verified: [index] })).to.throw(InvariantError, `no piece ${index}`);
      }
      expect(() => store.recordPieces(id + 1, { verified: [0] })).to.throw(InvariantError);
      expect(() => store.ownership(id + 1)).to.throw(InvariantError);
    });

    it('keeps pieces around the borders of spans apart', () => {
      const pieceCount = 2 * SPAN_PIECES + 1;
      const { id } = aCopy({ pieceCount });
      const borders = [0, SPAN_PIECES - 1, SPAN_PIECES, 2 * SPAN_PIECES - 1, 2 * SPAN_PIECES];
      store.recordPieces(id, { verified: borders, durable: [SPAN_PIECES] });
      store.recordPieces(id, { intents: [1, SPAN_PIECES + 1] });

      later();
      expect(owned(id)).to.deep.equal({ intents: [1, SPAN_PIECES + 1], verified: borders, durable: [SPAN_PIECES] });
      expect(store.ownership(id).verified.hasSpareBits()).to.equal(false);
    });

    it('works for a torrent without pieces', () => {
      const { id } = aCopy({ pieceCount: 0, totalBytes: 0 });
      store.recordPieces(id, {});

      expect(store.ownership(id).verified.isFull()).to.equal(true);
    });

    it('agrees with plain sets over any history, with durable ⊆ verified and no verified intent', () => {
      const { id } = aCopy({ pieceCount: 5000 });
      const anIndex = fc.integer({ min: 4000, max: 4200 });
      const someIndices = fc.array(anIndex, { maxLength: 20 });
      const aBatch = fc.record({ intents: someIndices, verified: someIndices, lost: someIndices, sync: fc.boolean() });

      fc.assert(
        fc.property(fc.array(aBatch, { maxLength: 12 }), (batches) => {
          const model = aModel();
          store.recordPieces(id, { lost: Array.from({ length: 5000 }, (_, index) => index) });
          for (const { sync, ...batch } of batches) {
            const durable = sync ? [...model.verified, ...batch.verified] : [];
            store.recordPieces(id, { ...batch, durable });
            model.apply({ ...batch, durable });
          }

          const { intents, verified, durable } = store.ownership(id);
          expect([...intents.indices()]).to.deep.equal(sorted(model.intents));
          expect([...verified.indices()]).to.deep.equal(sorted(model.verified));
          expect([...durable.indices()]).to.deep.equal(sorted(model.durable));
          expect([...durable.indices()].every((index) => verified.has(index))).to.equal(true);
          expect([...intents.indices()].some((index) => verified.has(index))).to.equal(false);
        }),
        { numRuns: 40 },
      );
    });

    it('keeps copies apart, and forgets one with its torrent when it was the last', () => {
      const one = aCopy();
      const two = aCopy({ rootPath: '/two' });
      store.recordPieces(one.id, { verified: [1] });
      store.recordPieces(two.id, { verified: [2] });
      store.removeCopy(one.id);
      store.removeCopy(one.id);

      expect(later().listCopies()).to.deep.equal([two]);
      expect(owned(two.id).verified).to.deep.equal([2]);
      expect(store.metainfoBytes(anInfoHash())).to.not.equal(undefined);

      store.removeCopy(two.id);
      expect(store.metainfoBytes(anInfoHash())).to.equal(undefined);
      expect(owned(aCopy().id).verified).to.deep.equal([]);
    });

    it('records 4,000 pieces in one transaction', function () {
      const pieceCount = 100_000;
      const { id } = aCopy({ pieceCount });
      const pieces = Array.from({ length: 4000 }, (_, index) => (index * 7919) % pieceCount);

      const startMs = performance.now();
      store.recordPieces(id, { intents: pieces });
      store.recordPieces(id, { verified: pieces });
      const elapsedMs = performance.now() - startMs;

      expect(store.ownership(id).verified.count()).to.equal(4000);
      if (this.test) this.test.title += ` (twice, all over 100,000: ${elapsedMs.toFixed(1)} ms)`;
    });
  });
}

interface Model {
  readonly intents: Set<number>;
  readonly verified: Set<number>;
  readonly durable: Set<number>;
  apply(changes: PieceChanges): void;
}

function aModel(): Model {
  const [intents, verified, durable] = [new Set<number>(), new Set<number>(), new Set<number>()];
  return {
    intents,
    verified,
    durable,
    apply(changes) {
      for (const index of changes.intents ?? []) if (!verified.has(index)) intents.add(index);
      for (const index of changes.verified ?? []) {
        verified.add(index);
        intents.delete(index);
      }
      for (const index of changes.durable ?? []) durable.add(index);
      for (const index of changes.lost ?? []) for (const set of [intents, verified, durable]) set.delete(index);
    },
  };
}

function sorted(indices: ReadonlySet<number>): number[] {
  return [...indices].sort((one, other) => one - other);
}
