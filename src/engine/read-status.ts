/**
 * How all transfers of this machine stand, read from the state database, whichever process works on them. Loads neither
 * workers nor sockets, so that `p2p status` answers in a moment.
 */
import type { SqliteDatabase } from '../database/sqlite.js';
import { OptionError } from '../errors.js';
import { escapeText } from '../metainfo/escape-text.js';
import { parseMetainfo } from '../metainfo/parse-metainfo.js';
import { Bitfield } from '../protocol/bitfield.js';
import { CopyStore, type CopyRecord, type VerifiedCount } from '../store/copy-store.js';
import { hasStateDatabase, openStateDatabase } from '../store/database.js';
import { findNamedCopies } from '../store/find-copies.js';
import { RunStore } from '../store/run-store.js';
import type { TransferSnapshot, TransferState } from './engine-types.js';
import { wantedPieces } from './file-selection.js';
import type { CopyActivity, CopyDetail, CopyStatus, RunStatus } from './status-types.js';

export class StatusReader {
  readonly #stateDir: string;
  readonly #onNote: (message: string) => void;
  #open: { readonly database: SqliteDatabase; readonly copies: CopyStore; readonly runs: RunStore } | undefined;

  /**
   * @param stateDir folder; one without a database is one without copies
   * @param onNote told that a damaged database was set aside
   */
  constructor(stateDir: string, onNote: (message: string) => void) {
    this.#stateDir = stateDir;
    this.#onNote = onNote;
  }

  /**
   * All copies, oldest first.
   * @throws {P2P_STATE_UNUSABLE} {P2P_STATE_NEWER} {P2P_DISK_FULL} {P2P_DISK_FAILED}
   */
  list(): CopyStatus[] {
    const store = this.#store();
    if (!store) return [];
    const runs = this.#runsByCopy(store.runs);
    const counts = store.copies.countVerified();
    return store.copies.listCopies().map((record) => {
      const status = copyStatus(record, counts.get(record.id) ?? NOTHING, runs.get(record.id) ?? []);
      return { ...status, ...this.#wanted(store.copies, record) };
    });
  }

  /**
   * Those of them that a word names: by path, by info hash or its start, by name.
   * @param cwd folder that relative paths start from
   * @throws as `list`, and {P2P_TARGET_NOT_FOUND} when there are none
   */
  find(target: string, cwd: string): readonly CopyStatus[] {
    const found = findNamedCopies(this.list(), target, cwd);
    if (found.length > 0) return found;
    throw new OptionError(
      `no transfer here is named '${escapeText(target)}'; 'p2p status' lists them`,
      { target },
      'P2P_TARGET_NOT_FOUND',
    );
  }

  /**
   * One of them with its pieces and trackers.
   * @throws as `list`, and {P2P_INVARIANT} when the copy was removed meanwhile
   */
  detail(copy: CopyStatus): CopyDetail {
    const store = this.#store();
    if (!store) throw new TypeError('a copy of no database');
    const { verified, durable } = store.copies.ownership(copy.copyId);
    const record = store.copies.findCopy(copy.infoHash, copy.rootPath);
    const trackerTiers = store.copies.trackerTiers(copy.copyId);
    return { ...copy, pieceLengthBytes: record?.pieceLengthBytes, trackerTiers, verified, durable };
  }

  /** Idempotent. */
  close(): void {
    this.#open?.database.close();
    this.#open = undefined;
  }

  #store(): { readonly copies: CopyStore; readonly runs: RunStore } | undefined {
    if (!this.#open && hasStateDatabase(this.#stateDir)) {
      const database = openStateDatabase(this.#stateDir, { onNote: this.#onNote, checksContents: false });
      this.#open = { database, copies: new CopyStore(database), runs: new RunStore(database) };
    }
    return this.#open;
  }

  /** Of a download with a choice of files; a torrent is read for that alone, since it takes a while. */
  #wanted(copies: CopyStore, { id, infoHash, chosenFiles }: CopyRecord): Partial<CopyStatus> {
    const bytes = chosenFiles && copies.metainfoBytes(infoHash);
    if (!bytes) return {};
    const { layout, files } = parseMetainfo(bytes);
    const chosen = new Bitfield(files.length, chosenFiles);
    const { verified } = copies.ownership(id);
    const figures = { wantedPieces: 0, wantedBytes: 0, wantedVerifiedPieces: 0, wantedVerifiedBytes: 0 };
    for (const index of wantedPieces(layout, chosen).indices()) {
      const sizeBytes = layout.pieceSize(layout.pieceIndex(index));
      figures.wantedPieces += 1;
      figures.wantedBytes += sizeBytes;
      if (!verified.has(index)) continue;
      figures.wantedVerifiedPieces += 1;
      figures.wantedVerifiedBytes += sizeBytes;
    }
    return { ...figures, chosenFiles: chosen.count(), fileCount: files.filter(({ isPad }) => !isPad).length };
  }

  #runsByCopy(runs: RunStore): Map<number, RunStatus[]> {
    const byCopy = new Map<number, RunStatus[]>();
    for (const { copyId, pid, startedAtMs, updatedAtMs, snapshot } of runs.listLiveRuns(this.#stateDir)) {
      const run = { pid, startedAtMs, updatedAtMs, snapshot: JSON.parse(snapshot) as TransferSnapshot };
      byCopy.set(copyId, [...(byCopy.get(copyId) ?? []), run]);
    }
    return byCopy;
  }
}

const NOTHING: VerifiedCount = { pieces: 0, hasLast: false };

function copyStatus(record: CopyRecord, verified: VerifiedCount, runs: readonly RunStatus[]): CopyStatus {
  return {
    copyId: record.id,
    infoHash: record.infoHash,
    name: record.name,
    role: record.role,
    activity: activityOf(record, runs),
    rootPath: record.rootPath,
    totalBytes: record.totalBytes,
    pieceCount: record.pieceCount,
    verifiedPieces: verified.pieces,
    verifiedBytes: bytesOf(record, verified),
    chosenFiles: undefined,
    fileCount: undefined,
    wantedPieces: record.pieceCount,
    wantedBytes: record.totalBytes,
    wantedVerifiedPieces: verified.pieces,
    wantedVerifiedBytes: bytesOf(record, verified),
    downTotalBytes: record.downTotalBytes,
    upTotalBytes: record.upTotalBytes,
    createdAtMs: record.createdAtMs,
    updatedAtMs: record.updatedAtMs,
    runs,
    lastError: record.lastError,
    stoppedCleanly: record.stoppedCleanly,
  };
}

/** By share where the piece length is not known: a copy that an older p2p stored. */
function bytesOf({ totalBytes, pieceCount, pieceLengthBytes }: CopyRecord, { pieces, hasLast }: VerifiedCount): number {
  if (pieces >= pieceCount) return totalBytes;
  if (pieceLengthBytes === undefined) return Math.round((totalBytes * pieces) / pieceCount);
  const lackingBytes = hasLast ? pieceCount * pieceLengthBytes - totalBytes : 0;
  return pieces * pieceLengthBytes - lackingBytes;
}

const ACTIVE: ReadonlyMap<TransferState, CopyActivity> = new Map([
  ['checking', 'checking'],
  ['downloading', 'downloading'],
  ['finishing', 'finishing'],
  ['seeding', 'seeding'],
]);

function activityOf({ role, state }: CopyRecord, runs: readonly RunStatus[]): CopyActivity {
  for (const { snapshot } of runs) {
    const active = ACTIVE.get(snapshot.state);
    if (active) return active;
  }
  if (role === 'seed') return 'stopped';
  return state === 'complete' ? 'complete' : 'interrupted';
}
