/** The state database, `STATE/p2p.db`. Several processes may open it at the same moment, also for the first time. */
import { existsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { migrate } from '../database/migrate.js';
import { BUSY_TIMEOUT_MS, configure, openDatabase } from '../database/open-database.js';
import { type SqliteDatabase, openSqlite } from '../database/sqlite.js';
import { MIGRATIONS } from './migrations.js';

const FILE_NAME = 'p2p.db';

/** How to open the state database. */
export interface OpenStateOptions {
  /** Told what a person should know: that a damaged database was set aside. */
  readonly onNote?: (message: string) => void;
  /** Whether the contents are checked for damage; so when left out. */
  readonly checksContents?: boolean;
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
  const { onNote, patienceMs, checksContents } = options;
  return openDatabase({
    path: statePath(stateDir),
    migrations: MIGRATIONS,
    configure: leaveCheckpoints,
    ...(patienceMs !== undefined && { patienceMs }),
    ...(checksContents !== undefined && { checksContents }),
    onTorn: (asidePath) =>
      onNote?.(
        `the state database was damaged: it is set aside as ${asidePath}, and a new one begun; ` +
          'files stay where they are, and are verified when they are used again',
      ),
  });
}

/**
 * Whether a folder has a state database: who only wants to read it need not make one. True also of what is no folder, so
 * that opening it says so.
 */
export function hasStateDatabase(stateDir: string): boolean {
  const stats = statSync(stateDir, { throwIfNoEntry: false });
  return stats !== undefined && (!stats.isDirectory() || existsSync(statePath(stateDir)));
}

/** An empty state database that lives in memory only: for tests. */
export function openMemoryDatabase(): SqliteDatabase {
  const database = openSqlite(':memory:', BUSY_TIMEOUT_MS);
  configure(database);
  leaveCheckpoints(database);
  migrate(database, MIGRATIONS);
  return database;
}

function statePath(stateDir: string): string {
  return join(resolve(stateDir), FILE_NAME);
}

function leaveCheckpoints(database: SqliteDatabase): void {
  database.pragma('wal_autocheckpoint = 0');
}
