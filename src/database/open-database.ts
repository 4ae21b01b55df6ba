/**
 * Opens a SQLite file of ours: made when absent, checked, brought to the newest schema, set aside when torn, refused
 * when a newer p2p wrote it. Several processes may open it at the same moment, also for the first time.
 */
import { existsSync, renameSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

import { StorageError } from '../errors.js';
import { takeLockFile } from './lock-file.js';
import { migrate, readVersion } from './migrate.js';
import { makeFolder } from './make-folder.js';
import { type SqliteDatabase, isBusy, isTorn, openSqlite, withStorageErrors } from './sqlite.js';

/** How long a statement on the main thread waits for other processes; later the loop tries again. */
export const BUSY_TIMEOUT_MS = 250;
/** How long opening is tried while other processes are in the way. */
const PATIENCE_MS = 5000;
const RETRY_MS = 10;
/** Opening reads the whole of a database up to this size... */
const CHECKED_ALWAYS_BYTES = 4 * 1_048_576;
/** ...and up to this one where a log was left behind: by a crash, or because another process is running. */
const CHECKED_AFTER_CRASH_BYTES = 64 * 1_048_576;

export interface DatabaseFile {
  /** Absolute path; its folder is made when absent. */
  readonly path: string;
  /** SQL scripts; each leads from one version to the next. Append only. */
  readonly migrations: readonly string[];
  /** More settings of the connection than write-ahead log, `synchronous=NORMAL` and foreign keys, before it migrates. */
  readonly configure?: (database: SqliteDatabase) => void;
  /** Told where a damaged file was set aside. */
  readonly onTorn?: (asidePath: string) => void;
  /** Whether the contents are checked too; so when left out. Who only reads for a moment need not. */
  readonly checksContents?: boolean;
  /** How long to wait for a locked database; 5 s when left out. */
  readonly patienceMs?: number;
}

/**
 * Opens the database. A damaged one is set aside as `PATH.torn-<n>` and a new one begun. Loads SQLite, so call it only
 * where it is needed. The caller closes it.
 * @throws {P2P_STATE_NEWER} when a newer p2p has written it
 * @throws {P2P_STATE_UNUSABLE} when it is read-only, stays locked, or its folder is none
 * @throws {P2P_DISK_FULL} {P2P_DISK_FAILED}
 */
export function openDatabase(file: DatabaseFile): SqliteDatabase {
  const deadlineMs = performance.now() + (file.patienceMs ?? PATIENCE_MS);
  return withStorageErrors(file.path, () => {
    makeFolder(dirname(file.path));
    try {
      return openPatiently(file, deadlineMs);
    } catch (error) {
      if (!isTorn(error)) throw error;
      return replaceTorn(file, deadlineMs);
    }
  });
}

/** The settings that every connection of ours has. */
export function configure(database: SqliteDatabase): void {
  // A power cut may lose the last transactions, never tear one.
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON');
}

/** Opens, and again while another process has the file: at the first start several may create it at once. */
function openPatiently(file: DatabaseFile, deadlineMs: number): SqliteDatabase {
  for (;;) {
    try {
      return openOnce(file);
    } catch (error) {
      if (!isBusy(error) || performance.now() >= deadlineMs) throw error;
      pause(RETRY_MS * (1 + Math.random()));
    }
  }
}

function openOnce(file: DatabaseFile): SqliteDatabase {
  const wasLogLeft = sizeOf(`${file.path}-wal`) > 0;
  const database = openSqlite(file.path, BUSY_TIMEOUT_MS);
  try {
    refuseNewer(database, file);
    configure(database);
    file.configure?.(database);
    if (file.checksContents !== false) checkContents(database, wasLogLeft);
    migrate(database, file.migrations);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Before anything is changed: a newer version may have other ideas of everything. */
function refuseNewer(database: SqliteDatabase, { path, migrations }: DatabaseFile): void {
  const version = readVersion(database);
  if (version <= migrations.length) return;
  throw new StorageError(
    'P2P_STATE_NEWER',
    `${path} has version ${version}, and this p2p knows versions up to ${migrations.length}; ` +
      'update p2p, or use another folder with --state',
    { path, version, known: migrations.length },
  );
}

/** SQLite itself notices a wrong header, a wrong length and a torn schema; this finds wrong pages behind them. */
function checkContents(database: SqliteDatabase, wasLogLeft: boolean): void {
  const pages = database.pragma('page_count', { simple: true }) as number;
  const sizeBytes = pages * (database.pragma('page_size', { simple: true }) as number);
  if (sizeBytes > (wasLogLeft ? CHECKED_AFTER_CRASH_BYTES : CHECKED_ALWAYS_BYTES)) return;
  const result = database.pragma('quick_check(1)', { simple: true });
  if (result !== 'ok') throw Object.assign(new Error(String(result)), { code: 'SQLITE_CORRUPT' });
}

/**
 * Under a lock of its own: of several processes that find the same torn file, the second would set aside the new
 * database of the first.
 */
function replaceTorn(file: DatabaseFile, deadlineMs: number): SqliteDatabase {
  const lock = waitForLock(`${file.path}.replace-lock`, deadlineMs);
  try {
    const database = openUnlessTorn(file, deadlineMs);
    if (database) return database;
    const asidePath = setAside(file.path);
    file.onTorn?.(asidePath);
    return openPatiently(file, deadlineMs);
  } finally {
    lock.release();
  }
}

function openUnlessTorn(file: DatabaseFile, deadlineMs: number): SqliteDatabase | undefined {
  try {
    return openPatiently(file, deadlineMs);
  } catch (error) {
    if (isTorn(error)) return undefined;
    throw error;
  }
}

function waitForLock(path: string, deadlineMs: number): { release(): void } {
  for (;;) {
    const lock = takeLockFile(path);
    if (lock) return lock;
    if (performance.now() >= deadlineMs) {
      throw Object.assign(new Error('another process is replacing the database'), { code: 'SQLITE_BUSY' });
    }
  }
}

/** Moves the log first: left beside a new database it would be taken for its own. */
function setAside(path: string): string {
  let number = 1;
  while (existsSync(`${path}.torn-${number}`)) number += 1;
  const asidePath = `${path}.torn-${number}`;
  for (const suffix of ['-wal', '-shm', '']) {
    if (existsSync(`${path}${suffix}`)) renameSync(`${path}${suffix}`, `${asidePath}${suffix}`);
  }
  return asidePath;
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** Opening is synchronous and happens before anything else runs, so the thread may sleep. */
function pause(durationMs: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, durationMs);
}
