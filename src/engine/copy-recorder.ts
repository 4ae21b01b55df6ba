/**
 * Writes the ownership of one copy into the store as it changes. Another process may hold the database for a moment: what
 * could not be written then is kept and written with the next change or a little later.
 */
import { StorageError } from '../errors.js';
import type { CopyFile, CopyStore } from '../store/copy-store.js';
import { isRetryable } from '../database/sqlite.js';
import type { OwnershipRecorder, RecordedPieces } from './ownership-log.js';

const RETRY_MS = 100;

export class CopyRecorder implements OwnershipRecorder {
  readonly #store: CopyStore;
  readonly copyId: number;
  #intents: number[] = [];
  #verified: number[] = [];
  #durable: number[] = [];
  #files: readonly CopyFile[] = [];
  /** Whether a power cut leaves on record that this run began to write. */
  #isBegun = false;
  /** Payload that the store has counted. */
  #counted = { down: 0, up: 0 };
  #retry: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(store: CopyStore, copyId: number) {
    this.#store = store;
    this.copyId = copyId;
  }

  record({ intents = [], verified = [], durable = [], files = [] }: RecordedPieces): void {
    if (this.#isClosed) return;
    this.#intents = this.#intents.concat(intents);
    this.#verified = this.#verified.concat(verified);
    this.#durable = this.#durable.concat(durable);
    this.#files = this.#files.concat(files);
    this.flush();
  }

  /** @throws {P2P_DISK_FULL} {P2P_STATE_UNUSABLE} when it can never be written */
  flush(): void {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    if (!this.isPending) return;
    try {
      // First: a piece that is called durable is believed only with its file.
      if (this.#files.length > 0) this.#store.recordFiles(this.copyId, this.#files);
      this.#files = [];
      // Nothing is written before the first intents: whatever a power cut leaves of the files, they are known as ours.
      const begins = !this.#isBegun && this.#intents.length > 0;
      const changes = { intents: this.#intents, verified: this.#verified, durable: this.#durable };
      this.#store.recordPieces(this.copyId, changes, begins);
      this.#isBegun ||= begins;
    } catch (error) {
      if (!isRetryable(error)) throw error;
      this.#retry = setTimeout(() => {
        this.#flushLate();
      }, RETRY_MS);
      return;
    }
    this.#intents = [];
    this.#verified = [];
    this.#durable = [];
  }

  /**
   * What came since the last time that this was asked.
   * @param totals payload of this run so far, in bytes
   */
  takeTransferred({ down, up }: { readonly down: number; readonly up: number }): { down: number; up: number } {
    const since = { down: down - this.#counted.down, up: up - this.#counted.up };
    this.#counted = { down, up };
    return since;
  }

  /** Takes back the last `takeTransferred`: it could not be written. */
  giveBackTransferred({ down, up }: { readonly down: number; readonly up: number }): void {
    this.#counted = { down: this.#counted.down - down, up: this.#counted.up - up };
  }

  /** Whether something could not be written yet. */
  get isPending(): boolean {
    return this.#intents.length + this.#verified.length + this.#durable.length + this.#files.length > 0;
  }

  /** Writes nothing any more: what is still kept is hashed again at the next start. Idempotent. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#retry);
  }

  /** Nobody waits for this one: what fails for good is thrown by the next `record` or `flush`. */
  #flushLate(): void {
    try {
      this.flush();
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
    }
  }
}
