/** From a target to a running download: found, checked against what is there already, joined. */
import { lookup } from 'node:dns/promises';

import { PieceVerifier } from '../hashing/piece-verifier.js';
import { buildMetainfo } from '../metainfo/build-metainfo.js';
import type { Metainfo } from '../metainfo/metainfo.js';
import { Bitfield } from '../protocol/bitfield.js';
import type { PeerAddress } from '../protocol/peer-address.js';
import { CLIENT } from './client-name.js';
import { Download } from './download.js';
import { downloadTarget, entryKind, prepareOutput, targetExists, type DownloadTarget } from './download-target.js';
import { checkTrackers, type EngineContext } from './engine-context.js';
import type { DownloadRequest, ResolvedTarget } from './engine-types.js';
import { findPart } from './part-files.js';
import { resolveTarget } from './target-resolver.js';
import { torrentFiles } from './torrent-files.js';
import { verifyCopy } from './verify-copy.js';

/** What `EngineApi.download` promises. */
export async function startDownload(engine: EngineContext, request: DownloadRequest): Promise<Download> {
  checkTrackers(request.trackers);
  const resolved = await resolveTarget(request);
  const { metainfo } = resolved;
  for (const note of metainfo.notes) engine.note(note);
  const { verifyWith } = engine.config;
  // Refuses a torrent whose hashes are all unknown before anything is written.
  new PieceVerifier({ digests: metainfo.digests, registry: engine.registry, verifyWith });
  const target = downloadTarget(metainfo, request.outputDir);
  if ((await entryKind(target.targetPath)) !== 'nothing') {
    if (await isComplete(engine, metainfo, target.targetPath)) {
      return startComplete(engine, request, resolved, target.targetPath);
    }
    if (request.force !== true) throw targetExists(target.targetPath);
  }
  return startMissing(engine, request, resolved, target);
}

async function startMissing(
  engine: EngineContext,
  request: DownloadRequest,
  resolved: ResolvedTarget,
  target: DownloadTarget,
): Promise<Download> {
  const lock = engine.store().lock(resolved.metainfo.infoHash, target.targetPath);
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
  const { metainfo, trackerTiers, peers } = resolved;
  const { verifyWith } = engine.config;
  const part = await findPart(metainfo, target, engine.store(), { ...engine.hashTools(), verifyWith });
  await prepareOutput(target, Math.max(0, metainfo.layout.totalBytes - part.allocatedBytes));
  return begin(engine, request, resolved, {
    target,
    owned: part.owned,
    releaseLock,
    start: async (download, copy, torrentId) => {
      const session = engine.makeSession({
        torrentId,
        metainfo,
        files: torrentFiles(metainfo, target.partPath),
        owned: part.owned,
        mask: undefined,
        wantsPieces: true,
        trackerTiers,
        peers: await reachable(peers),
        listenPorts: await engine.listen(),
        recorder: copy,
        onComplete: () => {
          download.handleComplete();
        },
        onFailed: (error) => {
          download.handleFailed(error);
        },
      });
      download.start(session, part.owned);
    },
  });
}

/** The target is there already, whole and right: nothing to fetch, only to seed when that was asked for. */
async function startComplete(
  engine: EngineContext,
  request: DownloadRequest,
  resolved: ResolvedTarget,
  targetPath: string,
): Promise<Download> {
  const { metainfo, trackerTiers } = resolved;
  const owned = Bitfield.full(metainfo.layout.pieceCount);
  return begin(engine, request, resolved, {
    target: { targetPath, partPath: targetPath },
    owned,
    releaseLock: () => undefined,
    start: async (download, _copy, torrentId) => {
      const session = engine.makeSession({
        torrentId,
        metainfo,
        files: torrentFiles(metainfo, targetPath),
        owned,
        mask: undefined,
        wantsPieces: false,
        trackerTiers,
        peers: [],
        listenPorts: request.seedAfter === true ? await engine.listen() : [],
        recorder: undefined,
        onComplete: () => undefined,
        onFailed: (error) => {
          download.handleFailed(error);
        },
      });
      download.startComplete(session);
    },
  });
}

interface Beginning {
  readonly target: DownloadTarget;
  readonly owned: Bitfield;
  readonly releaseLock: () => void;
  readonly start: (
    download: Download,
    copy: ReturnType<ReturnType<EngineContext['store']>['openCopy']>,
    torrentId: number,
  ) => Promise<void>;
}

async function begin(
  engine: EngineContext,
  request: DownloadRequest,
  { metainfo, trackerTiers }: ResolvedTarget,
  { target, owned, releaseLock, start }: Beginning,
): Promise<Download> {
  const metainfoBytes = buildMetainfo({ infoBytes: metainfo.infoBytes, trackerTiers, createdBy: CLIENT });
  const store = engine.store();
  const rootPath = target.targetPath;
  const copy = store.openCopy({ metainfo, rootPath, role: 'download', metainfoBytes, tiers: trackerTiers, owned });
  const torrentId = engine.nextTorrentId();
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
  try {
    await start(download, copy, torrentId);
  } catch (error) {
    engine.unregister(torrentId);
    throw error;
  }
  return download;
}

async function isComplete(engine: EngineContext, metainfo: Metainfo, targetPath: string): Promise<boolean> {
  const report = await verifyCopy(metainfo, targetPath, {
    ...engine.hashTools(),
    verifyWith: engine.config.verifyWith,
    onProgress: engine.hashing(metainfo.name),
  });
  return report.badPieces.length === 0 && report.badFiles.length === 0;
}

/** Peers of a magnet link whose host is a name are looked up; those that have no address are passed over. */
async function reachable(peers: readonly PeerAddress[]): Promise<PeerAddress[]> {
  const found = await Promise.all(
    peers.map(async ({ host, port }) => {
      const result = await lookup(host).catch(() => undefined);
      return result ? { host: result.address, port } : undefined;
    }),
  );
  return found.filter((peer) => peer !== undefined);
}
