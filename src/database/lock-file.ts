/**
 * A lock that lives exactly as long as its process, however it ends: a SQLite file held by BEGIN EXCLUSIVE, which is a
 * lock of the operating system. The file stays when the lock is given back, since a path that is removed could be held
 * by two: one on the file without a name, one on its successor. Only SQLite may open it: on POSIX systems, closing any
 * other descriptor of it in this process would drop the lock. So the holder's process id lies beside it.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

import { makeFolder } from './make-folder.js';
import { type SqliteDatabase, isBusy, openSqlite, withStorageErrors } from './sqlite.js';

/** Long enough that of several processes which start at once one succeeds: they disturb each other for moments. */
const BUSY_TIMEOUT_MS = 250;

/** Locks of this process: a connection that is collected as garbage would close, and its lock be gone. */
const held = new Set<SqliteDatabase>();

/** A lock in this process's hands. */
export interface LockFile {
  /** Gives it back; idempotent. */
  release(): void;
  /** The same, and takes its files away: only for a lock that nobody else ever takes. */
  remove(): void;
}

/**
 * Takes the lock, or says that another process (or another part of this one) has it.
 * @param path absolute path of the lock file; its folder is created when absent
 * @returns undefined when somebody holds it
 * @throws {P2P_STATE_UNUSABLE} when the file cannot be created
 */
export function takeLockFile(path: string): LockFile | undefined {
  return withStorageErrors(path, () => {
    makeFolder(dirname(path));
    const database = openSqlite(path, BUSY_TIMEOUT_MS);
    try {
      // Nothing is ever written, so no journal need lie on disk.
      database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
      writeFileSync(holderPath(path), `${process.pid}\n`);
    } catch (error) {
      database.close();
      if (isBusy(error)) return undefined;
      throw error;
    }
    held.add(database);
    const release = (): boolean => {
      if (!held.delete(database)) return false;
      rmSync(holderPath(path), { force: true });
      database.close();
      return true;
    };
    return {
      release: () => void release(),
      remove() {
        if (release()) rmSync(path, { force: true });
      },
    };
  });
}

/**
 * Whether somebody holds a lock whose file is there. Asking takes it for a moment: only for locks that nobody else takes.
 * @throws {P2P_STATE_UNUSABLE} when the file cannot be opened
 */
export function isLockHeld(path: string): boolean {
  return withStorageErrors(path, () => {
    const database = openSqlite(path, 0);
    try {
      database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE; ROLLBACK');
      return false;
    } catch (error) {
      if (isBusy(error)) return true;
      throw error;
    } finally {
      database.close();
    }
  });
}

/** The id of the process that holds a lock, as far as it has written it down. */
export function readLockHolder(path: string): number | undefined {
  try {
    const pid = Number(readFileSync(holderPath(path), 'utf8'));
    return Number.isInteger(pid) && pid > 0 ? pid : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function holderPath(path: string): string {
  return `${path}.pid`;
}
