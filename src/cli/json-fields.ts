/** Engine values as fields of the JSON lines (docs/command-line.md). */
import type { EngineEvent, Transfer, TransferOutcome, TransferSnapshot } from '../engine/engine-types.js';
import type { CopyDetail, CopyStatus } from '../engine/status-types.js';
import type { Metainfo } from '../metainfo/metainfo.js';
import type { Bitfield } from '../protocol/bitfield.js';
import type { TrackerSnapshot } from '../swarm/swarm-snapshot.js';
import { countSources } from './format-sources.js';
import { figuresOf } from './status-table.js';

/** Fields of a `progress` line. */
export function progressFields(snapshot: TransferSnapshot) {
  const { swarm } = snapshot;
  return {
    infoHash: snapshot.infoHash,
    name: snapshot.name,
    state: snapshot.state,
    verifiedPieces: swarm.verifiedPieces,
    pieceCount: swarm.pieceCount,
    verifiedBytes: swarm.verifiedBytes,
    totalBytes: snapshot.totalBytes,
    wantedBytes: swarm.wantedBytes,
    wantedVerifiedBytes: swarm.wantedVerifiedBytes,
    downBytesPerSec: Math.round(swarm.downBytesPerSec),
    upBytesPerSec: Math.round(swarm.upBytesPerSec),
    downTotalBytes: swarm.downTotalBytes,
    upTotalBytes: swarm.upTotalBytes,
    ...countSources(swarm.links),
    etaMs: snapshot.etaMs === undefined ? null : Math.round(snapshot.etaMs),
    missingEverywhere: swarm.missingEverywhere,
    missingEverywhereCount: swarm.missingEverywhereCount,
    refusedPieces: snapshot.refusedPieces,
    wastedBytes: snapshot.wastedBytes,
  };
}

/** Fields of a `finding-metadata` line. */
export function findingFields(event: Extract<EngineEvent, { type: 'finding-metadata' }>) {
  const { state, infoHash, name = null, peers, receivedBytes, totalBytes = null, problem = null } = event;
  return { state, infoHash, name, peers, receivedBytes, totalBytes, problem };
}

/** Fields of a `downloading` line. */
export function downloadingFields(transfer: Transfer, path: string) {
  const { metainfo, chosenFiles = null } = transfer;
  const { wantedBytes } = transfer.snapshot().swarm;
  return { ...identityFields(metainfo), path, ...sizeFields(metainfo), chosenFiles, wantedBytes };
}

/** Fields of a `seeding` line of a transfer that is taken up again. */
export function seedingFields(transfer: Transfer) {
  const { metainfo } = transfer;
  const { path, offeredPieces } = transfer.snapshot();
  return { ...identityFields(metainfo), path, ...sizeFields(metainfo), offeredPieces };
}

/** One of the `downloads` of a result. */
export function downloadFields(outcome: TransferOutcome) {
  const { snapshot, elapsedMs, state, error } = outcome;
  return {
    name: snapshot.name,
    infoHash: snapshot.infoHash,
    path: snapshot.path,
    totalBytes: snapshot.totalBytes,
    wantedBytes: snapshot.swarm.wantedBytes,
    elapsedMs: Math.round(elapsedMs),
    downTotalBytes: snapshot.swarm.downTotalBytes,
    upTotalBytes: snapshot.swarm.upTotalBytes,
    verifiedPieces: snapshot.swarm.verifiedPieces,
    pieceCount: snapshot.swarm.pieceCount,
    refusedPieces: snapshot.refusedPieces,
    wastedBytes: snapshot.wastedBytes,
    state,
    missingEverywhere: snapshot.swarm.missingEverywhere,
    missingEverywhereCount: snapshot.swarm.missingEverywhereCount,
    ...(error === undefined ? {} : { error }),
  };
}

/** A copy as `status` lists it. */
export function copyFields(copy: CopyStatus) {
  const { infoHash, name, role, activity, rootPath: path, totalBytes, pieceCount } = copy;
  const { verifiedPieces, verifiedBytes, downTotalBytes, upTotalBytes, createdAtMs, updatedAtMs } = copy;
  const { downBytesPerSec, upBytesPerSec, peers, etaMs, reason } = figuresOf(copy);
  return {
    ...{ infoHash, name, role, state: activity, path, totalBytes, pieceCount, verifiedPieces, verifiedBytes },
    downBytesPerSec: Math.round(downBytesPerSec),
    upBytesPerSec: Math.round(upBytesPerSec),
    ...{ downTotalBytes, upTotalBytes, peers },
    chosenFiles: copy.chosenFiles ?? null,
    wantedBytes: copy.wantedBytes,
    wantedVerifiedBytes: copy.wantedVerifiedBytes,
    etaMs: etaMs === undefined ? null : Math.round(etaMs),
    reason: reason ?? null,
    pids: copy.runs.map(({ pid }) => pid),
    stoppedCleanly: copy.stoppedCleanly,
    lastError: copy.lastError ?? null,
    ...{ createdAtMs, updatedAtMs },
  };
}

/** The same with pieces, trackers and peers: `status TARGET`. Bitfields are hex, as on the wire. */
export function copyDetailFields(copy: CopyDetail) {
  const swarms = copy.runs.map(({ snapshot }) => snapshot.swarm);
  return {
    ...copyFields(copy),
    pieceLengthBytes: copy.pieceLengthBytes ?? null,
    verified: copy.verified.bytes,
    durable: copy.durable.bytes,
    trackerTiers: copy.trackerTiers,
    trackers: swarms.flatMap(({ trackers }) => trackers.map(trackerFields)),
    webSeeds: swarms.flatMap(({ webSeeds }) => webSeeds),
    peerList: swarms.flatMap(({ links }) => links),
    missingEverywhere: swarms[0]?.missingEverywhere ?? [],
  };
}

function trackerFields({ url, state, message, seeders, leechers, everAnswered }: TrackerSnapshot) {
  return { url, state, message, seeders: seeders ?? null, leechers: leechers ?? null, everAnswered };
}

/**
 * A torrent's metainfo without its digests: the result of `show`.
 * @param chosen files that a magnet link chooses, one bit each; all when left out
 */
export function metainfoFields(metainfo: Metainfo, chosen?: Bitfield) {
  return {
    ...identityFields(metainfo),
    blake3InfoHash: metainfo.blake3InfoHash,
    kind: metainfo.kind,
    isFolder: metainfo.isFolder,
    ...sizeFields(metainfo),
    hashes: [...metainfo.digests.keys()],
    files: metainfo.files.map(({ path, lengthBytes, isPad }, place) => {
      return { path: path.join('/'), lengthBytes, isPad, ...(chosen && { isChosen: chosen.has(place) }) };
    }),
    isPrivate: metainfo.isPrivate,
    trackerTiers: metainfo.trackerTiers,
    webSeeds: metainfo.webSeeds,
    createdBy: metainfo.createdBy ?? null,
    comment: metainfo.comment ?? null,
    creationDate: metainfo.creationDate ?? null,
    notes: metainfo.notes,
  };
}

/** `name` and `infoHash`. */
export function identityFields({ name, infoHash }: Metainfo) {
  return { name, infoHash };
}

/** `totalBytes`, `pieceLengthBytes` and `pieceCount`. */
export function sizeFields({ layout }: Metainfo) {
  return {
    totalBytes: layout.totalBytes,
    pieceLengthBytes: layout.pieceLengthBytes,
    pieceCount: layout.pieceCount,
  };
}
