/** Small pieces for one link to fetch, and what the main thread hears of them. Thread: the link's. */
import type { SwarmEvent } from '../swarm/swarm-events.js';
import type { PeerTrade } from './peer-trade.js';
import { PieceRun } from './piece-run.js';
import type { FromWorker, LinkAction } from './worker-messages.js';
import type { WorkerTorrent } from './worker-torrent.js';

type FetchPiece = Extract<LinkAction, { readonly type: 'fetch-piece' }>;

export interface RunFetch {
  readonly torrent: WorkerTorrent;
  readonly trade: PeerTrade;
  readonly action: FetchPiece;
  readonly emit: (message: FromWorker) => void;
  /** The pieces could not be written. */
  readonly onError: (error: unknown) => void;
}

/**
 * Gives the pieces to the link as one run, if they can be: of one block each, and nothing known of them.
 * @returns whether they were; otherwise nothing happens
 */
export function fetchRun({ torrent, trade, action, emit, onError }: RunFetch): boolean {
  const { linkId, pieceIndex: first, count = 1, partial, evidence } = action;
  if (torrent.layout.blockCount(first) > 1 || partial.length > 0 || evidence) return false;
  const { torrentId } = torrent.setup;
  const tell = (event: SwarmEvent): void => {
    emit({ type: 'swarm', torrentId, event });
    if (run.isOver) torrent.runs.delete(run);
  };
  const run: PieceRun = new PieceRun({
    tools: torrent.tools,
    pieceIndex: first,
    count,
    onVerified: (range) => {
      tell({ type: 'piece-verified', linkId, ...range });
    },
    onRefused: (pieceIndex, verdict, source) => {
      if (verdict.type === 'bad') tell({ type: 'piece-failed', linkId, pieceIndex, contributors: [source] });
      else emit({ ...verdict, type: 'contradiction', torrentId, pieceIndex });
    },
    onReleased: (range) => {
      tell({ type: 'piece-released', linkId, ...range, partial: [] });
    },
    onError,
  });
  torrent.runs.add(run);
  trade.fetchRun(run);
  return true;
}
