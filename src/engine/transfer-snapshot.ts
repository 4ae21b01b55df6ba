/** How a transfer stands, from its session. */
import type { Metainfo } from '../metainfo/metainfo.js';
import type { SwarmSnapshot } from '../swarm/swarm-snapshot.js';
import type { TransferSnapshot, TransferState } from './engine-types.js';
import type { TorrentSession } from './torrent-session.js';

/** Payload in bytes. */
export interface PayloadTotals {
  readonly down: number;
  readonly up: number;
}

/**
 * @param session undefined before the swarm is joined, and while files are checked
 * @param past payload of the transfer's sessions before this one
 */
export function transferSnapshot(
  { metainfo, session, path }: TransferParts,
  state: TransferState,
  past: PayloadTotals = { down: 0, up: 0 },
): TransferSnapshot {
  const present = session?.snapshot() ?? emptySwarm(metainfo);
  const swarm = {
    ...present,
    downTotalBytes: present.downTotalBytes + past.down,
    upTotalBytes: present.upTotalBytes + past.up,
  };
  const leftBytes = swarm.wantedBytes - swarm.wantedVerifiedBytes;
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
    waitsForDisk: session?.waitsForDisk ?? false,
    downloadLimitBytesPerSec: session?.downloadLimitBytesPerSec,
    etaMs: isMoving ? (leftBytes / swarm.downBytesPerSec) * 1000 : undefined,
    swarm,
  };
}

/** What a snapshot is taken of. */
export interface TransferParts {
  readonly metainfo: Metainfo;
  readonly session: TorrentSession | undefined;
  /** Where the data lies now. */
  readonly path: string;
}

function emptySwarm(metainfo: Metainfo): SwarmSnapshot {
  return {
    pieceCount: metainfo.layout.pieceCount,
    verifiedPieces: 0,
    verifiedBytes: 0,
    wantedPieces: metainfo.layout.pieceCount,
    wantedBytes: metainfo.layout.totalBytes,
    wantedVerifiedPieces: 0,
    wantedVerifiedBytes: 0,
    assignedPieces: 0,
    downBytesPerSec: 0,
    upBytesPerSec: 0,
    downTotalBytes: 0,
    upTotalBytes: 0,
    links: [],
    knownPeers: 0,
    bannedPeers: 0,
    trackers: [],
    webSeeds: [],
    missingEverywhere: [],
    missingEverywhereCount: 0,
    everAnswered: false,
    availability: 0,
  };
}
