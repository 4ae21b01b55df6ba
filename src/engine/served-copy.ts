/**
 * A copy whose files are only read: served, and looked at again and again. When somebody changes some of them, no piece of
 * those is offered any more until they are checked, and what still fits is offered again. Peers hear of both (BEP 54), and
 * go on with the other files; those that do not know that word are hung up on.
 *
 *     serving ── a file looks different, or a read says so ──▶ checking ──▶ serving (what still fits)
 *
 * A worker throws away what it read of a file that looks different (`TorrentFile.expected`), so that nothing wrong leaves
 * this machine in the seconds until it is noticed here.
 */
import { P2pError, type ErrorValue } from '../errors.js';
import { escapeText } from '../metainfo/escape-text.js';
import type { Metainfo } from '../metainfo/metainfo.js';
import type { PieceIndex } from '../metainfo/piece-layout.js';
import { Bitfield } from '../protocol/bitfield.js';
import type { CopyFile } from '../store/copy-store.js';
import type { TorrentFile } from '../workers/worker-messages.js';
import type { CopyRecorder } from './copy-recorder.js';
import type { EngineContext } from './engine-context.js';
import { isUntouched, stampFiles, withStamps } from './file-stamps.js';
import { findPresent } from './find-present.js';
import type { TorrentSession } from './torrent-session.js';
import type { PayloadTotals } from './transfer-snapshot.js';

const LOOK_EVERY_MS = 10_000;

export interface ServedCopyOptions {
  readonly engine: EngineContext;
  readonly metainfo: Metainfo;
  readonly files: readonly TorrentFile[];
  /** How the files looked when `owned` was known to be right. */
  readonly stamps: ReadonlyMap<number, CopyFile>;
  readonly owned: Bitfield;
  readonly copy: CopyRecorder;
  /** Makes a session that serves these pieces of these files; it is started here. */
  readonly join: (files: readonly TorrentFile[], owned: Bitfield) => TorrentSession;
  /** One that serves them already. */
  readonly session?: TorrentSession;
}

export class ServedCopy {
  readonly #options: ServedCopyOptions;
  #session: TorrentSession | undefined;
  /** The session was made here: it fetches nothing, and can take back what it offers. */
  #canWithdraw = false;
  #owned: Bitfield;
  #stamps: ReadonlyMap<number, CopyFile>;
  /** Payload of sessions that are over. */
  #past: PayloadTotals = { down: 0, up: 0 };
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  #isChecking = false;
  #readError: ErrorValue | undefined;
  #saidUnreadable = false;
  #isStopped = false;

  constructor(options: ServedCopyOptions) {
    this.#options = options;
    this.#session = options.session;
    this.#owned = options.owned;
    this.#stamps = options.stamps;
  }

  /** Undefined while its files are checked. */
  get session(): TorrentSession | undefined {
    return this.#session;
  }

  get isChecking(): boolean {
    return this.#isChecking;
  }

  /** Payload of the sessions before the present one. */
  get past(): PayloadTotals {
    return this.#past;
  }

  start(): void {
    if (!this.#session) this.#join();
    this.#timer = setInterval(() => {
      this.look();
    }, LOOK_EVERY_MS);
    this.#timer.unref();
  }

  /** Looks at the files now; a look that is under way serves too. */
  look(): void {
    if (this.#isStopped) return;
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
  }

  /** A read for a peer failed: because somebody changed a file, or for a reason that is told once. */
  handleServingFailed(error: ErrorValue): void {
    this.#readError ??= error;
    this.look();
  }

  /** @returns as `TorrentSession.stop` */
  async stop(patienceMs: number): Promise<boolean> {
    this.#isStopped = true;
    clearInterval(this.#timer);
    const isFlushed = (await this.#session?.stop(patienceMs)) ?? true;
    await this.#looking;
    return isFlushed;
  }

  async #look(): Promise<void> {
    const { engine, metainfo, files } = this.#options;
    try {
      const now = await stampFiles(files);
      if (this.#isStopped) return;
      if (this.#isChanged(now)) await this.#check(now);
      else this.#sayUnreadable();
    } catch (error) {
      // The end of the process breaks the hashing off.
      if (engine.signal.aborted || this.#hasEnded()) return;
      if (!(error instanceof P2pError)) throw error;
      engine.note(`${escapeText(metainfo.name)} cannot be checked, and is not offered: ${error.message}`);
    } finally {
      this.#isChecking = false;
    }
  }

  /** Files that look as they did and cannot be read. */
  #sayUnreadable(): void {
    if (!this.#readError || this.#saidUnreadable) return;
    this.#saidUnreadable = true;
    const { engine, metainfo } = this.#options;
    engine.note(`cannot serve all of ${escapeText(metainfo.name)}: ${this.#readError.message}`);
  }

  #isChanged(now: ReadonlyMap<number, CopyFile>): boolean {
    return this.#changedFiles(now).length > 0;
  }

  #changedFiles(now: ReadonlyMap<number, CopyFile>): number[] {
    return [...this.#options.files.keys()].filter((index) => {
      const before = this.#stamps.get(index);
      const after = now.get(index);
      return before && after ? !isUntouched(before, after) : before !== after;
    });
  }

  /** Offers nothing of what changed, hashes what may be wrong, and offers what fits. */
  async #check(now: ReadonlyMap<number, CopyFile>): Promise<void> {
    const { engine, metainfo, files, copy } = this.#options;
    const { pieceCount } = metainfo.layout;
    const name = escapeText(metainfo.name);
    this.#isChecking = true;
    this.#readError = undefined;
    const withdrawn = this.#withdraw(now);
    engine.note(`${name} changed on disk: ${withdrawn} is offered until it is checked again`);
    if (!this.#canWithdraw) await this.#leave();
    const found = await findPresent(metainfo, files, this.#believed(await stampFiles(files)), {
      ...engine.hashTools(),
      verifyWith: engine.config.verifyWith,
      onProgress: engine.hashing(metainfo.name),
    });
    if (this.#hasEnded()) return;
    this.#owned = found.owned;
    this.#stamps = found.stamps;
    engine.store().recordServed(copy, found.owned, found.stamps.values());
    await this.#offer();
    if (this.#hasEnded()) return;
    const wrong = pieceCount - found.owned.count();
    engine.note(
      wrong === 0
        ? `${name} is still what it was: all of it is offered again`
        : `${wrong} of ${pieceCount} pieces of ${name} do not fit any more and are not offered; ` +
            `to share its new content, stop and seed it again`,
    );
  }

  /** @returns what is not offered any more, for people */
  #withdraw(now: ReadonlyMap<number, CopyFile>): string {
    const { layout, files } = this.#options.metainfo;
    const pieces = new Set<PieceIndex>();
    for (const fileIndex of this.#changedFiles(now)) {
      const range = layout.piecesOfFile(fileIndex);
      if (!range) continue;
      for (let index: number = range.first; index <= range.last; index += 1) pieces.add(layout.pieceIndex(index));
    }
    if (this.#canWithdraw) this.#session?.withdraw([...pieces]);
    return this.#canWithdraw && files.length > 1 ? 'nothing of the changed files' : 'nothing of it';
  }

  /** What fits, of files as they look now. */
  async #offer(): Promise<void> {
    if (!this.#session) {
      this.#join();
      return;
    }
    await this.#session.offerAgain(withStamps(this.#options.files, this.#stamps), this.#owned);
    // Reads of the files as they were before fail until here.
    this.#readError = undefined;
  }

  /** What was right before, and all pieces of files that are there again. */
  #believed(now: ReadonlyMap<number, CopyFile>) {
    const { layout } = this.#options.metainfo;
    const intents = new Bitfield(layout.pieceCount);
    for (const fileIndex of now.keys()) {
      const range = this.#stamps.has(fileIndex) ? undefined : layout.piecesOfFile(fileIndex);
      if (!range) continue;
      for (let index: number = range.first; index <= range.last; index += 1) intents.set(index);
    }
    const ownership = { intents, verified: this.#owned, durable: this.#owned };
    return { ownership, files: this.#stamps, isAtRest: true, stoppedCleanly: true };
  }

  async #leave(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    if (!session) return;
    await session.stop(0);
    const { downTotalBytes, upTotalBytes } = session.snapshot();
    this.#past = { down: this.#past.down + downTotalBytes, up: this.#past.up + upTotalBytes };
  }

  #join(): void {
    this.#session = this.#options.join(withStamps(this.#options.files, this.#stamps), this.#owned);
    this.#session.start();
    this.#canWithdraw = true;
  }

  /** A call, since it may have changed while something was awaited. */
  #hasEnded(): boolean {
    return this.#isStopped;
  }
}
