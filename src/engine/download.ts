/**
 * One download from its resolved target to its final name: what is on disk already is found, the rest is fetched, the
 * files are closed, flushed and renamed. The swarm's side is TorrentSession.
 */
import { P2pError, toErrorValue, type ErrorValue } from '../errors.js';
import { escapeText } from '../metainfo/escape-text.js';
import type { Metainfo } from '../metainfo/metainfo.js';
import { Bitfield } from '../protocol/bitfield.js';
import type { CopyFile } from '../store/copy-store.js';
import type { TorrentFile } from '../workers/worker-messages.js';
import { formatDuration } from '../units.js';
import type { CopyRecorder } from './copy-recorder.js';
import type { DownloadFiles } from './download-files.js';
import type { StateStore } from './state-store.js';
import type { Transfer, TransferOutcome, TransferSnapshot, TransferState } from './engine-types.js';
import { stampFiles, withStamps } from './file-stamps.js';
import { isRunningOut, roomNeeded } from './room-needed.js';
import type { SeedFigures, SeedWatch } from './seed-limits.js';
import type { ServedCopy, ServedCopyOptions } from './served-copy.js';
import type { TorrentSession } from './torrent-session.js';
import { transferSnapshot } from './transfer-snapshot.js';

const GOODBYE_MS = 200;
const WATCH_MS = 250;

export interface DownloadOptions {
  readonly metainfo: Metainfo;
  /** Where its files lie. */
  readonly files: DownloadFiles;
  readonly force: boolean;
  readonly seedAfter: boolean;
  readonly timeoutMs: number | undefined;
  /** Says when it has seeded enough. */
  readonly seedWatch: SeedWatch;
  readonly store: StateStore;
  readonly copy: CopyRecorder;
  readonly releaseLock: () => void;
  /** Looks after the complete copy while it is seeded. */
  readonly serve: (what: Pick<ServedCopyOptions, 'files' | 'stamps' | 'owned' | 'session'>) => ServedCopy;
  readonly onNote: (message: string) => void;
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
  /** The one that fetches; the complete copy is served by `#served`. */
  #session: TorrentSession | undefined;
  #served: ServedCopy | undefined;
  readonly over: Promise<void>;
  #settle: (outcome: TransferOutcome) => void = () => undefined;
  #settleOver: () => void = () => undefined;
  #state: TransferState = 'downloading';
  #isRenamed = false;
  /** Also when no session says so. */
  #ownsAll = false;
  #saidUnreadable = false;
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
    this.over = new Promise((resolve) => {
      this.#settleOver = resolve;
    });
  }

  get copy(): CopyRecorder {
    return this.#options.copy;
  }

  /** How many files are fetched; undefined when that is not asked file by file. */
  get chosenFiles(): number | undefined {
    return this.#options.files.chosen?.count();
  }

  /** @param owned verified pieces; when that is all that is wanted nothing is fetched */
  start(session: TorrentSession, owned: Bitfield): void {
    this.#session = session;
    if (isAllThere(owned, this.#options.files.wanted)) {
      this.handleComplete();
      return;
    }
    this.#options.store.setState(this.#options.copy, 'downloading');
    session.start();
    if (this.#options.timeoutMs !== undefined) this.#watchTimeout(session, this.#options.timeoutMs);
  }

  /**
   * The target was there already, complete: nothing to fetch or rename.
   * @param files the target's
   */
  startComplete(files: readonly TorrentFile[], stamps: ReadonlyMap<number, CopyFile>): void {
    const { seedAfter, onDownloaded, serve, store, copy } = this.#options;
    this.#isRenamed = true;
    this.#ownsAll = true;
    store.setState(copy, 'complete');
    if (seedAfter) {
      this.#state = 'seeding';
      this.#served = serve({ files, stamps, owned: Bitfield.full(this.metainfo.layout.pieceCount) });
      this.#served.start();
    }
    onDownloaded(this.#options.files.target.targetPath);
    if (seedAfter) this.#beginSeeding();
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
    if (this.#state !== 'downloading') return;
    if (isRunningOut(error)) void this.#end('failed', roomNeeded(error, this.#options.files.target, this.#bytesLeft()));
    else void this.#end('failed', error);
  }

  /** A file could not be read for a peer. */
  handleServingFailed(error: ErrorValue): void {
    if (this.#served) this.#served.handleServingFailed(error);
    else if (!this.#saidUnreadable) this.#options.onNote(`cannot serve all of ${this.metainfo.name}: ${error.message}`);
    this.#saidUnreadable = true;
  }

  snapshot(): TransferSnapshot {
    const { target } = this.#options.files;
    const path = this.#isRenamed ? target.targetPath : target.partPath;
    const session = this.#served ? this.#served.session : this.#session;
    const state = this.#state === 'seeding' && this.#served?.isChecking === true ? 'checking' : this.#state;
    const snapshot = transferSnapshot({ metainfo: this.metainfo, session, path }, state, this.#served?.past);
    return this.#ownsAll && !session ? withAllVerified(snapshot) : snapshot;
  }

  /** Leaves the swarm; what is there is kept for another time. One that is being renamed is complete first. Idempotent. */
  async stop(): Promise<void> {
    await this.#finishing;
    await this.#end(this.#isRenamed ? 'complete' : 'stopped');
  }

  async #finish(): Promise<void> {
    const { files, force, store, copy, seedAfter, onDownloaded, serve } = this.#options;
    let stamps: ReadonlyMap<number, CopyFile>;
    try {
      await this.#session?.closeFiles();
      await files.finish(force);
      this.#isRenamed = true;
      copy.flush();
      stamps = await stampFiles(files.present);
      store.completeCopy(copy, stamps.values());
    } catch (error) {
      await this.#end('failed', toErrorValue(error));
      return;
    }
    this.#session?.handleRenamed(withStamps(files.present, stamps));
    onDownloaded(files.target.targetPath);
    if (!seedAfter) {
      await this.#end('complete');
      return;
    }
    // It was not started when everything was there from the beginning.
    this.#session?.start();
    this.#state = 'seeding';
    const owned = this.#session?.owned ?? Bitfield.full(this.metainfo.layout.pieceCount);
    this.#served = serve({ files: files.present, stamps, owned, ...(this.#session && { session: this.#session }) });
    this.#served.start();
    this.#beginSeeding();
  }

  #beginSeeding(): void {
    const { seedWatch, onNote } = this.#options;
    this.#settle(this.#outcome('complete'));
    const figures = (): Omit<SeedFigures, 'seedingMs'> => {
      const { upTotalBytes, wantedBytes } = this.snapshot().swarm;
      return { sentBytes: upTotalBytes, sizeBytes: wantedBytes };
    };
    seedWatch.start(figures, (reason) => {
      onNote(`${escapeText(this.metainfo.name)} is not seeded any more: ${reason}`);
      void this.#end('complete');
    });
  }

  #bytesLeft(): number {
    const { wantedBytes, wantedVerifiedBytes } = this.snapshot().swarm;
    return wantedBytes - wantedVerifiedBytes;
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
    const { everAnswered, missingEverywhere, missingEverywhereCount, trackers, links, ...swarm } = session.snapshot();
    const { wantedVerifiedPieces: verifiedPieces, wantedPieces: pieceCount, webSeeds } = swarm;
    const details = { missingEverywhere, missingEverywhereCount, verifiedPieces, pieceCount };
    const since = `no new piece in ${formatDuration(timeoutMs)}`;
    if (!everAnswered) {
      const asked = [...trackers, ...webSeeds];
      const why = asked.map(({ url, message }) => `${url}: ${message || 'no answer'}`).join('; ');
      const message = `${since}, and no tracker or peer ever answered (${why}); check -i and -d, name a tracker with --tracker or a peer with --peer, or ask the DHT with --dht`;
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
    this.#options.seedWatch.close();
    this.#state = state;
    try {
      const isFlushed = (await (this.#served ?? this.#session)?.stop(GOODBYE_MS)) ?? true;
      if (isFlushed && !this.#isRenamed) await this.#stampPart();
      const { downTotalBytes: down, upTotalBytes: up } = this.snapshot().swarm;
      store.closeCopy(copy, state, { totals: { down, up }, isFlushed, error });
    } finally {
      releaseLock();
      onOver();
      this.#settle(this.#outcome(state, error));
      this.#settleOver();
    }
  }

  /** Nothing writes to the files any more: as they are now they are believed at the next start. */
  async #stampPart(): Promise<void> {
    const { store, copy, files } = this.#options;
    store.recordFiles(copy, (await stampFiles(files.present)).values());
  }

  #outcome(state: TransferOutcome['state'], error?: ErrorValue): TransferOutcome {
    const snapshot = this.snapshot();
    const elapsedMs = performance.now() - this.#startedMs;
    return { state, elapsedMs, snapshot: { ...snapshot, state }, ...(error === undefined ? {} : { error }) };
  }
}

/** @param wanted undefined for all */
function isAllThere(owned: Bitfield, wanted: Bitfield | undefined): boolean {
  return wanted ? [...wanted.indices()].every((index) => owned.has(index)) : owned.isFull();
}

/** Of a copy that nobody serves. */
function withAllVerified(snapshot: TransferSnapshot): TransferSnapshot {
  const { pieceCount } = snapshot.swarm;
  const pieces = { verifiedPieces: pieceCount, wantedVerifiedPieces: pieceCount };
  const bytes = { verifiedBytes: snapshot.totalBytes, wantedVerifiedBytes: snapshot.totalBytes };
  return { ...snapshot, swarm: { ...snapshot.swarm, ...pieces, ...bytes } };
}
