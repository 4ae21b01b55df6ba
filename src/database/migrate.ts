/** Schemas as steps from one version to the next; the version is SQLite's `user_version`. */
import type { SqliteDatabase } from './sqlite.js';

/** The version that a database has, 0 when it is empty. */
export function readVersion(database: SqliteDatabase): number {
  return database.pragma('user_version', { simple: true }) as number;
}

/**
 * Brings a database to the newest version, in one transaction; a database that has it is only read.
 * @param migrations append only: a released step never changes, since it has run on the machines of users
 */
export function migrate(database: SqliteDatabase, migrations: readonly string[]): void {
  if (readVersion(database) >= migrations.length) return;
  const advance = database.transaction(() => {
    // Read again under the write lock: another process may have done it meanwhile.
    for (const step of migrations.slice(readVersion(database))) database.exec(step);
    database.pragma(`user_version = ${migrations.length}`);
  });
  advance.immediate();
}
