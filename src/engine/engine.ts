/**
 * The engine: what commands and importing programs talk to. It owns what all transfers of a process share (worker
 * threads, state database, listening port, hash algorithms) and starts each part when it is first needed.
 */
import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import path from 'node:path';

import { OptionError, P2pError, type ErrorValue } from '../errors.js';
import { measureHash } from '../hashing/hash-benchmark.js';
import { loadHashPlugins, resolveHashPlugins } from '../hashing/hash-plugins.js';
import { HashRegistry } from '../hashing/hash-registry.js';
import { PieceVerifier } from '../hashing/piece-verifier.js';
import { formatMagnet } from '../metainfo/magnet.js';
import type { Metainfo } from '../metainfo/metainfo.js';
import { buildMetainfo } from '../metainfo/build-metainfo.js';
import { parseMetainfo } from '../metainfo/parse-metainfo.js';
import { isTrackerUrl } from '../metainfo/trackers.js';
import { checkOption } from '../options.js';
import { Bitfield } from '../protocol/bitfield.js';
import type { PeerAddress } from '../protocol/peer-address.js';
import { createPeerId } from '../protocol/peer-id.js';
import type { FromWorker, TorrentFile } from '../workers/worker-messages.js';
import { WorkerPool } from '../workers/worker-pool.js';
import { findTwins, listEverywhere, publishEverywhere } from './catalogues.js';
import { Download } from './download.js';
import { downloadTarget, entryKind, prepareOutput, targetExists } from './download-target.js';
import type {
  CatalogueEntry,
  CreateRequest,
  CreateResult,
  DownloadRequest,
  EngineApi,
  EngineConfig,
  EngineEvent,
  HashProgress,
  HashReport,
  ResolvedTarget,
  SeedRequest,
  SeedResult,
  TargetQuery,
  Transfer,
  VerifyReport,
} from './engine-types.js';
import { openListeners } from './listeners.js';
import { PACKAGE_VERSION } from './package-version.js';
import { findPart } from './part-files.js';
import { checkPieces } from './piece-hashing.js';
import { pieceMask } from './piece-mask.js';
import { Seed } from './seed.js';
import { readSource } from './source-files.js';
import { StateStore } from './state-store.js';
import { readTorrentFile, resolveTarget, trackerTiersOf } from './target-resolver.js';
import { buildTorrent } from './torrent-builder.js';
import { torrentFiles } from './torrent-files.js';
import { TorrentSession, type SessionOptions } from './torrent-session.js';
import { verifyCopy } from './verify-copy.js';

const CLIENT = `p2p ${PACKAGE_VERSION}`;
const HASH_MEASURE_MS = 150;

/**
 * An engine for this process.
 * @throws {P2P_OPTION_INVALID} {P2P_PLUGIN_INVALID} for settings that cannot be
 */
export async function openEngine(config: EngineConfig): Promise<EngineApi> {
  const registry = HashRegistry.builtIn();
  const hashPluginUrls = resolveHashPlugins(config.hashPlugins ?? [], process.cwd());
  await loadHashPlugins(registry, hashPluginUrls);
  if (config.verifyWith !== undefined && config.verifyWith !== 'all') registry.require(config.verifyWith);
  return new Engine(config, registry, hashPluginUrls);
}

class Engine implements EngineApi {
  readonly #config: EngineConfig;
  readonly #registry: HashRegistry;
  readonly #hashPluginUrls: readonly string[];
  readonly #onEvent: (event: EngineEvent) => void;
  readonly #settings: {
    readonly port: number;
    readonly portCount: number;
    readonly workerThreads: number;
    readonly uploadSlots: number;
    readonly maxPeers: number;
  };
  readonly #active = new Map<number, Download | Seed>();
  readonly #allTransfers: Transfer[] = [];
  #pool: WorkerPool | undefined;
  #listening: Promise<readonly number[]> | undefined;
  #store: StateStore | undefined;
  #torrentSerial = 0;
  #linkSerial = 0;
  #closing: Promise<void> | undefined;

  constructor(config: EngineConfig, registry: HashRegistry, hashPluginUrls: readonly string[]) {
    this.#config = config;
    this.#registry = registry;
    this.#hashPluginUrls = hashPluginUrls;
    this.#onEvent = config.onEvent ?? (() => undefined);
    this.#settings = {
      port: checkOption('port', config.port),
      portCount: checkOption('portCount', config.portCount),
      workerThreads: checkOption('workerThreads', config.workerThreads ?? defaultThreads()),
      uploadSlots: checkOption('uploadSlots', config.uploadSlots),
      maxPeers: checkOption('maxPeers', config.maxPeers),
    };
  }

  get transfers(): readonly Transfer[] {
    return this.#allTransfers;
  }

  resolve(query: TargetQuery): Promise<ResolvedTarget> {
    checkTrackers(query.trackers);
    return resolveTarget(query);
  }

  catalogue(trackers: readonly string[]): Promise<readonly CatalogueEntry[]> {
    checkTrackers(trackers);
    return listEverywhere(trackerTiersOf(trackers, []).flat());
  }

  async create(request: CreateRequest, onProgress?: HashProgress): Promise<CreateResult> {
    checkTrackers(request.trackers);
    return buildTorrent(
      {
        source: await readSource(request.path),
        trackerTiers: request.trackers.length > 0 ? [request.trackers] : [],
        pieceLengthBytes: request.pieceLengthBytes,
        hashes: request.hashes,
        isPrivate: request.isPrivate ?? false,
        comment: request.comment,
        createdBy: CLIENT,
        onProgress,
      },
      this.#hashTools(),
    );
  }

  async verify(query: TargetQuery, givenPath: string, onProgress?: HashProgress): Promise<VerifyReport> {
    const { metainfo } = await this.resolve(query);
    return verifyCopy(metainfo, givenPath, { ...this.#hashTools(), verifyWith: this.#config.verifyWith, onProgress });
  }

  hashes(measure: boolean): Promise<readonly HashReport[]> {
    const reports = this.#registry.names().map((name): HashReport => {
      const algorithm = this.#registry.require(name);
      return {
        name,
        implementation: algorithm.implementation ?? 'plugin',
        digestLength: algorithm.digestLength,
        builtIn: this.#registry.isBuiltIn(name),
        bytesPerSec: measure ? measureHash(algorithm, HASH_MEASURE_MS) : undefined,
      };
    });
    return Promise.resolve(reports);
  }

  async seed(request: SeedRequest): Promise<SeedResult> {
    checkTrackers(request.trackers);
    const pool = this.#startPool();
    const source = await readSource(request.path);
    const given = request.torrentFile === undefined ? undefined : await this.#readGivenTorrent(request.torrentFile);
    const tiers = trackerTiersOf(request.trackers, given?.trackerTiers ?? []);
    const trackers = tiers.flat();
    const built = given ? undefined : await this.#buildForSeeding(request, source, trackers);
    const metainfo = given ?? built?.metainfo;
    if (!metainfo) throw new OptionError('nothing to seed', {}, 'P2P_NOTHING_TO_SEED');
    const mask = pieceMask(metainfo.layout, request.mask);
    const files = torrentFiles(metainfo, source.rootPath);
    const owned = await this.#ownedForSeeding(metainfo, files, request, built !== undefined);
    const ports = await this.#listen(pool);
    const bytes = buildMetainfo({ infoBytes: metainfo.infoBytes, trackerTiers: tiers, createdBy: CLIENT });
    const published =
      !metainfo.isPrivate &&
      (await publishEverywhere(trackers, bytes, this.#config.token, (message) => {
        this.#note(message);
      }));
    const store = this.#openStore();
    const copy = store.openCopy({
      metainfo,
      rootPath: source.rootPath,
      role: 'seed',
      metainfoBytes: bytes,
      tiers,
      owned,
    });
    const torrentId = (this.#torrentSerial += 1);
    const seed = new Seed(metainfo, source.rootPath, (upTotalBytes) => {
      this.#active.delete(torrentId);
      store.closeCopy(copy, 'stopped', { down: 0, up: upTotalBytes });
    });
    this.#register(torrentId, seed);
    seed.start(
      this.#makeSession({
        torrentId,
        metainfo,
        files,
        owned,
        mask,
        wantsPieces: false,
        trackerTiers: tiers,
        peers: [],
        listenPorts: ports,
        recorder: undefined,
        onComplete: () => undefined,
        onFailed: (error) => {
          seed.handleFailed(error);
        },
      }),
    );
    return { transfer: seed, trackers, magnet: formatMagnet(metainfo, { trackers }), published };
  }

  async download(request: DownloadRequest): Promise<Transfer> {
    const pool = this.#startPool();
    const { metainfo, trackerTiers, peers } = await this.resolve(request);
    // Refuses a torrent whose hashes are all unknown before anything is written.
    new PieceVerifier({ digests: metainfo.digests, registry: this.#registry, verifyWith: this.#config.verifyWith });
    const target = downloadTarget(metainfo, request.outputDir);
    const isThere = (await entryKind(target.targetPath)) !== 'nothing';
    if (isThere && (await this.#isComplete(metainfo, target.targetPath))) {
      return this.#alreadyThere(request, metainfo, target.targetPath, trackerTiers);
    }
    if (isThere && request.force !== true) throw targetExists(target.targetPath);
    const store = this.#openStore();
    const lock = store.lock(metainfo.infoHash, target.targetPath);
    try {
      const metainfoBytes = buildMetainfo({ infoBytes: metainfo.infoBytes, trackerTiers, createdBy: CLIENT });
      const part = await findPart(metainfo, target, store, {
        ...this.#hashTools(),
        verifyWith: this.#config.verifyWith,
      });
      await prepareOutput(target, Math.max(0, metainfo.layout.totalBytes - part.allocatedBytes));
      const ports = await this.#listen(pool);
      const copy = store.openCopy({
        metainfo,
        rootPath: target.targetPath,
        role: 'download',
        metainfoBytes,
        tiers: trackerTiers,
        owned: part.owned,
      });
      const torrentId = (this.#torrentSerial += 1);
      const download = new Download({
        metainfo,
        target,
        force: request.force ?? false,
        seedAfter: request.seedAfter ?? false,
        timeoutMs: request.timeoutMs,
        copy,
        store,
        releaseLock: () => {
          lock.release();
        },
        onDownloaded: (finalPath) => {
          this.#onEvent({ type: 'downloaded', infoHash: metainfo.infoHash, name: metainfo.name, path: finalPath });
        },
        onOver: () => {
          this.#active.delete(torrentId);
        },
      });
      this.#register(torrentId, download);
      const session = this.#makeSession({
        torrentId,
        metainfo,
        files: torrentFiles(metainfo, target.partPath),
        owned: part.owned,
        mask: undefined,
        wantsPieces: true,
        trackerTiers,
        peers: await reachable(peers),
        listenPorts: ports,
        recorder: copy,
        onComplete: () => {
          download.handleComplete();
        },
        onFailed: (error) => {
          download.handleFailed(error);
        },
      });
      download.start(session, part.owned);
      return download;
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#closeAll();
    return this.#closing;
  }

  async #closeAll(): Promise<void> {
    await Promise.all([...this.#active.values()].map((transfer) => transfer.stop()));
    await this.#pool?.close();
    this.#store?.close();
  }

  #register(torrentId: number, transfer: Download | Seed): void {
    this.#active.set(torrentId, transfer);
    this.#allTransfers.push(transfer);
  }

  #makeSession(
    options: Omit<
      SessionOptions,
      'peerId' | 'uploadSlots' | 'maxPeers' | 'verifyWith' | 'pool' | 'nextLinkId' | 'onEvent'
    >,
  ): TorrentSession {
    return new TorrentSession({
      ...options,
      peerId: createPeerId(randomBytes(20), PACKAGE_VERSION),
      uploadSlots: this.#settings.uploadSlots,
      maxPeers: this.#settings.maxPeers,
      verifyWith: this.#config.verifyWith,
      pool: this.#startPool(),
      // Even numbers; workers number incoming links with odd ones.
      nextLinkId: () => (this.#linkSerial += 2),
      onEvent: this.#onEvent,
    });
  }

  /** The target is complete already: nothing to fetch, only to seed when that was asked for. */
  async #alreadyThere(
    request: DownloadRequest,
    metainfo: Metainfo,
    targetPath: string,
    trackerTiers: readonly (readonly string[])[],
  ): Promise<Transfer> {
    const pool = this.#startPool();
    const owned = Bitfield.full(metainfo.layout.pieceCount);
    const metainfoBytes = buildMetainfo({ infoBytes: metainfo.infoBytes, trackerTiers, createdBy: CLIENT });
    const store = this.#openStore();
    const copy = store.openCopy({
      metainfo,
      rootPath: targetPath,
      role: 'download',
      metainfoBytes,
      tiers: trackerTiers,
      owned,
    });
    const torrentId = (this.#torrentSerial += 1);
    const seedAfter = request.seedAfter ?? false;
    const download = new Download({
      metainfo,
      target: { targetPath, partPath: targetPath },
      force: false,
      seedAfter,
      timeoutMs: undefined,
      copy,
      store,
      releaseLock: () => undefined,
      onDownloaded: (finalPath) => {
        this.#onEvent({ type: 'downloaded', infoHash: metainfo.infoHash, name: metainfo.name, path: finalPath });
      },
      onOver: () => {
        this.#active.delete(torrentId);
      },
    });
    this.#register(torrentId, download);
    const session = this.#makeSession({
      torrentId,
      metainfo,
      files: torrentFiles(metainfo, targetPath),
      owned,
      mask: undefined,
      wantsPieces: false,
      trackerTiers,
      peers: [],
      listenPorts: seedAfter ? await this.#listen(pool) : [],
      recorder: undefined,
      onComplete: () => undefined,
      onFailed: (error: ErrorValue) => {
        download.handleFailed(error);
      },
    });
    download.startComplete(session);
    return download;
  }

  async #isComplete(metainfo: Metainfo, targetPath: string): Promise<boolean> {
    const report = await verifyCopy(metainfo, targetPath, {
      ...this.#hashTools(),
      verifyWith: this.#config.verifyWith,
      onProgress: this.#hashing(metainfo.name),
    });
    return report.badPieces.length === 0 && report.badFiles.length === 0;
  }

  async #readGivenTorrent(file: string): Promise<Metainfo> {
    const bytes = await readTorrentFile(file);
    if (!bytes) throw new OptionError(`there is no .torrent file '${file}'`, { path: file }, 'P2P_PATH_NOT_FOUND');
    return parseMetainfo(bytes);
  }

  /** Built in the form of a published torrent of that name and size, so that equal bytes join one swarm. */
  async #buildForSeeding(
    request: SeedRequest,
    source: Awaited<ReturnType<typeof readSource>>,
    trackers: readonly string[],
  ): Promise<CreateResult> {
    const isFree = request.pieceLengthBytes === undefined && request.hashes === undefined;
    const twins = await findTwins(trackers, source.name, source.totalBytes);
    const twin = isFree ? twins[0] : undefined;
    const known = twin && [...twin.digests.keys()].filter((name) => this.#registry.find(name));
    const built = await buildTorrent(
      {
        source,
        trackerTiers: [trackers],
        pieceLengthBytes: twin?.layout.pieceLengthBytes ?? request.pieceLengthBytes,
        hashes: known ?? request.hashes,
        isPrivate: false,
        comment: undefined,
        createdBy: CLIENT,
        onProgress: this.#hashing(source.name),
      },
      this.#hashTools(),
    );
    for (const note of built.notes) this.#note(note);
    const others = twins.filter((each) => each.infoHash !== built.metainfo.infoHash);
    if (others.length > 0) {
      const hashes = [built.metainfo, ...others].map((each) => each.infoHash).join(', ');
      this.#note(
        `another '${source.name}' of the same size is published already; download one of them by its info hash: ${hashes}`,
      );
    }
    return built;
  }

  async #ownedForSeeding(
    metainfo: Metainfo,
    files: readonly TorrentFile[],
    request: SeedRequest,
    isBuilt: boolean,
  ): Promise<Bitfield> {
    if (isBuilt || request.trust === true) return Bitfield.full(metainfo.layout.pieceCount);
    const { good } = await checkPieces({
      ...this.#hashTools(),
      metainfo,
      files,
      verifyWith: this.#config.verifyWith,
      onProgress: this.#hashing(metainfo.name),
    });
    const missing = metainfo.layout.pieceCount - good.count();
    if (missing > 0) {
      this.#note(
        `${missing} of ${metainfo.layout.pieceCount} pieces of ${metainfo.name} are missing or wrong: not offered`,
      );
    }
    return good;
  }

  #hashing(name: string): HashProgress {
    return (doneBytes, totalBytes) => {
      this.#onEvent({ type: 'hashing', name, doneBytes, totalBytes });
    };
  }

  #hashTools(): { pool: WorkerPool; registry: HashRegistry; hashPluginUrls: readonly string[] } {
    return { pool: this.#startPool(), registry: this.#registry, hashPluginUrls: this.#hashPluginUrls };
  }

  #openStore(): StateStore {
    this.#store ??= new StateStore(path.resolve(this.#config.stateDir), (message) => {
      this.#note(message);
    });
    return this.#store;
  }

  #startPool(): WorkerPool {
    if (this.#closing) throw new P2pError('P2P_WORKER_LOST', 'the engine is closed');
    this.#pool ??= new WorkerPool({
      threads: this.#settings.workerThreads,
      memoryMiB: checkOption('memoryMiB', undefined),
      openFiles: checkOption('openFiles', undefined),
      hashPluginUrls: this.#hashPluginUrls,
      client: CLIENT,
      uploadLimitBytesPerSec: this.#config.uploadLimitBytesPerSec,
      downloadLimitBytesPerSec: this.#config.downloadLimitBytesPerSec,
      onMessage: (hostIndex, message) => {
        this.#handleMessage(hostIndex, message);
      },
      onBatchEnd: () => {
        for (const transfer of this.#active.values()) transfer.session?.settle();
      },
      onHostLost: (hostIndex, error) => {
        this.#note(`a worker thread died and was started again: ${error.message}`);
        for (const transfer of this.#active.values()) transfer.session?.handleHostLost(hostIndex);
      },
    });
    return this.#pool;
  }

  #handleMessage(hostIndex: number, message: FromWorker): void {
    if (message.type === 'reply') return;
    this.#active.get(message.torrentId)?.session?.handleMessage(hostIndex, message);
  }

  #listen(pool: WorkerPool): Promise<readonly number[]> {
    this.#listening ??= openListeners(pool, {
      host: this.#config.bindHost,
      port: this.#settings.port,
      portIsFixed: this.#config.portIsFixed ?? false,
      portCount: this.#settings.portCount,
    }).then((ports) => {
      const port = ports[0] ?? 0;
      this.#onEvent({ type: 'listening', host: this.#config.bindHost ?? '::', port, ports });
      return ports;
    });
    return this.#listening;
  }

  #note(message: string): void {
    this.#onEvent({ type: 'note', message });
  }
}

/** One thread for each core up to four: a connection fills one, more serve many fast peers. */
function defaultThreads(): number {
  return Math.min(4, Math.max(1, availableParallelism()));
}

function checkTrackers(trackers: readonly string[]): void {
  const wrong = trackers.find((url) => !isTrackerUrl(url));
  if (wrong === undefined) return;
  throw new OptionError(`'${wrong}' is not a tracker URL; write for example http://192.168.1.5:9999/announce`, {
    url: wrong,
  });
}

/** Peers of a magnet link whose host is a name are looked up; those that have no address are passed over. */
async function reachable(peers: readonly PeerAddress[]): Promise<PeerAddress[]> {
  if (peers.length === 0) return [];
  const { lookup } = await import('node:dns/promises');
  const found = await Promise.all(
    peers.map(async ({ host, port }) => {
      const result = await lookup(host).catch(() => undefined);
      return result ? { host: result.address, port } : undefined;
    }),
  );
  return found.filter((peer) => peer !== undefined);
}
