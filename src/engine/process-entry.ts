/** What this process tells others through the state database: that it runs, on which copies, and how they go. */
import { randomUUID } from 'node:crypto';

import { InvariantError } from '../errors.js';
import { takeLockFile, type LockFile } from '../database/lock-file.js';
import type { SqliteDatabase } from '../database/sqlite.js';
import { processLockPath, RunStore, type RunReport } from '../store/run-store.js';

export class ProcessEntry {
  readonly #runs: RunStore;
  readonly #stateDir: string;
  /** Made with the first report: a process that only hashes tells nobody. */
  #entry: { readonly lock: LockFile; readonly processId: number } | undefined;
  readonly #reported = new Set<number>();

  /** @param stateDir folder of the database */
  constructor(stateDir: string, database: SqliteDatabase) {
    this.#stateDir = stateDir;
    this.#runs = new RunStore(database);
  }

  /** @throws {P2P_STATE_UNUSABLE} {P2P_DISK_FULL} */
  report(reports: readonly RunReport[]): void {
    if (reports.length === 0) return;
    this.#entry ??= this.#enter();
    this.#runs.report(this.#entry.processId, reports);
    for (const { copyId } of reports) this.#reported.add(copyId);
  }

  /** This process does not work on the copy any more. Idempotent. */
  leave(copyId: number): void {
    if (this.#entry && this.#reported.delete(copyId)) this.#runs.removeRun(this.#entry.processId, copyId);
  }

  /** Idempotent. */
  close(): void {
    const entry = this.#entry;
    this.#entry = undefined;
    if (!entry) return;
    try {
      this.#runs.removeProcess(entry.processId);
    } finally {
      entry.lock.remove();
    }
  }

  #enter(): { readonly lock: LockFile; readonly processId: number } {
    const lockName = `process-${randomUUID()}.lock`;
    const lock = takeLockFile(processLockPath(this.#stateDir, lockName));
    if (!lock) throw new InvariantError(`somebody holds the lock ${lockName} of this process`);
    try {
      this.#runs.removeDeadProcesses(this.#stateDir);
      return { lock, processId: this.#runs.addProcess(process.pid, lockName) };
    } catch (error) {
      lock.remove();
      throw error;
    }
  }
}
