/**
 * Pieces that a peer's link gives back to the main thread, which finds them another: asked back, choked, refused, or with
 * the whole link. Thread: the link's.
 */
import type { PieceIndex } from '../metainfo/piece-layout.js';
import type { DownloadQueue } from './download-queue.js';
import { PieceReturns } from './piece-returns.js';
import type { FromWorker } from './worker-messages.js';
import type { WorkerTorrent } from './worker-torrent.js';

export interface LinkReturnsOptions {
  readonly linkId: number;
  readonly torrent: WorkerTorrent;
  readonly downloads: DownloadQueue;
  readonly emit: (message: FromWorker) => void;
}

export class LinkReturns {
  readonly #options: LinkReturnsOptions;
  readonly #returns: PieceReturns;
  #isClosed = false;

  constructor(options: LinkReturnsOptions) {
    this.#options = options;
    this.#returns = new PieceReturns(options.linkId, options.emit);
  }

  /** Gives a piece back, or ends the help with it; `piece-released` follows. */
  release(pieceIndex: PieceIndex): void {
    const { torrent, downloads } = this.#options;
    if (downloads.runs.find(pieceIndex)) {
      downloads.releaseRuns((index) => index === pieceIndex, !this.#isClosed);
      return;
    }
    const task = downloads.remove(pieceIndex, !this.#isClosed);
    if (!task) return;
    this.#returns.giveBack(torrent, task);
    // Its owner may be in this very thread, with nothing left to ask for but these blocks.
    if (task.isHelp) for (const link of torrent.links) link.trade?.wakePiece(pieceIndex);
  }

  /** Gives a piece back, unless blocks of it are on their way: then `piece-kept` follows. */
  releaseUntouched(pieceIndex: PieceIndex): void {
    const { linkId, torrent, downloads, emit } = this.#options;
    const task = downloads.tasks.get(pieceIndex);
    const isTouched = task && !task.isHelp && (task.inFlight.size > 0 || !task.hasMore);
    if (isTouched !== true && downloads.runs.find(pieceIndex)?.isFree(pieceIndex) !== false) {
      this.release(pieceIndex);
      return;
    }
    const event = { type: 'piece-kept', linkId, pieceIndex } as const;
    emit({ type: 'swarm', torrentId: torrent.setup.torrentId, event });
  }

  /** Gives back what `isGoing` says. */
  releaseAll(isGoing: (pieceIndex: PieceIndex, isOnItsWay: boolean) => boolean): void {
    const { downloads } = this.#options;
    for (const [pieceIndex, task] of [...downloads.tasks]) {
      if (isGoing(pieceIndex, task.inFlight.size > 0)) this.release(pieceIndex);
    }
    downloads.releaseRuns((index, run) => isGoing(index, !run.isFree(index)), !this.#isClosed);
  }

  /** The link is closed: everything goes back. Resolves when it has. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.releaseAll(() => true);
    // A write of ours may have ended the connection in the middle of giving a piece back: that one follows now.
    await Promise.resolve();
    await this.#options.downloads.runs.settled();
    await this.#returns.settled();
  }
}
