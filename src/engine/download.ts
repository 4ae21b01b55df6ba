/**
 * One download from its resolved target to its final name: what is on disk already is found, the rest is fetched, the
 * files are closed, flushed and renamed. The swarm's side is TorrentSession.
 */
import { P2pError, toErrorValue, type ErrorValue } from '../errors.js';
import type { Metainfo } from '../metainfo/metainfo.js';
import type { Bitfield } from '../protocol/bitfield.js';
import { formatDuration } from '../units.js';
import type { CopyRecorder } from './copy-recorder.js';
import { createEmptyFiles, finishTarget, type DownloadTarget } from './download-target.js';
import type { StateStore } from './state-store.js';
import type { Transfer, TransferOutcome, TransferSnapshot, TransferState } from './engine-types.js';
import { torrentFiles } from './torrent-files.js';
import type { TorrentSession } from './torrent-session.js';
import { transferSnapshot } from './transfer-snapshot.js';

const GOODBYE_MS = 200;
const WATCH_MS = 250;

export interface DownloadOptions {
  readonly metainfo: Metainfo;
  readonly target: DownloadTarget;
  readonly force: boolean;
  readonly seedAfter: boolean;
  readonly timeoutMs: number | undefined;
  readonly store: StateStore;
  readonly copy: CopyRecorder;
  readonly releaseLock: () => void;
  readonly onDownloaded: (path: string) => void;
  /** The download is over and needs nothing of the engine any more. */
  readonly onOver: () => void;
}

export class Download implements Transfer {
  readonly role = 'download';
  readonly metainfo: Metainfo;
  readonly finished: Promise<TransferOutcome>;
  readonly #options: DownloadOptions;
  readonly #startedMs = performance.now();
  #session: TorrentSession | undefined;
  #settle: (outcome: TransferOutcome) => void = () => undefined;
  #state: TransferState = 'downloading';
  #isRenamed = false;
  #watch: NodeJS.Timeout | undefined;
  /** From the last piece to the final name. */
  #finishing: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;

  constructor(options: DownloadOptions) {
    this.metainfo = options.metainfo;
    this.#options = options;
    this.finished = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  get session(): TorrentSession | undefined {
    return this.#session;
  }

  /** @param owned verified pieces; when that is all of them nothing is fetched */
  start(session: TorrentSession, owned: Bitfield): void {
    this.#session = session;
    if (owned.isFull()) {
      this.handleComplete();
      return;
    }
    this.#options.store.setState(this.#options.copy, 'downloading');
    session.start();
    if (this.#options.timeoutMs !== undefined) this.#watchTimeout(session, this.#options.timeoutMs);
  }

  /** The target was there already, complete: nothing to fetch or rename. */
  startComplete(session: TorrentSession): void {
    this.#session = session;
    this.#isRenamed = true;
    if (this.#options.seedAfter) {
      session.start();
      this.#state = 'seeding';
    }
    this.#options.onDownloaded(this.#options.target.targetPath);
    if (this.#options.seedAfter) this.#settle(this.#outcome('complete'));
    else void this.#end('complete');
  }

  /** Every piece is verified. */
  handleComplete(): void {
    if (this.#state !== 'downloading') return;
    this.#state = 'finishing';
    clearInterval(this.#watch);
    this.#finishing = this.#finish();
  }

  /** It cannot go on. When every piece is verified, only giving it its name can still fail. */
  handleFailed(error: ErrorValue): void {
    if (this.#state === 'downloading') void this.#end('failed', error);
  }

  snapshot(): TransferSnapshot {
    const { target } = this.#options;
    const path = this.#isRenamed ? target.targetPath : target.partPath;
    return transferSnapshot(this.metainfo, this.#session, this.#state, path);
  }

  /** Leaves the swarm; what is there is kept for another time. One that is being renamed is complete first. Idempotent. */
  async stop(): Promise<void> {
    await this.#finishing;
    await this.#end(this.#isRenamed ? 'complete' : 'stopped');
  }

  async #finish(): Promise<void> {
    const { target, force, store, copy, seedAfter, onDownloaded } = this.#options;
    try {
      await this.#session?.closeFiles();
      await createEmptyFiles(this.metainfo, target.partPath);
      await finishTarget(target, this.metainfo.isFolder, force);
      this.#isRenamed = true;
      copy.flush();
      store.setState(copy, 'complete');
    } catch (error) {
      await this.#end('failed', toErrorValue(error));
      return;
    }
    this.#session?.handleRenamed(torrentFiles(this.metainfo, target.targetPath));
    onDownloaded(target.targetPath);
    if (!seedAfter) {
      await this.#end('complete');
      return;
    }
    // It was not started when everything was there from the beginning.
    this.#session?.start();
    this.#state = 'seeding';
    this.#settle(this.#outcome('complete'));
  }

  #watchTimeout(session: TorrentSession, timeoutMs: number): void {
    this.#watch = setInterval(
      () => {
        if (performance.now() - session.lastVerifiedMs < timeoutMs) return;
        void this.#end('incomplete', this.#incomplete(session, timeoutMs));
      },
      Math.min(WATCH_MS, timeoutMs),
    );
  }

  #incomplete(session: TorrentSession, timeoutMs: number): ErrorValue {
    const { everAnswered, missingEverywhere, missingEverywhereCount, verifiedPieces, pieceCount, trackers, links } =
      session.snapshot();
    const details = { missingEverywhere, missingEverywhereCount, verifiedPieces, pieceCount };
    const since = `no new piece in ${formatDuration(timeoutMs)}`;
    if (!everAnswered) {
      const why = trackers.map(({ url, message }) => `${url}: ${message || 'no answer'}`).join('; ');
      const message = `${since}, and no tracker or peer ever answered (${why}); check -i and -d, or name a tracker with --tracker`;
      return new P2pError('P2P_NOBODY_ANSWERED', message, details).toValue();
    }
    const have = `${verifiedPieces} of ${pieceCount} pieces are here`;
    const lacking =
      missingEverywhereCount > 0
        ? `no peer has ${missingEverywhereCount} of the others; start a peer that has them, then the same command again`
        : `${links.length} peers have the others but sent none in time; the same command goes on from here`;
    return new P2pError('P2P_INCOMPLETE', `${since}: ${have}, ${lacking}`, details).toValue();
  }

  #end(state: 'complete' | 'incomplete' | 'failed' | 'stopped', error?: ErrorValue): Promise<void> {
    this.#stopping ??= this.#leave(state, error);
    return this.#stopping;
  }

  async #leave(state: 'complete' | 'incomplete' | 'failed' | 'stopped', error?: ErrorValue): Promise<void> {
    const { store, copy, releaseLock, onOver } = this.#options;
    clearInterval(this.#watch);
    this.#state = state;
    try {
      await this.#session?.stop(GOODBYE_MS);
      const { downTotalBytes, upTotalBytes } = this.snapshot().swarm;
      store.closeCopy(copy, state, { down: downTotalBytes, up: upTotalBytes });
    } finally {
      releaseLock();
      onOver();
      this.#settle(this.#outcome(state, error));
    }
  }

  #outcome(state: TransferOutcome['state'], error?: ErrorValue): TransferOutcome {
    const snapshot = this.snapshot();
    const elapsedMs = performance.now() - this.#startedMs;
    return { state, elapsedMs, snapshot: { ...snapshot, state }, ...(error === undefined ? {} : { error }) };
  }
}
