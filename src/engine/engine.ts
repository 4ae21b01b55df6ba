/**
 * The engine: what commands and importing programs talk to. It owns what all transfers of a process share (worker
 * threads, state database, listening port, hash algorithms) and starts each part when it is first needed.
 */
import { randomBytes } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import path from 'node:path';

import { P2pError, toErrorValue } from '../errors.js';
import { measureHash } from '../hashing/hash-benchmark.js';
import { loadHashPlugins, resolveHashPlugins } from '../hashing/hash-plugins.js';
import { HashRegistry } from '../hashing/hash-registry.js';
import type { InfoHash } from '../metainfo/metainfo.js';
import { checkOption } from '../options.js';
import type { PeerId } from '../protocol/peer-address.js';
import { createPeerId } from '../protocol/peer-id.js';
import { TrackerClient } from '../tracker/tracker-client.js';
import { listenedFamilies } from '../tracker/tracker-addresses.js';
import type { FromWorker } from '../workers/worker-messages.js';
import { WorkerPool } from '../workers/worker-pool.js';
import { defaultThreadCount } from '../workers/worker-threads.js';
import { AnnounceGate } from './announce-gate.js';
import { checkBindAddress, sourceAddress } from './bind-address.js';
import { listEverywhere } from './catalogues.js';
import { CLIENT } from './client-name.js';
import {
  checkTrackers,
  checkWebSeeds,
  type ActiveTransfer,
  type EngineContext,
  type HashTools,
  type MetadataRequest,
  type SessionRequest,
} from './engine-context.js';
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
  ResumeRequest,
  SeedRequest,
  SeedResult,
  TargetQuery,
  TrackerScrape,
  Transfer,
  VerifyReport,
} from './engine-types.js';
import { openListeners, reopenListeners } from './listeners.js';
import { MetadataSession } from './metadata-session.js';
import { LogKeeper } from './log-keeper.js';
import { PeerFinding } from './peer-finding.js';
import { PACKAGE_VERSION } from './package-version.js';
import { resumeCopy } from './resume-copy.js';
import { RunReporter, type ReportedTransfer } from './run-reporter.js';
import { readSource } from './source-files.js';
import { scrapeTrackers } from './scrape-trackers.js';
import { startDownload } from './start-download.js';
import { startSeed } from './start-seed.js';
import { StateStore } from './state-store.js';
import { resolveTarget, trackerTiersOf } from './target-resolver.js';
import { buildTorrent } from './torrent-builder.js';
import { TorrentSession } from './torrent-session.js';
import { wantsDht } from './wants-dht.js';
import { verifyCopy } from './verify-copy.js';
import type { WorkerSession } from './worker-session.js';

const HASH_MEASURE_MS = 150;

/**
 * An engine for this process.
 * @throws {P2P_OPTION_INVALID} {P2P_PLUGIN_INVALID} for settings that cannot be
 */
export async function openEngine(config: EngineConfig): Promise<EngineApi> {
  checkBindAddress(config.bindHost);
  const registry = HashRegistry.builtIn();
  const hashPluginUrls = resolveHashPlugins(config.hashPlugins ?? [], process.cwd());
  await loadHashPlugins(registry, hashPluginUrls);
  if (config.verifyWith !== undefined && config.verifyWith !== 'all') registry.require(config.verifyWith);
  return new Engine(config, registry, hashPluginUrls);
}

class Engine implements EngineApi, EngineContext {
  readonly config: EngineConfig;
  readonly registry: HashRegistry;
  readonly announceGate = new AnnounceGate();
  readonly #trackerClient: TrackerClient;
  readonly #finding: PeerFinding;
  readonly #hashPluginUrls: readonly string[];
  readonly #settings: {
    readonly port: number;
    readonly portCount: number;
    readonly workerThreads: number;
    readonly uploadSlots: number;
    readonly maxPeers: number;
  };
  /** By the number of the torrent that names it to the workers. */
  readonly #sessions = new Map<number, WorkerSession>();
  readonly #active = new Set<ActiveTransfer>();
  /** What is reported beside them. */
  readonly #others = new Set<ReportedTransfer>();
  readonly #allTransfers: Transfer[] = [];
  #pool: WorkerPool | undefined;
  #listening: Promise<readonly number[]> | undefined;
  #store: StateStore | undefined;
  #reporter: RunReporter | undefined;
  #logKeeper: LogKeeper | undefined;
  #torrentSerial = 0;
  #linkSerial = 0;
  /** Calls that have not been answered yet. */
  readonly #underWay = new Set<Promise<unknown>>();
  readonly #abort = new AbortController();
  #closing: Promise<void> | undefined;

  constructor(config: EngineConfig, registry: HashRegistry, hashPluginUrls: readonly string[]) {
    this.config = config;
    this.registry = registry;
    this.#hashPluginUrls = hashPluginUrls;
    this.#trackerClient = new TrackerClient(listenedFamilies(config.bindHost));
    this.#finding = new PeerFinding({
      localDiscovery: config.localDiscovery ?? false,
      dhtBootstrap: config.dhtBootstrap,
      bindHost: config.bindHost,
      stateDir: path.resolve(config.stateDir),
      onNote: (message) => {
        this.note(message);
      },
    });
    // Each transfer listens to it.
    setMaxListeners(0, this.#abort.signal);
    this.#settings = {
      port: checkOption('port', config.port),
      portCount: checkOption('portCount', config.portCount),
      workerThreads: checkOption('workerThreads', config.workerThreads ?? defaultThreadCount('transfers')),
      uploadSlots: checkOption('uploadSlots', config.uploadSlots),
      maxPeers: checkOption('maxPeers', config.maxPeers),
    };
  }

  get transfers(): readonly Transfer[] {
    return this.#allTransfers;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  seed(request: SeedRequest): Promise<SeedResult> {
    return this.#run(() => startSeed(this, request));
  }

  download(request: DownloadRequest): Promise<Transfer> {
    return this.#run(() => startDownload(this, request));
  }

  resume(request: ResumeRequest): Promise<Transfer> {
    return this.#run(() => resumeCopy(this, request));
  }

  resolve(query: TargetQuery): Promise<ResolvedTarget> {
    return this.#run(() => this.#resolve(query));
  }

  catalogue(trackers: readonly string[]): Promise<readonly CatalogueEntry[]> {
    return this.#run(async () => {
      checkTrackers(trackers);
      return listEverywhere(trackerTiersOf(trackers, []).flat(), this.signal);
    });
  }

  scrape(infoHash: InfoHash, trackers: readonly string[]): Promise<readonly TrackerScrape[]> {
    return this.#run(async () => {
      checkTrackers(trackers);
      return scrapeTrackers(this.#trackerClient, { infoHash, trackers }, this.signal);
    });
  }

  create(request: CreateRequest, onProgress?: HashProgress): Promise<CreateResult> {
    return this.#run(() => this.#create(request, onProgress));
  }

  verify(query: TargetQuery, givenPath: string, onProgress?: HashProgress): Promise<VerifyReport> {
    return this.#run(async () => {
      const { metainfo } = await this.#resolve(query);
      const tools = { ...this.hashTools(), verifyWith: this.config.verifyWith, onProgress };
      return verifyCopy(metainfo, givenPath, tools);
    });
  }

  hashes(measure: boolean): Promise<readonly HashReport[]> {
    const reports = this.registry.names().map((name): HashReport => {
      const algorithm = this.registry.require(name);
      return {
        name,
        implementation: algorithm.implementation ?? 'plugin',
        digestLength: algorithm.digestLength,
        builtIn: this.registry.isBuiltIn(name),
        bytesPerSec: measure ? measureHash(algorithm, HASH_MEASURE_MS) : undefined,
      };
    });
    return Promise.resolve(reports);
  }

  close(): Promise<void> {
    this.#closing ??= this.#closeAll();
    return this.#closing;
  }

  hashTools(): HashTools {
    return { pool: this.#startPool(), registry: this.registry, hashPluginUrls: this.#hashPluginUrls };
  }

  store(): StateStore {
    this.signal.throwIfAborted();
    this.#store ??= this.#openStore();
    return this.#store;
  }

  listen(): Promise<readonly number[]> {
    this.#listening ??= this.#openPorts().catch((error: unknown) => {
      // Whoever tries again may have freed the port.
      this.#listening = undefined;
      throw error;
    });
    return this.#listening;
  }

  makeSession(request: SessionRequest): TorrentSession {
    const torrentId = (this.#torrentSerial += 1);
    const session = new TorrentSession({
      ...request,
      torrentId,
      peerId: request.peerId ?? newPeerId(),
      uploadSlots: this.#settings.uploadSlots,
      usesWebSeeds: this.config.webSeeds ?? true,
      superSeeds: this.config.superSeeding ?? true,
      maxPeers: this.#settings.maxPeers,
      verifyWith: this.config.verifyWith,
      pool: this.#startPool(),
      announceGate: this.announceGate,
      localAddress: sourceAddress(this.config.bindHost),
      trackerClient: this.#trackerClient,
      finding: this.#finding,
      usesDht: wantsDht(this.config.dht, request.metainfo.isPrivate, request.trackerTiers.flat()),
      // Even numbers; workers number incoming links with odd ones.
      nextLinkId: () => (this.#linkSerial += 2),
      downloadLimitBytesPerSec: this.config.downloadLimitBytesPerSec,
      onEvent: (event) => {
        this.emit(event);
      },
      onStopped: () => {
        this.#sessions.delete(torrentId);
      },
    });
    this.#sessions.set(torrentId, session);
    return session;
  }

  searchMetadata(request: MetadataRequest): MetadataSession {
    const torrentId = (this.#torrentSerial += 1);
    const session = new MetadataSession({
      ...request,
      torrentId,
      peerId: newPeerId(),
      maxPeers: this.#settings.maxPeers,
      pool: this.#startPool(),
      announceGate: this.announceGate,
      trackerClient: this.#trackerClient,
      finding: this.#finding,
      usesDht: wantsDht(this.config.dht, false, request.trackerTiers.flat()),
      nextLinkId: () => (this.#linkSerial += 2),
      onStopped: () => {
        this.#sessions.delete(torrentId);
      },
    });
    this.#sessions.set(torrentId, session);
    return session;
  }

  register(transfer: ActiveTransfer): void {
    this.#active.add(transfer);
    this.#allTransfers.push(transfer);
    this.#startReporter();
  }

  report(what: ReportedTransfer): () => void {
    this.#others.add(what);
    this.#startReporter();
    return () => {
      this.#others.delete(what);
    };
  }

  unregister(transfer: ActiveTransfer): void {
    this.#active.delete(transfer);
  }

  emit(event: EngineEvent): void {
    this.config.onEvent?.(event);
  }

  note(message: string): void {
    this.emit({ type: 'note', message });
  }

  hashing(name: string): HashProgress {
    return (doneBytes, totalBytes) => {
      this.emit({ type: 'hashing', name, doneBytes, totalBytes });
    };
  }

  async #resolve(query: TargetQuery): Promise<ResolvedTarget> {
    checkTrackers(query.trackers);
    return resolveTarget(query, this.signal);
  }

  async #create(request: CreateRequest, onProgress?: HashProgress): Promise<CreateResult> {
    checkTrackers(request.trackers);
    const webSeeds = checkWebSeeds(request.webSeeds ?? []);
    const build = {
      source: await readSource(request.path, this.signal),
      trackerTiers: request.trackers.map((url) => [url]),
      webSeeds,
      pieceLengthBytes: request.pieceLengthBytes,
      hashes: request.hashes,
      isPrivate: request.isPrivate ?? false,
      padFiles: request.padFiles,
      attributes: request.attributes,
      comment: request.comment,
      createdBy: CLIENT,
      onProgress,
    };
    return buildTorrent(build, this.hashTools());
  }

  #openStore(): StateStore {
    const store = new StateStore(path.resolve(this.config.stateDir), (message) => {
      this.note(message);
    });
    this.#logKeeper = new LogKeeper({
      databasePath: store.databasePath,
      checkpoint: (databasePath) => this.#startPool().checkpoint(databasePath),
      onNote: (message) => {
        this.note(message);
      },
    });
    return store;
  }

  /** Answers unless the engine is closed first; `close` waits for the answer. */
  #run<T>(work: () => Promise<T>): Promise<T> {
    const answer = this.#answer(work);
    this.#underWay.add(answer);
    const forget = (): void => void this.#underWay.delete(answer);
    answer.then(forget, forget);
    return answer;
  }

  async #answer<T>(work: () => Promise<T>): Promise<T> {
    this.signal.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      // Whatever broke off broke off because of that.
      this.signal.throwIfAborted();
      throw error;
    }
  }

  async #closeAll(): Promise<void> {
    this.#abort.abort(new P2pError('P2P_ENGINE_CLOSED', 'the engine is closed'));
    this.#logKeeper?.close();
    this.#reporter?.close();
    const stopped = await Promise.allSettled([...this.#active].map((transfer) => transfer.stop()));
    await this.#trackerClient.close();
    await Promise.all([this.#finding.close(), this.#pool?.close()]);
    await Promise.allSettled(this.#underWay);
    this.#store?.close();
    for (const each of stopped) if (each.status === 'rejected') throw each.reason;
  }

  async #openPorts(): Promise<readonly number[]> {
    const host = this.config.bindHost;
    const { port } = this.#settings;
    const ports = await openListeners(this.#startPool(), {
      host,
      port,
      portIsFixed: this.config.portIsFixed ?? false,
      portCount: this.#settings.portCount,
    });
    if (port !== 0 && ports[0] !== port) this.note(`port ${port} is taken: listening on ${ports[0] ?? 0} instead`);
    this.emit({ type: 'listening', host: host ?? '::', port: ports[0] ?? 0, ports });
    return ports;
  }

  async #reopenPorts(hostIndex: number): Promise<void> {
    try {
      const ports = await this.#listening;
      if (ports) await reopenListeners(this.#startPool(), hostIndex, { host: this.config.bindHost, ports });
    } catch (error) {
      if (this.signal.aborted) return;
      this.note(`peers cannot reach us any more: ${toErrorValue(error).message}`);
    }
  }

  #startReporter(): void {
    this.#reporter ??= new RunReporter(this.store(), () => [...this.#active, ...this.#others]);
  }

  #startPool(): WorkerPool {
    this.signal.throwIfAborted();
    this.#pool ??= new WorkerPool({
      threads: this.#settings.workerThreads,
      memoryMiB: checkOption('memoryMiB', this.config.memoryMiB),
      openFiles: checkOption('openFiles', this.config.openFiles),
      hashPluginUrls: this.#hashPluginUrls,
      client: CLIENT,
      localAddress: sourceAddress(this.config.bindHost),
      uploadLimitBytesPerSec: this.config.uploadLimitBytesPerSec,
      downloadLimitBytesPerSec: this.config.downloadLimitBytesPerSec,
      onMessage: (hostIndex, message) => {
        this.#handleMessage(hostIndex, message);
      },
      onBatchEnd: () => {
        for (const session of this.#sessions.values()) session.settle();
      },
      onHostLost: (hostIndex, error) => {
        this.note(`a worker thread died and was started again: ${error.message}`);
        for (const session of this.#sessions.values()) session.handleHostLost(hostIndex);
        void this.#reopenPorts(hostIndex);
      },
    });
    return this.#pool;
  }

  #handleMessage(hostIndex: number, message: FromWorker): void {
    if (message.type === 'reply') return;
    this.#sessions.get(message.torrentId)?.handleMessage(hostIndex, message);
  }
}

function newPeerId(): PeerId {
  return createPeerId(randomBytes(20), PACKAGE_VERSION);
}
