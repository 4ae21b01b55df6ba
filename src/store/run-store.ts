/**
 * Which processes work on which copies at the moment, and what they last said of it. A process holds a lock file as long
 * as it lives, however it ends: whether a row still means something is asked of that, never of a process id, which the
 * system gives away again.
 *
 * Runs on the main thread. Every writing method is one immediate transaction.
 */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { isLockHeld } from '../database/lock-file.js';
import { immediateTransaction, type SqliteDatabase, type Transact, withStorageErrors } from '../database/sqlite.js';

/** One process at one copy. */
export interface RunRecord {
  readonly copyId: number;
  readonly processId: number;
  readonly pid: number;
  /** Milliseconds since 1970, as the next one. */
  readonly startedAtMs: number;
  readonly updatedAtMs: number;
  /** JSON, as the process wrote it. */
  readonly snapshot: string;
}

/** What a process says of one copy. */
export interface RunReport {
  readonly copyId: number;
  /** JSON; left out when it is as it was. */
  readonly snapshot?: string;
  /** Payload since the last report, added to the counters of the copy. */
  readonly downBytes: number;
  readonly upBytes: number;
}

interface RunRow {
  readonly copy_id: number;
  readonly process_id: number;
  readonly pid: number;
  readonly started_at_ms: number;
  readonly updated_at_ms: number;
  readonly snapshot: string;
}

export class RunStore {
  readonly #database: SqliteDatabase;
  readonly #now: () => number;
  readonly #sql: ReturnType<typeof prepareStatements>;
  readonly #transact: Transact;

  /**
   * @param database from `openStateDatabase`; stays the caller's, who closes it
   * @param now milliseconds since 1970; the clock when left out
   */
  constructor(database: SqliteDatabase, now: () => number = Date.now) {
    this.#database = database;
    this.#now = now;
    this.#sql = withStorageErrors(database.name, () => prepareStatements(database));
    this.#transact = immediateTransaction(database);
  }

  /**
   * Enters this process.
   * @param lockName file name of its lock, which it holds already (`processLockPath`)
   * @returns the id that its reports name
   */
  addProcess(pid: number, lockName: string): number {
    return this.#write(() => Number(this.#sql.addProcess.run(pid, lockName, this.#now()).lastInsertRowid));
  }

  /** The process is gone, and all that it said. Idempotent. */
  removeProcess(processId: number): void {
    this.#write(() => this.#sql.removeProcess.run(processId));
  }

  /** Takes the reports of a process, all in one transaction. A copy that was removed meanwhile is passed over. */
  report(processId: number, reports: readonly RunReport[]): void {
    this.#write(() => {
      const nowMs = this.#now();
      for (const { copyId, snapshot, downBytes, upBytes } of reports) {
        if (downBytes > 0 || upBytes > 0) this.#sql.addTransferred.run(downBytes, upBytes, nowMs, copyId);
        if (snapshot !== undefined) this.#sql.putRun.run(processId, nowMs, snapshot, copyId);
      }
    });
  }

  /** The process does not work on this copy any more. Idempotent. */
  removeRun(processId: number, copyId: number): void {
    this.#write(() => this.#sql.removeRun.run(copyId, processId));
  }

  /** All that processes said and did not take back: of those too that are gone. Oldest process first. */
  listRuns(): RunRecord[] {
    return withStorageErrors(this.#database.name, () => this.#sql.runs.all().map(toRecord));
  }

  /** The processes that have not taken their leave, with the name of the lock that each holds while it lives. */
  listProcesses(): { readonly processId: number; readonly lockName: string }[] {
    return withStorageErrors(this.#database.name, () =>
      this.#sql.processes.all().map((row) => ({ processId: row.id, lockName: row.lock_name })),
    );
  }

  /** The runs whose process lives. */
  listLiveRuns(stateDir: string): RunRecord[] {
    const runs = this.listRuns();
    if (runs.length === 0) return [];
    const processes = this.listProcesses().filter(({ lockName }) => isAlive(stateDir, lockName));
    const live = new Set(processes.map(({ processId }) => processId));
    return runs.filter(({ processId }) => live.has(processId));
  }

  /** Forgets the processes that ended without taking their leave. Those that enter meanwhile are not looked at. */
  removeDeadProcesses(stateDir: string): void {
    const dead = this.listProcesses().filter(({ lockName }) => !isAlive(stateDir, lockName));
    if (dead.length === 0) return;
    this.#write(() => {
      for (const { processId } of dead) this.#sql.removeProcess.run(processId);
    });
  }

  #write<T>(work: () => T): T {
    return withStorageErrors(this.#database.name, () => this.#transact(work));
  }
}

function isAlive(stateDir: string, lockName: string): boolean {
  const path = processLockPath(stateDir, lockName);
  return existsSync(path) && isLockHeld(path);
}

/** Where the lock of a process lies. */
export function processLockPath(stateDir: string, lockName: string): string {
  return join(resolve(stateDir), 'locks', lockName);
}

function prepareStatements(database: SqliteDatabase) {
  return {
    addProcess: database.prepare<[number, string, number]>(
      'INSERT INTO processes (pid, lock_name, started_at_ms) VALUES (?, ?, ?)',
    ),
    removeProcess: database.prepare<[number]>('DELETE FROM processes WHERE id = ?'),
    processes: database.prepare<[], { readonly id: number; readonly lock_name: string }>(
      'SELECT id, lock_name FROM processes ORDER BY id',
    ),
    addTransferred: database.prepare<[number, number, number, number]>(`
      UPDATE copies SET down_total_bytes = down_total_bytes + ?, up_total_bytes = up_total_bytes + ?, updated_at_ms = ?
      WHERE id = ?`),
    putRun: database.prepare<[number, number, string, number]>(`
      INSERT OR REPLACE INTO runs (copy_id, process_id, updated_at_ms, snapshot)
      SELECT id, ?, ?, ? FROM copies WHERE id = ?`),
    removeRun: database.prepare<[number, number]>('DELETE FROM runs WHERE copy_id = ? AND process_id = ?'),
    runs: database.prepare<[], RunRow>(`
      SELECT runs.*, processes.pid, processes.started_at_ms FROM runs JOIN processes ON processes.id = runs.process_id
      ORDER BY runs.process_id, runs.copy_id`),
  };
}

function toRecord(row: RunRow): RunRecord {
  return {
    copyId: row.copy_id,
    processId: row.process_id,
    pid: row.pid,
    startedAtMs: row.started_at_ms,
    updatedAtMs: row.updated_at_ms,
    snapshot: row.snapshot,
  };
}
