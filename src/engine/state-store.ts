/** The state folder of this process: copies and their ownership, who writes which. Main thread; synchronous. */
import { StorageError } from '../errors.js';
import type { SqliteDatabase } from '../database/sqlite.js';
import { CopyStore, type CopyRole, type CopyState, type Ownership } from '../store/copy-store.js';
import { lockCopy, lockPart, type CopyLock } from '../store/copy-lock.js';
import { openStateDatabase } from '../store/database.js';
import type { InfoHash, Metainfo } from '../metainfo/metainfo.js';
import type { Bitfield } from '../protocol/bitfield.js';
import { CopyRecorder } from './copy-recorder.js';
import type { DownloadTarget } from './download-target.js';

export class StateStore {
  readonly #stateDir: string;
  readonly #onNote: (message: string) => void;
  readonly #database: SqliteDatabase;
  readonly #copies: CopyStore;

  /**
   * @param stateDir absolute
   * @throws {P2P_STATE_UNUSABLE} {P2P_STATE_NEWER} {P2P_DISK_FULL} {P2P_DISK_FAILED}
   */
  constructor(stateDir: string, onNote: (message: string) => void) {
    this.#stateDir = stateDir;
    this.#onNote = onNote;
    this.#database = openStateDatabase(stateDir, { onNote });
    this.#copies = new CopyStore(this.#database);
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

  /** What is written down about a copy; undefined for one that is new here. */
  ownership(infoHash: InfoHash, rootPath: string): Ownership | undefined {
    const copy = this.#copies.findCopies(infoHash).find((each) => each.rootPath === rootPath);
    return copy && this.#copies.ownership(copy.id);
  }

  /** Whether the last download to this path that is not complete was of another torrent. */
  isPartOfAnother(infoHash: InfoHash, rootPath: string): boolean {
    const downloads = this.#copies
      .listCopies()
      .filter((copy) => copy.rootPath === rootPath && copy.role === 'download' && copy.state !== 'complete')
      .toSorted((one, other) => other.updatedAtMs - one.updatedAtMs);
    return downloads[0] !== undefined && downloads[0].infoHash !== infoHash;
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
  }): CopyRecorder {
    const { metainfo, owned, isDurable } = request;
    const copy = this.#copies.openCopy({
      infoHash: metainfo.infoHash,
      rootPath: request.rootPath,
      role: request.role,
      metainfoBytes: request.metainfoBytes,
      name: metainfo.name,
      totalBytes: metainfo.layout.totalBytes,
      pieceCount: metainfo.layout.pieceCount,
      trackerTiers: request.tiers,
    });
    const before = this.#copies.ownership(copy.id);
    const verified = [...owned.indices()].filter((index) => !before.verified.has(index));
    const durable = isDurable ? [...owned.indices()].filter((index) => !before.durable.has(index)) : [];
    const lost = [...before.verified.indices()].filter((index) => !owned.has(index));
    if (verified.length + durable.length + lost.length > 0) {
      this.#copies.recordPieces(copy.id, { verified, durable, lost });
    }
    return new CopyRecorder(this.#copies, copy.id);
  }

  setState(copy: CopyRecorder, state: CopyState): void {
    this.#patiently(() => {
      this.#copies.setState(copy.copyId, state);
    });
  }

  /** The copy is not used any more by this process. */
  closeCopy(copy: CopyRecorder, state: CopyState, totals: { readonly down: number; readonly up: number }): void {
    this.#patiently(() => {
      copy.flush();
      this.#copies.addTransferred(copy.copyId, totals);
      this.#copies.setState(copy.copyId, state);
      this.#copies.markStoppedCleanly(copy.copyId);
    });
    copy.close();
  }

  close(): void {
    this.#database.close();
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
