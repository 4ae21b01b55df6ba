/**
 * What is written down about the pieces of one transfer, and when: intents before the first write, verified within the
 * same turn, durable after the files were flushed. (ARCHITECTURE.md, One piece through the house.)
 *
 *   intent ──▶ bytes ──▶ verified ──▶ fdatasync (every 5 s or 256 MiB) ──▶ durable
 */
import { P2pError, toErrorValue, type ErrorValue } from '../errors.js';
import type { PieceIndex } from '../metainfo/piece-layout.js';
import type { CopyFile } from '../store/copy-store.js';

const SYNC_EVERY_MS = 5_000;
const SYNC_EVERY_BYTES = 268_435_456;

/** Pieces that changed, by what is known of them now. */
export interface RecordedPieces {
  /** About to be written to. */
  readonly intents?: readonly number[];
  readonly verified?: readonly number[];
  readonly durable?: readonly number[];
  /** How files look that hold the durable ones: after a crash their inode and size must still be these. */
  readonly files?: readonly CopyFile[];
}

/** Where ownership is written down. */
export interface OwnershipRecorder {
  /** @throws {P2P_DISK_FULL} {P2P_STATE_UNUSABLE} when it can never be written */
  record(pieces: RecordedPieces): void;
}

export interface OwnershipLogOptions {
  /** Nothing is written down, and nothing flushed, without one. */
  readonly recorder: OwnershipRecorder | undefined;
  /** Flushes all files of the torrent. */
  readonly syncFiles: () => Promise<void>;
  /** How those files of the pieces look that were not looked at before in this run. */
  readonly stampFiles: (pieceIndices: readonly PieceIndex[]) => Promise<readonly CopyFile[]>;
  readonly onDurable: (pieceIndices: readonly PieceIndex[]) => void;
  /** The state or the files cannot be written: what is not written down would be fetched twice. */
  readonly onFailed: (error: ErrorValue) => void;
}

export class OwnershipLog {
  readonly #options: OwnershipLogOptions;
  #intents: PieceIndex[] = [];
  #verified: PieceIndex[] = [];
  #unsynced: PieceIndex[] = [];
  #unsyncedBytes = 0;
  #syncing: Promise<void> | undefined;
  #lastSyncMs = performance.now();

  constructor(options: OwnershipLogOptions) {
    this.#options = options;
  }

  addIntent(pieceIndex: PieceIndex): void {
    this.#intents.push(pieceIndex);
  }

  addVerified(pieceIndex: PieceIndex, sizeBytes: number): void {
    this.#verified.push(pieceIndex);
    this.#unsynced.push(pieceIndex);
    this.#unsyncedBytes += sizeBytes;
  }

  /** Writes down what came since the last time, in one transaction. */
  flush(): void {
    if (this.#intents.length === 0 && this.#verified.length === 0) return;
    this.#record({ intents: this.#intents, verified: this.#verified });
    this.#intents = [];
    this.#verified = [];
  }

  /** Flushes the files when that is due; call it now and then. */
  syncWhenDue(): void {
    if (this.#syncing || !this.#options.recorder || this.#unsynced.length === 0) return;
    const isDue = this.#unsyncedBytes >= SYNC_EVERY_BYTES || performance.now() - this.#lastSyncMs >= SYNC_EVERY_MS;
    if (!isDue) return;
    this.#syncing = this.#sync().finally(() => {
      this.#syncing = undefined;
      this.#lastSyncMs = performance.now();
    });
  }

  /**
   * Runs `close`, which flushes all files; what was verified before is durable then. Without a recorder it only closes.
   * @throws what `close` throws: nothing is durable then
   */
  async closeFiles(close: () => Promise<void>): Promise<void> {
    await this.#syncing;
    const pieces = this.#takeUnsynced();
    try {
      await close();
    } catch (error) {
      this.#unsynced.push(...pieces);
      throw error;
    }
    await this.#handleSynced(pieces);
  }

  /** Whether all that is verified is durable and written down so. */
  get isSettled(): boolean {
    return this.#unsynced.length === 0 && this.#verified.length === 0;
  }

  async #sync(): Promise<void> {
    const pieces = this.#takeUnsynced();
    try {
      await this.#options.syncFiles();
      await this.#handleSynced(pieces);
    } catch (error) {
      this.#unsynced.push(...pieces);
      // Another thread takes the place of the one that died: flushed the next time.
      if (!(error instanceof P2pError) || error.code !== 'P2P_WORKER_LOST') this.#options.onFailed(toErrorValue(error));
    }
  }

  #takeUnsynced(): PieceIndex[] {
    const pieces = this.#unsynced;
    this.#unsynced = [];
    this.#unsyncedBytes = 0;
    return pieces;
  }

  async #handleSynced(pieceIndices: readonly PieceIndex[]): Promise<void> {
    if (pieceIndices.length === 0) return;
    const files = this.#options.recorder ? await this.#options.stampFiles(pieceIndices) : [];
    this.flush();
    this.#record({ durable: pieceIndices, ...(files.length > 0 && { files }) });
    this.#options.onDurable(pieceIndices);
  }

  #record(pieces: RecordedPieces): void {
    try {
      this.#options.recorder?.record(pieces);
    } catch (error) {
      if (!(error instanceof P2pError)) throw error;
      this.#options.onFailed(error.toValue());
    }
  }
}
