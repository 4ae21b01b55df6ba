/**
 * Pieces on their way back from one link to the main thread: what is in memory goes to disk first, then `piece-released`
 * says what is there. Thread: the link's.
 */
import type { PartialPiece } from '../swarm/swarm-events.js';
import { toErrorValue } from '../errors.js';
import type { FetchTask } from './download-queue.js';
import { PieceAssembly } from './piece-assembly.js';
import type { FromWorker } from './worker-messages.js';
import type { WorkerTorrent } from './worker-torrent.js';

export class PieceReturns {
  readonly #linkId: number;
  readonly #emit: (message: FromWorker) => void;
  readonly #underWay = new Set<Promise<void>>();

  constructor(linkId: number, emit: (message: FromWorker) => void) {
    this.#linkId = linkId;
    this.#emit = emit;
  }

  /** Gives a piece back that was this link's, or ends its help with another link's. */
  giveBack(torrent: WorkerTorrent, task: Pick<FetchTask, 'sink' | 'isHelp'>): void {
    const { sink } = task;
    const isOwner = sink instanceof PieceAssembly && !task.isHelp;
    if (isOwner && torrent.assemblies.get(sink.pieceIndex) === sink) torrent.assemblies.delete(sink.pieceIndex);
    const released = isOwner ? sink.release() : sink.helpEnded().then((): PartialPiece => []);
    const { torrentId } = torrent.setup;
    const done = released
      .catch((error: unknown): PartialPiece => {
        this.#emit({ type: 'disk-failed', torrentId, serving: false, error: toErrorValue(error) });
        return [];
      })
      .then((partial) => {
        const { pieceIndex } = sink;
        const event = { type: 'piece-released', linkId: this.#linkId, pieceIndex, partial } as const;
        this.#emit({ type: 'swarm', torrentId, event });
        this.#underWay.delete(done);
      });
    this.#underWay.add(done);
  }

  /** Resolves when nothing is on its way any more. */
  async settled(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }
}
