/** The state folder of this process: copies and their ownership, who writes which. Main thread; synchronous. */
import path from 'node:path';

import { StorageError, type ErrorValue } from '../errors.js';
import { isRetryable, type SqliteDatabase } from '../database/sqlite.js';
import {
  CopyStore,
  type CopyFile,
  type CopyRecord,
  type CopyRole,
  type CopyState,
  type Ownership,
} from '../store/copy-store.js';
import { lockCopy, lockPart, type CopyLock } from '../store/copy-lock.js';
import { openStateDatabase } from '../store/database.js';
import type { RunReport } from '../store/run-store.js';
import type { InfoHash, Metainfo } from '../metainfo/metainfo.js';
import type { Bitfield } from '../protocol/bitfield.js';
import { CopyRecorder } from './copy-recorder.js';
import type { KnownCopy } from './copy-trust.js';
import type { DownloadTarget } from './download-target.js';
import { ProcessEntry } from './process-entry.js';

/** A copy that was used before. */
export interface StoredCopy extends KnownCopy {
  readonly record: CopyRecord;
}

export class StateStore {
  readonly #stateDir: string;
  readonly #onNote: (message: string) => void;
  readonly #database: SqliteDatabase;
  readonly #copies: CopyStore;
  readonly #process: ProcessEntry;

  /**
   * @param stateDir absolute
   * @throws {P2P_STATE_UNUSABLE} {P2P_STATE_NEWER} {P2P_DISK_FULL} {P2P_DISK_FAILED}
   */
  constructor(stateDir: string, onNote: (message: string) => void) {
    this.#stateDir = stateDir;
    this.#onNote = onNote;
    this.#database = openStateDatabase(stateDir, { onNote });
    this.#copies = new CopyStore(this.#database);
    this.#process = new ProcessEntry(stateDir, this.#database);
  }

  get databasePath(): string {
    return this.#database.name;
  }

  /**
   * The right to write a copy and its `.part`, which torrents of one name share.
   * @throws {P2P_COPY_IN_USE} {P2P_PART_OF_ANOTHER_TORRENT} saying which process writes it
   */
  lock(infoHash: InfoHash, { targetPath, partPath }: DownloadTarget): CopyLock {
    const copyLock = lockCopy(this.#stateDir, infoHash, targetPath);
    try {
      const partLock = lockPart(this.#stateDir, partPath);
      return {
        release: () => {
          partLock.release();
          copyLock.release();
        },
      };
    } catch (error) {
      copyLock.release();
      throw error;
    }
  }

  /** What a copy is, without its pieces; undefined for one that is new here. */
  recordOf(infoHash: InfoHash, rootPath: string): CopyRecord | undefined {
    return this.#copies.findCopy(infoHash, rootPath);
  }

  /** What is written down about a copy; undefined for one that is new here. */
  known(infoHash: InfoHash, rootPath: string): StoredCopy | undefined {
    const record = this.#copies.findCopy(infoHash, rootPath);
    return record && this.#withPieces(record);
  }

  /** All that is written down about copies whose data has this absolute path, the latest first. */
  knownAt(rootPath: string): StoredCopy[] {
    return this.#copies
      .findCopiesAt(rootPath)
      .toSorted((one, other) => other.updatedAtMs - one.updatedAtMs)
      .map((record) => this.#withPieces(record));
  }

  /** Writes down for a copy that is known already. */
  recorderOf(infoHash: InfoHash, rootPath: string): CopyRecorder | undefined {
    const record = this.#copies.findCopy(infoHash, rootPath);
    return record && new CopyRecorder(this.#copies, record.id);
  }

  /** This process does not work on the copy any more. */
  leave(copy: CopyRecorder): void {
    this.#patiently(() => {
      this.#process.leave(copy.copyId);
    });
  }

  /** The .torrent file of a stored copy. */
  metainfoBytes(infoHash: InfoHash): Uint8Array | undefined {
    return this.#copies.metainfoBytes(infoHash);
  }

  /** Keeps a torrent that no copy belongs to yet; one that is known stays as it is. */
  keepTorrent({ infoHash, name, layout }: Metainfo, metainfoBytes: Uint8Array): void {
    const { totalBytes, pieceCount, pieceLengthBytes } = layout;
    this.#copies.addTorrent({ infoHash, name, totalBytes, pieceCount, pieceLengthBytes, metainfoBytes });
  }

  /** Announce URLs by tier, as they were used last. */
  trackerTiers(copyId: number): string[][] {
    return this.#copies.trackerTiers(copyId);
  }

  /** Downloads that are not complete, and have or had this folder as their output. */
  unfinishedIn(folder: string): CopyRecord[] {
    return this.#copies
      .listCopies()
      .filter(
        (copy) => copy.role === 'download' && copy.state !== 'complete' && path.dirname(copy.rootPath) === folder,
      );
  }

  /** Whether what lies in the `.part` of this path was written by a download of another torrent. */
  isPartOfAnother(infoHash: InfoHash, rootPath: string): boolean {
    const [last] = this.#copies
      .findCopiesAt(rootPath)
      // One with a choice of files keeps its `.part` when it is complete.
      .filter(({ role, state, chosenFiles }) => role === 'download' && (state !== 'complete' || chosenFiles))
      .toSorted((one, other) => other.updatedAtMs - one.updatedAtMs);
    return last !== undefined && last.infoHash !== infoHash;
  }

  /** Takes a copy up: what was just found to be owned is written down, what was lost is taken back. */
  openCopy(request: {
    readonly metainfo: Metainfo;
    readonly rootPath: string;
    readonly role: CopyRole;
    readonly metainfoBytes: Uint8Array;
    readonly tiers: readonly (readonly string[])[];
    readonly owned: Bitfield;
    /** Whether all of `owned` was flushed to the disk. */
    readonly isDurable: boolean;
    /** How its files look now, with those bytes. */
    readonly files: Iterable<CopyFile>;
    /** Files that are fetched, one bit each, when each gets its name by itself. */
    readonly chosen?: Bitfield | undefined;
    /** What it begins with; as it was when left out. */
    readonly state?: CopyState;
  }): CopyRecorder {
    const { metainfo, owned, isDurable } = request;
    const before = this.#copies.findCopy(metainfo.infoHash, request.rootPath);
    // First of all: while the record says that its last run ended in order, and how the files looked then, a power cut
    // leaves what is noticed again at the next start. As soon as it says that a run is under way, what it calls durable is
    // believed.
    const ownedBefore = before && this.#copies.ownership(before.id);
    if (before && ownedBefore) this.#recordLost(before.id, owned, ownedBefore);
    const copyId = this.#copies.together(() => {
      const copy = this.#copies.openCopy({
        infoHash: metainfo.infoHash,
        rootPath: request.rootPath,
        role: request.role,
        metainfoBytes: request.metainfoBytes,
        name: metainfo.name,
        totalBytes: metainfo.layout.totalBytes,
        pieceCount: metainfo.layout.pieceCount,
        pieceLengthBytes: metainfo.layout.pieceLengthBytes,
        trackerTiers: request.tiers,
        chosenFiles: request.chosen?.bytes,
      });
      this.#copies.recordFiles(copy.id, [...request.files]);
      if (request.state) this.#copies.setState(copy.id, request.state);
      return copy.id;
    });
    this.#recordGained(copyId, owned, ownedBefore, isDurable);
    return new CopyRecorder(this.#copies, copyId);
  }

  #recordLost(copyId: number, owned: Bitfield, before: Ownership): void {
    const lost = [...before.verified.indices()].filter((index) => !owned.has(index));
    if (lost.length > 0) this.#copies.recordPieces(copyId, { lost });
  }

  /** @param before undefined for a copy that owned nothing */
  #recordGained(copyId: number, owned: Bitfield, before: Ownership | undefined, isDurable: boolean): void {
    const verified = [...owned.indices()].filter((index) => before?.verified.has(index) !== true);
    const durable = isDurable ? [...owned.indices()].filter((index) => before?.durable.has(index) !== true) : [];
    if (verified.length + durable.length > 0) this.#copies.recordPieces(copyId, { verified, durable });
  }

  /** A download has its final name; from now on its files are only read. */
  completeCopy(copy: CopyRecorder, files: Iterable<CopyFile>): void {
    this.#patiently(() => {
      this.#copies.recordFiles(copy.copyId, [...files]);
      this.#copies.setState(copy.copyId, 'complete');
    });
  }

  /** A copy that is only read was checked again. */
  recordServed(copy: CopyRecorder, owned: Bitfield, files: Iterable<CopyFile>): void {
    this.#patiently(() => {
      const before = this.#copies.ownership(copy.copyId);
      this.#recordLost(copy.copyId, owned, before);
      this.#recordGained(copy.copyId, owned, before, false);
      this.#copies.recordFiles(copy.copyId, [...files]);
    });
  }

  /** How files of a copy look, whose pieces are recorded already. */
  recordFiles(copy: CopyRecorder, files: Iterable<CopyFile>): void {
    this.#patiently(() => {
      this.#copies.recordFiles(copy.copyId, [...files]);
    });
  }

  setState(copy: CopyRecorder, state: CopyState): void {
    this.#patiently(() => {
      this.#copies.setState(copy.copyId, state);
    });
  }

  /**
   * The copy is not used any more by this process.
   * @param end.isFlushed everything verified is on the disk, so that the next start believes it
   * @param end.error what ended it, unless somebody wanted it to end
   */
  closeCopy(
    copy: CopyRecorder,
    state: CopyState,
    end: {
      readonly totals: { readonly down: number; readonly up: number };
      readonly isFlushed: boolean;
      readonly error?: ErrorValue | undefined;
    },
  ): void {
    this.#patiently(() => {
      copy.flush();
      const { down, up } = copy.takeTransferred(end.totals);
      this.#copies.addTransferred(copy.copyId, { down, up });
      this.#copies.setState(copy.copyId, state);
      this.#copies.setLastError(copy.copyId, end.error);
      this.#process.leave(copy.copyId);
      if (end.isFlushed && !copy.isPending) this.#copies.markStoppedCleanly(copy.copyId);
    });
    copy.close();
  }

  /**
   * Writes down how transfers go, for `p2p status` of other processes.
   * @returns false when another process was writing: nothing of it is written
   */
  report(reports: readonly RunReport[]): boolean {
    try {
      this.#process.report(reports);
      return true;
    } catch (error) {
      if (isRetryable(error)) return false;
      throw error;
    }
  }

  close(): void {
    this.#patiently(() => {
      this.#process.close();
    });
    this.#database.close();
  }

  #withPieces(record: CopyRecord): StoredCopy {
    const { id, role, state, stoppedCleanly } = record;
    return {
      record,
      ownership: this.#copies.ownership(id),
      files: this.#copies.files(id),
      stoppedCleanly,
      isAtRest: stoppedCleanly || role === 'seed' || state === 'complete',
    };
  }

  /** The transfer is over or goes on either way; the next start finds an unclean stop and hashes what is doubtful. */
  #patiently(write: () => void): void {
    try {
      write();
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      this.#onNote(`the state of a transfer could not be written: ${error.message}`);
    }
  }
}
