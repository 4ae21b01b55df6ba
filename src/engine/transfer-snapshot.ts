/** How a transfer stands, from its session. */
import type { Metainfo } from '../metainfo/metainfo.js';
import type { SwarmSnapshot } from '../swarm/swarm-snapshot.js';
import type { TransferSnapshot, TransferState } from './engine-types.js';
import type { TorrentSession } from './torrent-session.js';

/** @param session undefined before the swarm is joined */
export function transferSnapshot(
  metainfo: Metainfo,
  session: TorrentSession | undefined,
  state: TransferState,
  path: string,
): TransferSnapshot {
  const swarm = session?.snapshot() ?? emptySwarm(metainfo);
  const leftBytes = metainfo.layout.totalBytes - swarm.verifiedBytes;
  const isMoving = state === 'downloading' && swarm.downBytesPerSec > 0;
  return {
    infoHash: metainfo.infoHash,
    name: metainfo.name,
    state,
    totalBytes: metainfo.layout.totalBytes,
    path,
    offeredPieces: session?.offeredPieces ?? 0,
    refusedPieces: session?.refusedPieces ?? 0,
    wastedBytes: session?.wastedBytes ?? 0,
    etaMs: isMoving ? (leftBytes / swarm.downBytesPerSec) * 1000 : undefined,
    swarm,
  };
}

function emptySwarm(metainfo: Metainfo): SwarmSnapshot {
  return {
    pieceCount: metainfo.layout.pieceCount,
    verifiedPieces: 0,
    verifiedBytes: 0,
    assignedPieces: 0,
    downBytesPerSec: 0,
    upBytesPerSec: 0,
    downTotalBytes: 0,
    upTotalBytes: 0,
    links: [],
    knownPeers: 0,
    bannedPeers: 0,
    trackers: [],
    missingEverywhere: [],
    missingEverywhereCount: 0,
    everAnswered: false,
    availability: 0,
  };
}
