/**
 * Opens a SQLite file of ours: made when absent, brought to the newest schema, set aside when torn, refused when a newer
 * version of p2p wrote it. Several processes may open one file at once.
 */
import Database from 'better-sqlite3';
import { mkdirSync, renameSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { StorageError } from '../errors.js';
import { storageErrorOf } from './storage-error-of.js';

export interface DatabaseFile {
  /** The file; its folder is made when absent. */
  readonly path: string;
  /**
   * SQL scripts; each brings the schema one version further, and `user_version` counts how many have run. Append only: a
   * script that was released is never changed.
   */
  readonly migrations: readonly string[];
  /** How long a statement waits for another process before it fails; 250 ms when left out. */
  readonly busyTimeoutMs?: number;
  /** Called when a torn file was set aside. */
  readonly onNote?: (message: string) => void;
}

const DEFAULT_BUSY_TIMEOUT_MS = 250;
/** Opening waits longer: processes that start together migrate one after another. */
const OPENING_TIMEOUT_MS = 10_000;
/** Checking reads the whole file: up to this size that takes a fraction of a second. */
const CHECKED_BYTES = 64 * 1024 * 1024;

/**
 * Opens the database: write-ahead log, `synchronous=NORMAL`, foreign keys on. Whoever opens it closes it.
 * @throws {P2P_STATE_UNUSABLE} when the folder cannot be written, or another process holds the file locked
 * @throws {P2P_STATE_NEWER} when its schema is newer than the last migration
 * @throws {P2P_DISK_FULL} {P2P_DISK_FAILED}
 */
export function openDatabase(file: DatabaseFile): Database.Database {
  try {
    mkdirSync(dirname(file.path), { recursive: true });
    try {
      return openOnce(file);
    } catch (error) {
      if (!isTorn(error)) throw error;
      const asidePath = setAside(file.path);
      file.onNote?.(`the database ${file.path} was damaged; it is kept as ${asidePath}, and a new one is begun`);
      return openOnce(file);
    }
  } catch (error) {
    throw storageErrorOf(error, file.path);
  }
}

function openOnce(file: DatabaseFile): Database.Database {
  const database = new Database(file.path, { timeout: OPENING_TIMEOUT_MS });
  try {
    refuseNewer(database, file);
    database.pragma('journal_mode = WAL');
    database.pragma('synchronous = NORMAL');
    database.pragma('foreign_keys = ON');
    if (statSync(file.path).size <= CHECKED_BYTES) check(database);
    migrate(database, file);
    database.pragma(`busy_timeout = ${file.busyTimeoutMs ?? DEFAULT_BUSY_TIMEOUT_MS}`);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function versionOf(database: Database.Database): number {
  return Number(database.pragma('user_version', { simple: true }));
}

function refuseNewer(database: Database.Database, file: DatabaseFile): void {
  const version = versionOf(database);
  if (version <= file.migrations.length) return;
  throw new StorageError(
    'P2P_STATE_NEWER',
    `the database ${file.path} has schema ${version}, written by a newer p2p; this one knows up to ` +
      `${file.migrations.length}: update p2p, or choose another state folder with --state`,
    { path: file.path, version, known: file.migrations.length },
  );
}

/** Runs the migrations that are missing, all or none; another process may have been faster. */
function migrate(database: Database.Database, file: DatabaseFile): void {
  if (versionOf(database) === file.migrations.length) return;
  const run = database.transaction(() => {
    refuseNewer(database, file);
    for (const script of file.migrations.slice(versionOf(database))) database.exec(script);
    database.pragma(`user_version = ${file.migrations.length}`);
  });
  run.immediate();
}

class TornDatabase extends Error {}

function check(database: Database.Database): void {
  const verdict = String(database.pragma('quick_check(1)', { simple: true }));
  if (verdict !== 'ok') throw new TornDatabase(verdict);
}

function isTorn(error: unknown): boolean {
  if (error instanceof TornDatabase) return true;
  return error instanceof Database.SqliteError && /^SQLITE_(CORRUPT|NOTADB)/.test(error.code);
}

/** Moves a file and what belongs to it out of the way. @returns its new name */
function setAside(path: string): string {
  const asidePath = `${path}.torn-${new Date().toISOString().replaceAll(/[:.]/g, '-')}`;
  for (const suffix of ['', '-wal', '-shm']) {
    if (statSync(path + suffix, { throwIfNoEntry: false })) renameSync(path + suffix, asidePath + suffix);
  }
  return asidePath;
}
