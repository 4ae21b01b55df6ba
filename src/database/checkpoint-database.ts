/** Keeps the log (WAL) of a database small, off the main thread. */
import { BUSY_TIMEOUT_MS, configure } from './open-database.js';
import { openSqlite, withStorageErrors } from './sqlite.js';

/**
 * Moves what the log holds into the database, without getting into the way of those who write (a passive checkpoint). Then,
 * if nobody is reading or writing just now, cuts the log off, so that its size tells what there is to move: what came in
 * between is little, and takes the writers a moment. Automatic checkpoints are off because their fsync would stall the main thread:
 * this runs in a worker thread, on a connection of its own.
 * @throws {P2P_STATE_UNUSABLE} {P2P_DISK_FULL} {P2P_DISK_FAILED}
 */
export function checkpointDatabase(path: string): void {
  withStorageErrors(path, () => {
    const database = openSqlite(path, BUSY_TIMEOUT_MS);
    try {
      configure(database);
      database.exec('PRAGMA wal_autocheckpoint = 0; PRAGMA wal_checkpoint(PASSIVE)');
      database.exec('PRAGMA busy_timeout = 0; PRAGMA wal_checkpoint(TRUNCATE)');
    } finally {
      database.close();
    }
  });
}
