/**
 * The copies of torrents on this machine, and which of their pieces are owned. A copy is an info hash and the absolute
 * path that its data has when it is complete.
 *
 * Runs on the main thread. Every writing method is one immediate transaction: it holds wholly or not at all, also after
 * kill -9. Any method may throw a `StorageError`; where `isRetryable` says so, another process was writing and the same
 * call may succeed a little later.
 */
import { InvariantError, type ErrorValue } from '../errors.js';
import type { InfoHash } from '../metainfo/metainfo.js';
import { Bitfield } from '../protocol/bitfield.js';
import { type CopyRow, type CopyStatements, prepareCopyStatements } from './copy-statements.js';
import {
  type PieceChanges,
  SPAN_PIECES,
  type SpanBitmaps,
  applyChanges,
  emptySpan,
  placeSpan,
  readSpan,
} from './piece-bitmaps.js';
import { immediateTransaction, type SqliteDatabase, type Transact, withStorageErrors } from '../database/sqlite.js';

/** What a copy was last known to be doing; whether its process still runs is told by its lock. */
export type CopyState =
  'checking' | 'downloading' | 'finishing' | 'seeding' | 'complete' | 'incomplete' | 'failed' | 'stopped';

export type CopyRole = 'seed' | 'download';

/** A copy as it stands in the store. */
export interface CopyRecord {
  readonly id: number;
  readonly infoHash: InfoHash;
  /** Absolute path that the data has when complete. */
  readonly rootPath: string;
  readonly role: CopyRole;
  readonly state: CopyState;
  readonly name: string;
  readonly totalBytes: number;
  readonly pieceCount: number;
  /** Undefined for a copy that was not used since p2p stores it. */
  readonly pieceLengthBytes: number | undefined;
  /** Milliseconds since 1970, as the next one. */
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  /** Payload transferred in all runs. */
  readonly downTotalBytes: number;
  readonly upTotalBytes: number;
  /** Whether its last process closed it in order: decides how far its files are trusted. */
  readonly stoppedCleanly: boolean;
  /** What ended the last run, when something did that nobody asked for. */
  readonly lastError: ErrorValue | undefined;
  /** One bit a file, of a download that gives each file its name by itself; undefined for one that is one thing. */
  readonly chosenFiles: Uint8Array | undefined;
}

/** What is kept of a torrent. */
export interface StoredTorrent {
  readonly infoHash: InfoHash;
  /** The .torrent file, so that a copy can be taken up when nobody else has it any more. */
  readonly metainfoBytes: Uint8Array;
  readonly name: string;
  readonly totalBytes: number;
  readonly pieceCount: number;
  readonly pieceLengthBytes: number;
}

/** A copy that is about to be used. */
export interface OpenCopyRequest extends StoredTorrent {
  readonly rootPath: string;
  readonly role: CopyRole;
  /** Announce URLs by tier; an empty list keeps those that are stored. */
  readonly trackerTiers: readonly (readonly string[])[];
  /** As `CopyRecord.chosenFiles`. */
  readonly chosenFiles?: Uint8Array | undefined;
}

/** How a file looked when it was last known to be right. From `fs.stat` with `bigint: true`. */
export interface CopyFile {
  readonly fileIndex: number;
  readonly sizeBytes: number;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly inode: bigint;
}

/** Bitfields of `pieceCount` bits, the caller's own. */
export interface Ownership {
  /** Pieces that may have been written to, unverified: hash them after an unclean stop. */
  readonly intents: Bitfield;
  /** Pieces whose bytes are written and whose hash held. */
  readonly verified: Bitfield;
  /** Those of them that were synced to disk. */
  readonly durable: Bitfield;
}

/** Verified pieces of a copy. */
export interface VerifiedCount {
  readonly pieces: number;
  /** Whether the last piece, which may be shorter than the others, is among them. */
  readonly hasLast: boolean;
}

export class CopyStore {
  readonly #database: SqliteDatabase;
  readonly #sql: CopyStatements;
  readonly #now: () => number;
  readonly #transact: Transact;

  /**
   * @param database from `openStateDatabase` or `openMemoryDatabase`; stays the caller's, who closes it
   * @param now milliseconds since 1970; the clock when left out
   */
  constructor(database: SqliteDatabase, now: () => number = Date.now) {
    this.#database = database;
    this.#now = now;
    this.#sql = withStorageErrors(database.name, () => prepareCopyStatements(database));
    this.#transact = immediateTransaction(database);
  }

  /** Keeps a torrent that has no copy yet; the next removal of a copy forgets it if it has none by then. */
  addTorrent(torrent: StoredTorrent): void {
    this.#write(() => {
      this.#addTorrent(torrent);
    });
  }

  /**
   * The copy of that info hash and path, created in state `checking` when it is new. From now on it counts as not
   * cleanly stopped, and its last error is forgotten, until `markStoppedCleanly` and `setLastError`; the record still
   * tells what was before.
   */
  openCopy(request: OpenCopyRequest): CopyRecord {
    const { infoHash, rootPath, role, trackerTiers, chosenFiles } = request;
    return this.#write(() => {
      const nowMs = this.#now();
      this.#addTorrent(request);
      this.#sql.addCopy.run(infoHash, rootPath, role, nowMs, nowMs);
      const row = required(this.#sql.copyByPath.get(infoHash, rootPath), `copy of ${infoHash} at ${rootPath}`);
      this.#sql.reopenCopy.run(role, nowMs, chosenFiles ?? null, row.id);
      if (trackerTiers.length > 0) this.#replaceTrackers(row.id, trackerTiers);
      return { ...toRecord(row), role, updatedAtMs: nowMs, chosenFiles };
    });
  }

  /**
   * Records a batch of changes, thousands of them at once; `PieceChanges` says what each does.
   * @param flush whether the batch, and all that was written before it, is on the disk when this returns. When left out,
   *   what is lost is: the bytes of such a piece are about to be replaced, and after a power cut a record that still called
   *   it durable would be believed
   * @throws {P2P_INVARIANT} when there is no such copy or piece, or a durable one is not verified; nothing is recorded
   */
  recordPieces(copyId: number, changes: PieceChanges, flush = (changes.lost?.length ?? 0) > 0): void {
    const write = flush ? this.#writeThrough.bind(this) : this.#write.bind(this);
    write(() => {
      const spans = new Map<number, SpanBitmaps>();
      applyChanges(changes, this.#pieceCount(copyId), (number) => {
        let span = spans.get(number);
        if (!span) spans.set(number, (span = this.#readSpan(copyId, number)));
        return span;
      });
      for (const [number, { intents, verified, durable }] of spans) {
        this.#sql.putSpan.run(copyId, number, intents.bytes, verified.bytes, durable.bytes);
      }
    });
  }

  /**
   * Which pieces of a copy are owned, and how surely.
   * @throws {P2P_INVARIANT} when there is no such copy
   */
  ownership(copyId: number): Ownership {
    return this.#read(() => {
      const pieceCount = this.#pieceCount(copyId);
      const owned = {
        intents: new Bitfield(pieceCount),
        verified: new Bitfield(pieceCount),
        durable: new Bitfield(pieceCount),
      };
      for (const row of this.#sql.spans.all(copyId)) {
        const span = readSpan(row);
        placeSpan(owned.intents, row.span, span.intents);
        placeSpan(owned.verified, row.span, span.verified);
        placeSpan(owned.durable, row.span, span.durable);
      }
      return owned;
    });
  }

  /** Runs several calls as one transaction: all of them hold, or none. */
  together<T>(work: () => T): T {
    return this.#write(work);
  }

  setState(copyId: number, state: CopyState): void {
    this.#write(() => this.#sql.setState.run(state, this.#now(), copyId));
  }

  /** Says that everything is on disk and recorded, its files too; the next `openCopy` tells so. */
  markStoppedCleanly(copyId: number): void {
    this.#write(() => this.#sql.markStopped.run(this.#now(), copyId));
  }

  /** Keeps what ended a run, for `p2p status`; undefined forgets it. */
  setLastError(copyId: number, error: ErrorValue | undefined): void {
    this.#write(() => this.#sql.setLastError.run(error ? JSON.stringify(error) : null, copyId));
  }

  /** Adds payload, in bytes, to the counters of all runs. */
  addTransferred(copyId: number, { down, up }: { readonly down: number; readonly up: number }): void {
    this.#write(() => this.#sql.addTransferred.run(down, up, this.#now(), copyId));
  }

  /** Records how files look now; those that are not named stay as they were. */
  recordFiles(copyId: number, files: readonly CopyFile[]): void {
    this.#write(() => {
      for (const { fileIndex, sizeBytes, mtimeNs, ctimeNs, inode } of files) {
        this.#sql.putFile.run(copyId, fileIndex, sizeBytes, signed(mtimeNs), signed(ctimeNs), signed(inode));
      }
    });
  }

  /** The recorded files by index, ascending; a file that was never recorded is absent. */
  files(copyId: number): ReadonlyMap<number, CopyFile> {
    return this.#read(() => {
      const files = this.#sql.files.all(copyId).map((row) => ({
        fileIndex: Number(row.file_index),
        sizeBytes: Number(row.size),
        mtimeNs: row.mtime_ns,
        ctimeNs: row.ctime_ns,
        inode: BigInt.asUintN(64, row.inode),
      }));
      return new Map(files.map((file) => [file.fileIndex, file]));
    });
  }

  /** Announce URLs by tier. */
  trackerTiers(copyId: number): string[][] {
    return this.#read(() => {
      const tiers = new Map<number, string[]>();
      for (const { tier, url } of this.#sql.trackers.all(copyId)) tiers.set(tier, [...(tiers.get(tier) ?? []), url]);
      return [...tiers.values()];
    });
  }

  /** The .torrent file of an info hash, if a copy of it is known. */
  metainfoBytes(infoHash: InfoHash): Uint8Array | undefined {
    return this.#read(() => this.#sql.metainfo.get(infoHash)?.metainfo);
  }

  /** All copies of a torrent, oldest first. */
  findCopies(infoHash: InfoHash): CopyRecord[] {
    return this.#read(() => this.#sql.copiesByInfoHash.all(infoHash).map(toRecord));
  }

  /** All copies whose data has this absolute path, of whichever torrent, oldest first. */
  findCopiesAt(rootPath: string): CopyRecord[] {
    return this.#read(() => this.#sql.copiesByPath.all(rootPath).map(toRecord));
  }

  /** The copy of an info hash and path; undefined when there is none. */
  findCopy(infoHash: InfoHash, rootPath: string): CopyRecord | undefined {
    return this.#read(() => {
      const row = this.#sql.copyByPath.get(infoHash, rootPath);
      return row && toRecord(row);
    });
  }

  /** How many pieces of each copy are verified, by its id; copies of which none ever was are absent. */
  countVerified(): Map<number, VerifiedCount> {
    return this.#read(() => {
      const counts = new Map<number, VerifiedCount>();
      for (const [copyId, pieceCount, span, bytes] of this.#sql.allVerified.iterate()) {
        const before = counts.get(copyId);
        const verified = new Bitfield(bytes.length * 8, bytes);
        const last = pieceCount - 1 - span * SPAN_PIECES;
        counts.set(copyId, {
          pieces: (before?.pieces ?? 0) + verified.count(),
          hasLast: before?.hasLast === true || (last < verified.length && verified.has(last)),
        });
      }
      return counts;
    });
  }

  /** All copies, oldest first. */
  listCopies(): CopyRecord[] {
    return this.#read(() => this.#sql.copies.all().map(toRecord));
  }

  /** Forgets a copy, and its torrent with the last one. Its data stays where it is. Idempotent. */
  removeCopy(copyId: number): void {
    this.#write(() => {
      this.#sql.removeCopy.run(copyId);
      this.#sql.removeUnusedTorrents.run();
    });
  }

  #addTorrent({ infoHash, name, totalBytes, pieceCount, pieceLengthBytes, metainfoBytes }: StoredTorrent): void {
    this.#sql.addTorrent.run(infoHash, name, totalBytes, pieceCount, pieceLengthBytes, this.#now(), metainfoBytes);
  }

  #replaceTrackers(copyId: number, tiers: readonly (readonly string[])[]): void {
    this.#sql.removeTrackers.run(copyId);
    for (const [tier, urls] of tiers.entries()) {
      for (const [position, url] of urls.entries()) this.#sql.addTracker.run(copyId, tier, position, url);
    }
  }

  #readSpan(copyId: number, number: number): SpanBitmaps {
    const row = this.#sql.span.get(copyId, number);
    return row ? readSpan(row) : emptySpan();
  }

  #pieceCount(copyId: number): number {
    return required(this.#sql.pieceCount.get(copyId), `copy ${copyId}`).piece_count;
  }

  #read<T>(work: () => T): T {
    return withStorageErrors(this.#database.name, work);
  }

  #write<T>(work: () => T): T {
    return withStorageErrors(this.#database.name, () => this.#transact(work));
  }

  /** The same, flushed to the disk before it returns. */
  #writeThrough<T>(work: () => T): T {
    this.#database.pragma('synchronous = FULL');
    try {
      return this.#write(work);
    } finally {
      this.#database.pragma('synchronous = NORMAL');
    }
  }
}

function required<T>(row: T | undefined, what: string): T {
  if (row === undefined) throw new InvariantError(`the store has no ${what}`);
  return row;
}

/** SQLite's integers are signed; inode numbers use all 64 bits on some file systems. */
function signed(value: bigint): bigint {
  return BigInt.asIntN(64, value);
}

function toRecord(row: CopyRow): CopyRecord {
  return {
    id: row.id,
    infoHash: row.info_hash as InfoHash,
    rootPath: row.root_path,
    role: row.role as CopyRole,
    state: row.state as CopyState,
    name: row.name,
    totalBytes: row.total_bytes,
    pieceCount: row.piece_count,
    pieceLengthBytes: row.piece_length ?? undefined,
    createdAtMs: row.created_at_ms,
    updatedAtMs: row.updated_at_ms,
    downTotalBytes: row.down_total_bytes,
    upTotalBytes: row.up_total_bytes,
    stoppedCleanly: row.stopped_cleanly !== 0,
    chosenFiles: row.chosen_files ?? undefined,
    lastError: row.last_error === null ? undefined : (JSON.parse(row.last_error) as ErrorValue),
  };
}
