/** The state folder of this process: copies and their ownership, who writes which. Main thread; synchronous. */
import { StorageError } from '../errors.js';
import type { SqliteDatabase } from '../database/sqlite.js';
import { CopyStore, type CopyRole, type CopyState, type Ownership } from '../store/copy-store.js';
import { lockCopy, type CopyLock } from '../store/copy-lock.js';
import { openStateDatabase } from '../store/database.js';
import type { InfoHash, Metainfo } from '../metainfo/metainfo.js';
import type { Bitfield } from '../protocol/bitfield.js';
import { CopyRecorder } from './copy-recorder.js';

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

  /** @throws {P2P_COPY_IN_USE} saying which process writes the copy */
  lock(infoHash: InfoHash, rootPath: string): CopyLock {
    return lockCopy(this.#stateDir, infoHash, rootPath);
  }

  /** What is written down about a copy; undefined for one that is new here. */
  ownership(infoHash: InfoHash, rootPath: string): Ownership | undefined {
    const copy = this.#copies.findCopies(infoHash).find((each) => each.rootPath === rootPath);
    return copy && this.#copies.ownership(copy.id);
  }

  /** Name of another torrent that is being downloaded to the same path and not complete. */
  otherDownloadAt(infoHash: InfoHash, rootPath: string): string | undefined {
    const other = this.#copies
      .listCopies()
      .find(
        (copy) =>
          copy.rootPath === rootPath &&
          copy.infoHash !== infoHash &&
          copy.role === 'download' &&
          copy.state !== 'complete',
      );
    return other?.infoHash;
  }

  /** Takes a copy up: what was just found to be owned is written down, what was lost is taken back. */
  openCopy(request: {
    readonly metainfo: Metainfo;
    readonly rootPath: string;
    readonly role: CopyRole;
    readonly metainfoBytes: Uint8Array;
    readonly tiers: readonly (readonly string[])[];
    readonly owned: Bitfield;
  }): CopyRecorder {
    const { metainfo, owned } = request;
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
    const { verified } = this.#copies.ownership(copy.id);
    const found = [...owned.indices()].filter((index) => !verified.has(index));
    const lost = [...verified.indices()].filter((index) => !owned.has(index));
    if (found.length + lost.length > 0) this.#copies.recordPieces(copy.id, { verified: found, lost });
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
