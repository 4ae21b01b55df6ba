/** From a target to a running download: found, checked against what is there already, joined. */
import path from 'node:path';

import { OptionError, P2pError, type ErrorCode } from '../errors.js';
import { PieceVerifier } from '../hashing/piece-verifier.js';
import { buildMetainfo } from '../metainfo/build-metainfo.js';
import type { Metainfo } from '../metainfo/metainfo.js';
import type { Bitfield } from '../protocol/bitfield.js';
import type { CopyFile } from '../store/copy-store.js';
import type { TorrentFile } from '../workers/worker-messages.js';
import { CLIENT } from './client-name.js';
import { underFinalName } from './copy-trust.js';
import { Download } from './download.js';
import { DownloadFiles } from './download-files.js';
import {
  downloadTarget,
  entryKind,
  prepareOutput,
  removeLeftPart,
  targetExists,
  type DownloadTarget,
} from './download-target.js';
import { checkTrackers, type EngineContext, type SessionRequest } from './engine-context.js';
import type { DownloadRequest, FileChoice, ResolvedTarget } from './engine-types.js';
import { stampFiles } from './file-stamps.js';
import { chosenFiles, findPlaced, type PlacedRequest } from './find-placed.js';
import { findPresent, type PresentPieces } from './find-present.js';
import { reachablePeers } from './reachable-peers.js';
import { recallCopy, sayResumed } from './recall-copy.js';
import { resolveMagnet, type FoundTarget } from './resolve-magnet.js';
import { bytesToCome } from './room-needed.js';
import { checkSeedLimits, SeedWatch, type SeedLimits } from './seed-limits.js';
import { ServedCopy } from './served-copy.js';
import { isMagnet, resolveTarget } from './target-resolver.js';
import { presentFiles } from './torrent-files.js';
import type { TorrentSession } from './torrent-session.js';
import { fileProblems, type VerifyTools } from './verify-copy.js';
import { whileChecking } from './while-checking.js';
import { whenFree } from './when-free.js';

/** How a download is to go, once its torrent is known. */
type DownloadManner = SeedLimits &
  Pick<DownloadRequest, 'outputDir' | 'seedAfter' | 'force' | 'timeoutMs' | 'sequential' | 'peers'> & {
    /** Files that are fetched; all when undefined. */
    readonly choice?: readonly FileChoice[] | 'as-before' | undefined;
  };

/** What `EngineApi.download` promises. */
export async function startDownload(engine: EngineContext, request: DownloadRequest): Promise<Download> {
  checkTrackers(request.trackers);
  checkTimeout(request.timeoutMs);
  checkSeedLimits(request);
  const resolved = await resolveOrRecall(engine, request);
  return startResolved(engine, { ...request, choice: request.files ?? resolved.files }, resolved);
}

/** The same with the metainfo at hand. @throws as `EngineApi.download` */
export async function startResolved(
  engine: EngineContext,
  request: DownloadManner,
  resolved: FoundTarget,
): Promise<Download> {
  checkTimeout(request.timeoutMs);
  checkSeedLimits(request);
  const { metainfo } = resolved;
  for (const note of metainfo.notes) engine.note(note);
  const { verifyWith } = engine.config;
  // Refuses a torrent whose hashes are all unknown before anything is written.
  new PieceVerifier({ digests: metainfo.digests, registry: engine.registry, verifyWith });
  const target = downloadTarget(metainfo, request.outputDir);
  const stored = engine.store().known(metainfo.infoHash, target.targetPath)?.record;
  const chosen = chosenFiles(metainfo, request.choice, stored);
  if ((await entryKind(target.targetPath)) !== 'nothing') {
    const found = await findComplete(engine, metainfo, target);
    if (found) return takeComplete(engine, request, resolved, { target, ...found });
    if (!chosen && request.force !== true) throw targetExists(target.targetPath);
  }
  const lock = engine.store().lock(metainfo.infoHash, target);
  const releaseLock = (): void => {
    lock.release();
  };
  try {
    return await fetchInto(engine, request, resolved, { target, chosen, releaseLock });
  } catch (error) {
    releaseLock();
    throw error;
  }
}

function checkTimeout(timeoutMs: number | undefined): void {
  if (timeoutMs !== undefined && !(timeoutMs > 0)) throw new OptionError(`a timeout of ${timeoutMs} ms is no time`);
}

/** A name or hash that no catalogue tells any more may be that of a download which was begun here into that folder. */
async function resolveOrRecall(engine: EngineContext, request: DownloadRequest): Promise<FoundTarget> {
  if (isMagnet(request.target)) return resolveMagnet(engine, request);
  try {
    return await resolveTarget(request, engine.signal);
  } catch (error) {
    if (!(error instanceof P2pError) || !UNKNOWN.has(error.code)) throw error;
    const recalled = recall(engine, request);
    if (!recalled) throw error;
    engine.note(`${error.message}; going on with the download that was begun here`);
    return recalled;
  }
}

const UNKNOWN: ReadonlySet<ErrorCode> = new Set(['P2P_TARGET_NOT_FOUND', 'P2P_TRACKER_UNREACHABLE']);

function recall(engine: EngineContext, { target, outputDir, trackers }: DownloadRequest): ResolvedTarget | undefined {
  const name = target.replace(/^name:/, '').toLowerCase();
  const [found, ...others] = engine
    .store()
    .unfinishedIn(path.resolve(outputDir))
    .filter((copy) => copy.name.toLowerCase() === name || copy.infoHash === name);
  if (!found || others.length > 0) return undefined;
  return recallCopy(engine.store(), found, trackers);
}

async function fetchInto(
  engine: EngineContext,
  request: DownloadManner,
  resolved: FoundTarget,
  { target, chosen, releaseLock }: Pick<PlacedRequest, 'target' | 'chosen'> & Pick<Beginning, 'releaseLock'>,
): Promise<Download> {
  const { metainfo } = resolved;
  const placed = { metainfo, target, chosen, force: request.force ?? false, store: engine.store() };
  const found = await whileChecking(engine, metainfo, target.targetPath, () =>
    findPlaced(placed, toolsOf(engine, metainfo)),
  );
  const { files, owned, stamps, allocatedBytes, resumed } = found;
  if (resumed) sayResumed(engine, metainfo, { ...resumed, owned });
  await prepareOutput(target, bytesToCome(metainfo.layout, owned, allocatedBytes, files.wanted));
  const listenPorts = await engine.listen();
  const peers = await reachablePeers(engine, resolved.peers);
  const typedPeers = await reachablePeers(engine, request.peers ?? []);
  const beginning = { files, owned, stamps, isDurable: true, releaseLock, listenPorts };
  return whenFree(() => {
    const { download, makeSession } = begin(engine, request, resolved, beginning);
    const { peerId } = resolved;
    const part = { files: files.present, owned, wantsPieces: true, peers, typedPeers, ...(peerId && { peerId }) };
    download.start(makeSession(part), owned);
    return download;
  }, engine.signal);
}

/** The target is there already, whole and right: nothing to fetch, only to seed when that was asked for. */
async function takeComplete(
  engine: EngineContext,
  request: DownloadManner,
  resolved: ResolvedTarget,
  { target, files, found }: CompleteTarget & { readonly target: DownloadTarget },
): Promise<Download> {
  await removeLeftPart(target);
  const stamps = await stampFiles(files);
  const listenPorts = request.seedAfter === true ? await engine.listen() : [];
  const { owned, isDurable } = found;
  const whole = new DownloadFiles({ metainfo: resolved.metainfo, target, chosen: undefined });
  const beginning = { files: whole, owned, stamps, isDurable, releaseLock: () => undefined, listenPorts };
  const { download } = await whenFree(() => begin(engine, request, resolved, beginning), engine.signal);
  download.startComplete(files, await stampFiles(files));
  return download;
}

interface Beginning {
  readonly files: DownloadFiles;
  readonly owned: Bitfield;
  /** How the files look that hold it. */
  readonly stamps: ReadonlyMap<number, CopyFile>;
  /** Whether what is owned was flushed to the disk. */
  readonly isDurable: boolean;
  readonly releaseLock: () => void;
  readonly listenPorts: readonly number[];
}

/** What differs between the session that fetches and those that only serve. */
type SessionPart = Pick<SessionRequest, 'files' | 'owned' | 'wantsPieces' | 'peers' | 'typedPeers' | 'peerId'>;

/** Nothing is waited for: the download is there with all its parts, or (when the store cannot be written) not at all. */
function begin(
  engine: EngineContext,
  request: DownloadManner,
  { metainfo, trackerTiers }: ResolvedTarget,
  beginning: Beginning,
): { readonly download: Download; readonly makeSession: (part: SessionPart) => TorrentSession } {
  const { files, owned, stamps, isDurable, releaseLock, listenPorts } = beginning;
  const { infoBytes, webSeeds } = metainfo;
  const metainfoBytes = buildMetainfo({ infoBytes, trackerTiers, webSeeds, createdBy: CLIENT });
  const store = engine.store();
  const copy = store.openCopy({
    metainfo,
    rootPath: files.target.targetPath,
    chosen: files.chosen,
    role: 'download',
    metainfoBytes,
    tiers: trackerTiers,
    owned,
    isDurable,
    files: stamps.values(),
  });
  const makeSession = (part: SessionPart): TorrentSession =>
    engine.makeSession({
      ...part,
      metainfo,
      trackerTiers,
      listenPorts,
      mask: undefined,
      wanted: files.wanted,
      sequential: request.sequential,
      recorder: part.wantsPieces ? copy : undefined,
      onComplete: () => {
        download.handleComplete();
      },
      onFailed: (error) => {
        download.handleFailed(error);
      },
      onServingFailed: (error) => {
        download.handleServingFailed(error);
      },
    });
  const download = new Download({
    metainfo,
    files,
    force: request.force ?? false,
    seedAfter: request.seedAfter ?? false,
    timeoutMs: request.timeoutMs,
    seedWatch: new SeedWatch(request),
    copy,
    store,
    releaseLock,
    serve: (what) =>
      new ServedCopy({
        ...what,
        engine,
        metainfo,
        copy,
        join: (served, held) => makeSession({ files: served, owned: held, wantsPieces: false, peers: [] }),
      }),
    onNote: (message) => {
      engine.note(message);
    },
    onDownloaded: (path) => {
      engine.emit({ type: 'downloaded', infoHash: metainfo.infoHash, name: metainfo.name, path });
    },
    onOver: () => {
      engine.unregister(download);
    },
  });
  engine.register(download);
  return { download, makeSession };
}

interface CompleteTarget {
  readonly files: readonly TorrentFile[];
  readonly found: PresentPieces;
}

/** What lies at the target's final name, if that is all of the torrent and right. */
async function findComplete(
  engine: EngineContext,
  metainfo: Metainfo,
  { targetPath }: DownloadTarget,
): Promise<CompleteTarget | undefined> {
  const files = await presentFiles(metainfo, targetPath);
  if ((await fileProblems(metainfo, files)).length > 0) return undefined;
  const known = engine.store().known(metainfo.infoHash, targetPath);
  const found = await whileChecking(engine, metainfo, targetPath, () =>
    findPresent(metainfo, files, known && underFinalName(known), toolsOf(engine, metainfo)),
  );
  if (!found.owned.isFull()) return undefined;
  if (known) sayResumed(engine, metainfo, found);
  return { files, found };
}

function toolsOf(engine: EngineContext, metainfo: Metainfo): VerifyTools {
  const { verifyWith } = engine.config;
  return { ...engine.hashTools(), verifyWith, onProgress: engine.hashing(metainfo.name) };
}
