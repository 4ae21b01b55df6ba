/** One torrent that is served from files which are there. */
import { toErrorValue, type ErrorValue } from '../errors.js';
import { escapeText } from '../metainfo/escape-text.js';
import type { Metainfo } from '../metainfo/metainfo.js';
import type { CopyRecorder } from './copy-recorder.js';
import type { Transfer, TransferOutcome, TransferSnapshot, TransferState } from './engine-types.js';
import type { SeedFigures, SeedWatch } from './seed-limits.js';
import type { ServedCopy } from './served-copy.js';
import type { StateStore } from './state-store.js';
import { transferSnapshot } from './transfer-snapshot.js';

const GOODBYE_MS = 200;

export interface SeedOptions {
  readonly metainfo: Metainfo;
  /** Absolute. */
  readonly rootPath: string;
  readonly served: ServedCopy;
  readonly copy: CopyRecorder;
  /** Says when it has seeded enough. */
  readonly seedWatch: SeedWatch;
  readonly onNote: (message: string) => void;
  readonly store: Pick<StateStore, 'closeCopy'>;
  /** It is over and needs nothing of the engine any more. */
  readonly onOver: () => void;
}

export class Seed implements Transfer {
  readonly role = 'seed';
  readonly metainfo: Metainfo;
  readonly finished: Promise<TransferOutcome>;
  readonly #options: SeedOptions;
  readonly #startedMs = performance.now();
  #settle: (outcome: TransferOutcome) => void = () => undefined;
  #state: TransferState = 'seeding';
  #stopping: Promise<void> | undefined;

  constructor(options: SeedOptions) {
    this.metainfo = options.metainfo;
    this.#options = options;
    this.finished = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  get copy(): CopyRecorder {
    return this.#options.copy;
  }

  get over(): Promise<void> {
    return this.finished.then(() => undefined);
  }

  start(): void {
    const { served, seedWatch, onNote } = this.#options;
    served.start();
    const figures = (): Omit<SeedFigures, 'seedingMs'> => {
      const { upTotalBytes } = this.snapshot().swarm;
      return { sentBytes: upTotalBytes, sizeBytes: this.metainfo.layout.totalBytes };
    };
    seedWatch.start(figures, (reason) => {
      onNote(`${escapeText(this.metainfo.name)} is not seeded any more: ${reason}`);
      void this.#end('stopped');
    });
  }

  handleFailed(error: ErrorValue): void {
    void this.#end('failed', error);
  }

  snapshot(): TransferSnapshot {
    const { served, rootPath: path } = this.#options;
    const state = this.#state === 'seeding' && served.isChecking ? 'checking' : this.#state;
    return transferSnapshot({ metainfo: this.metainfo, session: served.session, path }, state, served.past);
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
    const { served, seedWatch, store, copy, onOver } = this.#options;
    seedWatch.close();
    this.#state = state;
    const failed = await served.stop(GOODBYE_MS).then(
      () => undefined,
      (thrown: unknown) => toErrorValue(thrown),
    );
    const reason = error ?? failed;
    onOver();
    // Only now: the links' last bytes are counted when they close.
    const snapshot = this.snapshot();
    const { downTotalBytes: down, upTotalBytes: up } = snapshot.swarm;
    store.closeCopy(copy, state, { totals: { down, up }, isFlushed: failed === undefined, error: reason });
    const elapsedMs = performance.now() - this.#startedMs;
    this.#settle({ state, elapsedMs, snapshot, ...(reason === undefined ? {} : { error: reason }) });
  }
}
