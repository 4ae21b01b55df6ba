/**
 * Writes the ownership of one copy into the store as it changes. Another process may hold the database for a moment: what
 * could not be written then is kept and written with the next change or a little later.
 */
import { StorageError } from '../errors.js';
import type { CopyStore } from '../store/copy-store.js';
import { isRetryable } from '../database/sqlite.js';
import type { OwnershipRecorder, RecordedPieces } from './ownership-log.js';

const RETRY_MS = 100;

export class CopyRecorder implements OwnershipRecorder {
  readonly #store: CopyStore;
  readonly copyId: number;
  #intents: number[] = [];
  #verified: number[] = [];
  #durable: number[] = [];
  #retry: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(store: CopyStore, copyId: number) {
    this.#store = store;
    this.copyId = copyId;
  }

  record({ intents = [], verified = [], durable = [] }: RecordedPieces): void {
    if (this.#isClosed) return;
    this.#intents = this.#intents.concat(intents);
    this.#verified = this.#verified.concat(verified);
    this.#durable = this.#durable.concat(durable);
    this.flush();
  }

  /** @throws {P2P_DISK_FULL} {P2P_STATE_UNUSABLE} when it can never be written */
  flush(): void {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    if (this.#intents.length + this.#verified.length + this.#durable.length === 0) return;
    try {
      this.#store.recordPieces(this.copyId, {
        intents: this.#intents,
        verified: this.#verified,
        durable: this.#durable,
      });
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
