/** From a target to a running download: found, checked against what is there already, joined. */
import { lookup } from 'node:dns/promises';

import { OptionError } from '../errors.js';
import { PieceVerifier } from '../hashing/piece-verifier.js';
import { buildMetainfo } from '../metainfo/build-metainfo.js';
import { escapeText } from '../metainfo/escape-text.js';
import type { Metainfo } from '../metainfo/metainfo.js';
import { Bitfield } from '../protocol/bitfield.js';
import type { PeerAddress } from '../protocol/peer-address.js';
import { CLIENT } from './client-name.js';
import { Download } from './download.js';
import {
  downloadTarget,
  entryKind,
  prepareOutput,
  removeLeftPart,
  targetExists,
  type DownloadTarget,
} from './download-target.js';
import { checkTrackers, type EngineContext } from './engine-context.js';
import type { DownloadRequest, ResolvedTarget } from './engine-types.js';
import { findPart } from './part-files.js';
import { resolveTarget } from './target-resolver.js';
import { presentFiles, torrentFiles } from './torrent-files.js';
import type { SessionOptions, TorrentSession } from './torrent-session.js';
import { verifyRoot } from './verify-copy.js';

/** What `EngineApi.download` promises. */
export async function startDownload(engine: EngineContext, request: DownloadRequest): Promise<Download> {
  checkTrackers(request.trackers);
  const { timeoutMs } = request;
  if (timeoutMs !== undefined && !(timeoutMs > 0)) throw new OptionError(`a timeout of ${timeoutMs} ms is no time`);
  const resolved = await resolveTarget(request, engine.signal);
  const { metainfo } = resolved;
  for (const note of metainfo.notes) engine.note(note);
  const { verifyWith } = engine.config;
  // Refuses a torrent whose hashes are all unknown before anything is written.
  new PieceVerifier({ digests: metainfo.digests, registry: engine.registry, verifyWith });
  const target = downloadTarget(metainfo, request.outputDir);
  if ((await entryKind(target.targetPath)) !== 'nothing') {
    if (await isComplete(engine, metainfo, target.targetPath)) return takeComplete(engine, request, resolved, target);
    if (request.force !== true) throw targetExists(target.targetPath);
  }
  const lock = engine.store().lock(metainfo.infoHash, target);
  const releaseLock = (): void => {
    lock.release();
  };
  try {
    return await fetchInto(engine, request, resolved, { target, releaseLock });
  } catch (error) {
    releaseLock();
    throw error;
  }
}

async function fetchInto(
  engine: EngineContext,
  request: DownloadRequest,
  resolved: ResolvedTarget,
  { target, releaseLock }: Pick<Beginning, 'target' | 'releaseLock'>,
): Promise<Download> {
  const { metainfo } = resolved;
  const tools = {
    ...engine.hashTools(),
    verifyWith: engine.config.verifyWith,
    onProgress: engine.hashing(metainfo.name),
  };
  const { owned, allocatedBytes } = await findPart(metainfo, target, engine.store(), tools);
  await prepareOutput(target, Math.max(0, metainfo.layout.totalBytes - allocatedBytes));
  const listenPorts = await engine.listen();
  const peers = await reachable(engine, resolved.peers);
  const files = torrentFiles(metainfo, target.partPath);
  const beginning = { target, owned, isDurable: true, releaseLock, files, wantsPieces: true, peers, listenPorts };
  const { download, session } = begin(engine, request, resolved, beginning);
  download.start(session, owned);
  return download;
}

/** The target is there already, whole and right: nothing to fetch, only to seed when that was asked for. */
async function takeComplete(
  engine: EngineContext,
  request: DownloadRequest,
  resolved: ResolvedTarget,
  target: DownloadTarget,
): Promise<Download> {
  await removeLeftPart(target);
  const { download, session } = begin(engine, request, resolved, {
    target,
    owned: Bitfield.full(resolved.metainfo.layout.pieceCount),
    isDurable: false,
    releaseLock: () => undefined,
    files: await presentFiles(resolved.metainfo, target.targetPath),
    wantsPieces: false,
    peers: [],
    listenPorts: request.seedAfter === true ? await engine.listen() : [],
  });
  download.startComplete(session);
  return download;
}

interface Beginning extends Pick<SessionOptions, 'owned' | 'files' | 'wantsPieces' | 'peers' | 'listenPorts'> {
  readonly target: DownloadTarget;
  /** Whether what is owned was flushed to the disk. */
  readonly isDurable: boolean;
  readonly releaseLock: () => void;
}

/** From here on nothing is waited for: the download is there with all its parts, or not at all. */
function begin(
  engine: EngineContext,
  request: DownloadRequest,
  { metainfo, trackerTiers }: ResolvedTarget,
  beginning: Beginning,
): { readonly download: Download; readonly session: TorrentSession } {
  const { target, owned, isDurable, releaseLock } = beginning;
  const metainfoBytes = buildMetainfo({ infoBytes: metainfo.infoBytes, trackerTiers, createdBy: CLIENT });
  const store = engine.store();
  const rootPath = target.targetPath;
  const tiers = trackerTiers;
  const copy = store.openCopy({ metainfo, rootPath, role: 'download', metainfoBytes, tiers, owned, isDurable });
  const torrentId = engine.nextTorrentId();
  const session = engine.makeSession({
    ...beginning,
    torrentId,
    metainfo,
    trackerTiers,
    mask: undefined,
    recorder: beginning.wantsPieces ? copy : undefined,
    onComplete: () => {
      download.handleComplete();
    },
    onFailed: (error) => {
      download.handleFailed(error);
    },
  });
  const download = new Download({
    metainfo,
    target,
    force: request.force ?? false,
    seedAfter: request.seedAfter ?? false,
    timeoutMs: request.timeoutMs,
    copy,
    store,
    releaseLock,
    onDownloaded: (path) => {
      engine.emit({ type: 'downloaded', infoHash: metainfo.infoHash, name: metainfo.name, path });
    },
    onOver: () => {
      engine.unregister(torrentId);
    },
  });
  engine.register(torrentId, download);
  return { download, session };
}

async function isComplete(engine: EngineContext, metainfo: Metainfo, targetPath: string): Promise<boolean> {
  const report = await verifyRoot(metainfo, targetPath, {
    ...engine.hashTools(),
    verifyWith: engine.config.verifyWith,
    onProgress: engine.hashing(metainfo.name),
  });
  return report.badPieces.length === 0 && report.badFiles.length === 0;
}

/** Peers of a magnet link whose host is a name are looked up; one that has no address is a note. */
async function reachable(engine: EngineContext, peers: readonly PeerAddress[]): Promise<PeerAddress[]> {
  const found = await Promise.all(
    peers.map(async ({ host, port }) => {
      const result = await unlessAborted(
        lookup(host).catch(() => undefined),
        engine.signal,
      );
      if (!result) engine.note(`the peer ${escapeText(host)} of the magnet link has no address`);
      return result ? { host: result.address, port } : undefined;
    }),
  );
  return found.filter((peer) => peer !== undefined);
}

/** For what cannot be broken off: its result does not matter any more. @throws the signal's reason when it aborts */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    void work.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', onAbort);
    });
  });
}
