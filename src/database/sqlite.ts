/** Loads SQLite when it is first needed, and turns what it throws into our errors. */
import { createRequire } from 'node:module';

import type BetterSqlite3 from 'better-sqlite3';

import { type ErrorCode, StorageError } from '../errors.js';

/** An open SQLite connection (better-sqlite3). */
export type SqliteDatabase = BetterSqlite3.Database;

const load = createRequire(import.meta.url);

/**
 * A connection to a database file, created when absent. Errors are SQLite's own; callers pass them to `toStorageError`.
 * @param path absolute, or `:memory:`
 * @param busyTimeoutMs how long a statement waits for other connections
 */
export function openSqlite(path: string, busyTimeoutMs: number): SqliteDatabase {
  // Loaded here and not at the top: most commands and all workers never open a database.
  const Database = load('better-sqlite3') as typeof BetterSqlite3;
  return keepAlive(new Database(path, { timeout: busyTimeoutMs }));
}

/**
 * Databases and statements that were made, to the end of the thread. Node 24 aborts the process when the garbage
 * collector destroys one ("RemoveEnvironmentCleanupHook: Assertion failed"; better-sqlite3 before 13, which Node 20 cannot
 * load). They are few: statements are prepared once, and those of `pragma` once for each text.
 */
const kept = new Set<object>();

function keepAlive(database: SqliteDatabase): SqliteDatabase {
  const prepare = database.prepare.bind(database);
  const pragmas = new Map<string, BetterSqlite3.Statement>();
  const prepareForever = (source: string): BetterSqlite3.Statement => {
    const statement = prepare(source);
    kept.add(statement);
    return statement;
  };
  const pragma = (source: string, options: BetterSqlite3.PragmaOptions = {}): unknown => {
    const statement = pragmas.get(source) ?? prepareForever(`PRAGMA ${source}`);
    pragmas.set(source, statement);
    if (!statement.reader) {
      statement.run();
      return [];
    }
    return options.simple === true ? statement.pluck().get() : statement.pluck(false).all();
  };
  kept.add(database);
  return Object.assign(database, { prepare: prepareForever, pragma });
}

/** Runs `work` as one transaction that has the right to write from its beginning; within another one, as a part of that. */
export type Transact = <T>(work: () => T) => T;

/** Made once for each database: better-sqlite3 takes longer to make a transaction than to begin it. */
export function immediateTransaction(database: SqliteDatabase): Transact {
  const run = database.transaction((work: () => unknown) => work());
  return <T>(work: () => T) => run.immediate(work) as T;
}

/** Whether another connection was in the way, so that the same may work a little later. */
export function isBusy(error: unknown): boolean {
  return isBusyCode(codeOf(error));
}

/** Whether the file is no database, or one with wrong contents. */
export function isTorn(error: unknown): boolean {
  return /^SQLITE_(CORRUPT|NOTADB)/.test(codeOf(error));
}

/** Whether a `StorageError` of this folder only means that another process was writing: try again from the loop. */
export function isRetryable(error: unknown): boolean {
  return error instanceof StorageError && isBusyCode(String(error.details['cause']));
}

/**
 * What SQLite or the file system threw, as an error for users; `details.cause` is the original code. Anything that
 * is neither is our bug and comes back as it is.
 * @param path file that was worked on
 */
export function toStorageError(error: unknown, path: string): unknown {
  if (error instanceof StorageError) return error;
  const cause = codeOf(error);
  const explained = explain(cause);
  if (!explained) return error;
  const [code, what] = explained;
  return new StorageError(code, `${path}: ${what} (${cause})`, { path, cause }, error);
}

/** Runs `work`; what SQLite or the file system throws leaves as a `StorageError`. */
export function withStorageErrors<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw toStorageError(error, path);
  }
}

/** First match counts. */
const EXPLANATIONS: readonly (readonly [RegExp, ErrorCode, string])[] = [
  [/^(SQLITE_FULL|ENOSPC|EDQUOT)/, 'P2P_DISK_FULL', 'the disk is full; make room and try again'],
  [/^(SQLITE_IOERR|EIO)/, 'P2P_DISK_FAILED', 'the disk cannot be read or written'],
  [
    /^SQLITE_(BUSY|LOCKED|PROTOCOL)/,
    'P2P_STATE_UNUSABLE',
    'another program keeps it locked; end that, or use another folder with --state',
  ],
  [/^SQLITE_(CORRUPT|NOTADB)/, 'P2P_STATE_UNUSABLE', 'it is damaged; start p2p again, which sets it aside'],
  [
    /^(MODULE_NOT_FOUND|ERR_DLOPEN_FAILED)/,
    'P2P_STATE_UNUSABLE',
    'SQLite cannot be loaded on this machine; try npm rebuild better-sqlite3',
  ],
  [
    /^(SQLITE_(READONLY|CANTOPEN|PERM|AUTH)|EACCES|EPERM|EROFS|ENOTDIR|EISDIR|EEXIST|ENOENT|ENAMETOOLONG|ELOOP)/,
    'P2P_STATE_UNUSABLE',
    'it cannot be written; look at its permissions, or use another folder with --state',
  ],
];

function explain(cause: string): readonly [ErrorCode, string] | undefined {
  const found = EXPLANATIONS.find(([pattern]) => pattern.test(cause));
  return found && [found[1], found[2]];
}

/** SQLITE_PROTOCOL: the race to set up a write-ahead log was lost too often. */
function isBusyCode(code: string): boolean {
  return /^SQLITE_(BUSY|LOCKED|PROTOCOL)/.test(code);
}

function codeOf(error: unknown): string {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return typeof code === 'string' ? code : '';
}
