/** One torrent that is served from files which are there. */
import { toErrorValue, type ErrorValue } from '../errors.js';
import type { Metainfo } from '../metainfo/metainfo.js';
import type { Transfer, TransferOutcome, TransferSnapshot, TransferState } from './engine-types.js';
import type { TorrentSession } from './torrent-session.js';
import { transferSnapshot } from './transfer-snapshot.js';

const GOODBYE_MS = 200;

export class Seed implements Transfer {
  readonly role = 'seed';
  readonly metainfo: Metainfo;
  readonly finished: Promise<TransferOutcome>;
  readonly #rootPath: string;
  readonly #onOver: (upTotalBytes: number) => void;
  readonly #startedMs = performance.now();
  #session: TorrentSession | undefined;
  #settle: (outcome: TransferOutcome) => void = () => undefined;
  #state: TransferState = 'seeding';
  #stopping: Promise<void> | undefined;

  /** @param onOver it is over, with the payload that was sent in all */
  constructor(metainfo: Metainfo, rootPath: string, onOver: (upTotalBytes: number) => void) {
    this.metainfo = metainfo;
    this.#rootPath = rootPath;
    this.#onOver = onOver;
    this.finished = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  get session(): TorrentSession | undefined {
    return this.#session;
  }

  start(session: TorrentSession): void {
    this.#session = session;
    session.start();
  }

  handleFailed(error: ErrorValue): void {
    void this.#end('failed', error);
  }

  snapshot(): TransferSnapshot {
    return transferSnapshot(this.metainfo, this.#session, this.#state, this.#rootPath);
  }

  /** Leaves the swarm. Idempotent. */
  stop(): Promise<void> {
    return this.#end('stopped');
  }

  #end(state: 'stopped' | 'failed', error?: ErrorValue): Promise<void> {
    this.#stopping ??= this.#leave(state, error);
    return this.#stopping;
  }

  async #leave(state: 'stopped' | 'failed', error?: ErrorValue): Promise<void> {
    this.#state = state;
    const failed = await this.#session?.stop(GOODBYE_MS).then(
      () => undefined,
      (thrown: unknown) => toErrorValue(thrown),
    );
    // Only now: the links' last bytes are counted when they close.
    const snapshot = this.snapshot();
    this.#onOver(snapshot.swarm.upTotalBytes);
    const reason = error ?? failed;
    const elapsedMs = performance.now() - this.#startedMs;
    this.#settle({ state, elapsedMs, snapshot, ...(reason === undefined ? {} : { error: reason }) });
  }
}
