/** Builders of engine values for tests of what is shown. */
import type { CatalogueEntry, TransferSnapshot } from '../../src/engine/engine-types.js';
import type { InfoHash, Metainfo } from '../../src/metainfo/metainfo.js';
import { PieceLayout } from '../../src/metainfo/piece-layout.js';
import type { LinkSnapshot, SwarmSnapshot, TrackerSnapshot } from '../../src/swarm/swarm-snapshot.js';

/** A swarm with nothing going on; fields as given. */
export function aSwarm(fields: Partial<SwarmSnapshot> = {}): SwarmSnapshot {
  return {
    pieceCount: 480,
    verifiedPieces: 0,
    verifiedBytes: 0,
    wantedPieces: fields.pieceCount ?? 480,
    wantedBytes: 61_440,
    wantedVerifiedPieces: fields.verifiedPieces ?? 0,
    wantedVerifiedBytes: fields.verifiedBytes ?? 0,
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
    everAnswered: true,
    availability: 1,
    ...fields,
  };
}

/** A download of story.txt, 61,440 bytes. */
export function aTransfer(
  fields: Partial<TransferSnapshot> = {},
  swarm: Partial<SwarmSnapshot> = {},
): TransferSnapshot {
  return {
    infoHash: 'ab'.repeat(20),
    name: 'story.txt',
    state: 'downloading',
    totalBytes: 61_440,
    path: 'output/story.txt.part',
    offeredPieces: 480,
    refusedPieces: 0,
    wastedBytes: 0,
    waitsForDisk: false,
    downloadLimitBytesPerSec: undefined,
    etaMs: undefined,
    swarm: aSwarm(swarm),
    ...fields,
  };
}

export function someLinks(count: number): LinkSnapshot[] {
  return Array.from({ length: count }, (_, linkId) => ({
    linkId,
    address: { host: '192.0.2.1', port: 9000 + linkId },
    incoming: false,
    source: 'tracker',
    client: 'p2p 0.1.0',
    progress: 1,
    downBytesPerSec: 0,
    upBytesPerSec: 0,
    downTotalBytes: 0,
    upTotalBytes: 0,
    roundTripMs: 1,
    amChoking: false,
    amInterested: true,
    peerChoking: false,
    peerInterested: false,
    assignedPieces: 0,
  }));
}

export function aTrackerSnapshot(fields: Partial<TrackerSnapshot>): TrackerSnapshot {
  return {
    url: 'http://localhost:9999/announce',
    state: 'ok',
    message: '',
    seeders: 1,
    leechers: 0,
    nextAnnounceInMs: 1_000,
    everAnswered: true,
    ...fields,
  };
}

/** A dual-hash torrent of one file of 1,000 bytes in pieces of 128. */
export function aMetainfo(fields: Partial<Metainfo> = {}): Metainfo {
  const files = fields.files ?? [{ path: [], lengthBytes: 1_000, isPad: false }];
  return {
    kind: 'dual-hash',
    name: 'story.txt',
    isFolder: false,
    files,
    layout: new PieceLayout(128, files),
    infoBytes: new Uint8Array(),
    infoHash: 'ab'.repeat(20) as InfoHash,
    blake3InfoHash: 'cd'.repeat(32),
    digests: new Map([
      ['blake3', new Uint8Array(8 * 32)],
      ['sha1', new Uint8Array(8 * 20)],
    ]),
    isPrivate: false,
    trackerTiers: [['http://tracker.example:9999/announce']],
    webSeeds: [],
    createdBy: undefined,
    comment: undefined,
    creationDate: undefined,
    notes: [],
    ...fields,
  };
}

export function aCatalogueEntry(fields: Partial<CatalogueEntry> = {}): CatalogueEntry {
  return {
    name: 'story.txt',
    infoHash: 'ab'.repeat(20),
    blake3InfoHash: 'cd'.repeat(32),
    totalBytes: 61_440,
    pieceLengthBytes: 128,
    pieceCount: 480,
    fileCount: 1,
    hashes: ['blake3', 'sha1'],
    publishedAtMs: Date.UTC(2025, 0, 31, 12),
    seeders: 3,
    leechers: 1,
    ...fields,
  };
}
