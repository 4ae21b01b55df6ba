/**
 * The state database, `STATE/p2p.db`: opened, checked and brought to the newest version. Several processes may open it
 * at the same moment, also for the first time.
 */
import { existsSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { StorageError } from '../errors.js';
import { takeLockFile } from './lock-file.js';
import { MIGRATIONS, migrate, readVersion } from './migrations.js';
import { type SqliteDatabase, isBusy, isTorn, openSqlite, withStorageErrors } from './sqlite.js';

const FILE_NAME = 'p2p.db';
/** How long a statement on the main thread waits for other processes; later the loop tries again. */
const BUSY_TIMEOUT_MS = 250;
/** How long opening is tried while other processes are in the way. */
const PATIENCE_MS = 5000;
const RETRY_MS = 10;
/** Opening reads the whole of a database up to this size... */
const CHECKED_ALWAYS_BYTES = 4 * 1_048_576;
/** ...and up to this one where a log was left behind: by a crash, or because another process is running. */
const CHECKED_AFTER_CRASH_BYTES = 64 * 1_048_576;

/** How to open the state database. */
export interface OpenStateOptions {
  /** Told what a person should know: that a damaged database was set aside. */
  readonly onNote?: (message: string) => void;
  /** How long to wait for a locked database; 5 s when left out. */
  readonly patienceMs?: number;
}

/**
 * Opens the state database of a folder, and creates both when absent. A damaged one is set aside as `p2p.db.torn-<n>`
 * and a new one begun. Loads SQLite, so call it only where it is needed. The caller closes it.
 * @param stateDir folder
 * @throws {P2P_STATE_NEWER} when a newer p2p has written it
 * @throws {P2P_STATE_UNUSABLE} when it is read-only, stays locked, or the folder is none
 * @throws {P2P_DISK_FULL} {P2P_DISK_FAILED}
 */
export function openStateDatabase(stateDir: string, options: OpenStateOptions = {}): SqliteDatabase {
  const path = statePath(stateDir);
  const deadlineMs = performance.now() + (options.patienceMs ?? PATIENCE_MS);
  return withStorageErrors(path, () => {
    mkdirSync(resolve(stateDir), { recursive: true });
    try {
      return openPatiently(path, deadlineMs);
    } catch (error) {
      if (!isTorn(error)) throw error;
      return replaceTorn(path, deadlineMs, options.onNote);
    }
  });
}

/** An empty state database that lives in memory only: for tests. */
export function openMemoryDatabase(): SqliteDatabase {
  const database = openSqlite(':memory:', BUSY_TIMEOUT_MS);
  configure(database);
  migrate(database);
  return database;
}

/**
 * Moves what the log (WAL) holds into the database and empties the log, as far as other processes let it. Automatic
 * checkpoints are off because they would stall the main thread; run this in a worker thread, every 10 s or 4 MiB.
 * @throws {P2P_STATE_UNUSABLE} {P2P_DISK_FULL} {P2P_DISK_FAILED}
 */
export function checkpointStateDatabase(stateDir: string): void {
  const path = statePath(stateDir);
  withStorageErrors(path, () => {
    const database = openSqlite(path, BUSY_TIMEOUT_MS);
    try {
      configure(database);
      database.pragma('wal_checkpoint(TRUNCATE)');
    } finally {
      database.close();
    }
  });
}

function statePath(stateDir: string): string {
  return join(resolve(stateDir), FILE_NAME);
}

/** Opens, and again while another process has the file: at the first start several may create it at once. */
function openPatiently(path: string, deadlineMs: number): SqliteDatabase {
  for (;;) {
    try {
      return openOnce(path);
    } catch (error) {
      if (!isBusy(error) || performance.now() >= deadlineMs) throw error;
      pause(RETRY_MS * (1 + Math.random()));
    }
  }
}

function openOnce(path: string): SqliteDatabase {
  const wasLogLeft = sizeOf(`${path}-wal`) > 0;
  const database = openSqlite(path, BUSY_TIMEOUT_MS);
  try {
    refuseNewer(database, path);
    configure(database);
    checkContents(database, wasLogLeft);
    migrate(database);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Before anything is changed: a newer version may have other ideas of everything. */
function refuseNewer(database: SqliteDatabase, path: string): void {
  const version = readVersion(database);
  if (version <= MIGRATIONS.length) return;
  throw new StorageError(
    'P2P_STATE_NEWER',
    `${path} has version ${version}, and this p2p knows versions up to ${MIGRATIONS.length}; ` +
      'update p2p, or use another folder with --state',
    { path, version, known: MIGRATIONS.length },
  );
}

function configure(database: SqliteDatabase): void {
  database.pragma('journal_mode = WAL');
  // A power cut may lose the last transactions, never tear one; the durable bits are meant for just that.
  database.pragma('synchronous = NORMAL');
  database.pragma('wal_autocheckpoint = 0');
  database.pragma('foreign_keys = ON');
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
function replaceTorn(path: string, deadlineMs: number, onNote: OpenStateOptions['onNote']): SqliteDatabase {
  const lock = waitForLock(`${path}.replace-lock`, deadlineMs);
  try {
    const database = openUnlessTorn(path, deadlineMs);
    if (database) return database;
    const asidePath = setAside(path);
    onNote?.(
      `the state database was damaged: it is set aside as ${asidePath}, and a new one begun; ` +
        'files stay where they are, and are verified when they are used again',
    );
    return openPatiently(path, deadlineMs);
  } finally {
    lock.release();
  }
}

function openUnlessTorn(path: string, deadlineMs: number): SqliteDatabase | undefined {
  try {
    return openPatiently(path, deadlineMs);
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
