/**
 * Writes the ownership of one copy into the store as it changes. Another process may hold the database for a moment: what
 * could not be written then is kept and written with the next change or a little later.
 */
import type { CopyStore } from '../store/copy-store.js';
import { isRetryable } from '../database/sqlite.js';
import type { OwnershipRecorder } from './torrent-session.js';

const RETRY_MS = 100;

export class CopyRecorder implements OwnershipRecorder {
  readonly #store: CopyStore;
  readonly copyId: number;
  #intents: number[] = [];
  #verified: number[] = [];
  #durable: number[] = [];
  #retry: NodeJS.Timeout | undefined;

  constructor(store: CopyStore, copyId: number) {
    this.#store = store;
    this.copyId = copyId;
  }

  record(pieces: {
    readonly intents?: readonly number[];
    readonly verified?: readonly number[];
    readonly durable?: readonly number[];
  }): void {
    this.#intents.push(...(pieces.intents ?? []));
    this.#verified.push(...(pieces.verified ?? []));
    this.#durable.push(...(pieces.durable ?? []));
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
        this.flush();
      }, RETRY_MS);
      return;
    }
    this.#intents = [];
    this.#verified = [];
    this.#durable = [];
  }
}
