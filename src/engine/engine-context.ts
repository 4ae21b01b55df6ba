/** What all transfers of a process share, as those who start one see it. */
import type { HashRegistry } from '../hashing/hash-registry.js';
import { OptionError } from '../errors.js';
import { escapeText } from '../metainfo/escape-text.js';
import { isTrackerUrl } from '../metainfo/trackers.js';
import { isWebSeedUrl, MAX_WEB_SEEDS } from '../metainfo/web-seeds.js';
import type { PeerId } from '../protocol/peer-address.js';
import type { WorkerPool } from '../workers/worker-pool.js';
import type { AnnounceGate } from './announce-gate.js';
import type { CopyRecorder } from './copy-recorder.js';
import type { MetadataSession, MetadataSessionOptions } from './metadata-session.js';
import type { EngineConfig, EngineEvent, HashProgress, Transfer } from './engine-types.js';
import type { ReportedTransfer } from './run-reporter.js';
import type { StateStore } from './state-store.js';
import type { SessionOptions, TorrentSession } from './torrent-session.js';

/** What hashing needs. */
export interface HashTools {
  readonly pool: WorkerPool;
  readonly registry: HashRegistry;
  readonly hashPluginUrls: readonly string[];
}

/** Session settings that are the same for all torrents of the process. */
type SharedSettings =
  | 'torrentId'
  | 'peerId'
  | 'uploadSlots'
  | 'maxPeers'
  | 'usesWebSeeds'
  | 'superSeeds'
  | 'verifyWith'
  | 'downloadLimitBytesPerSec'
  | 'pool'
  | 'announceGate'
  | 'localAddress'
  | 'trackerClient'
  | 'finding'
  | 'usesDht'
  | 'nextLinkId'
  | 'onEvent'
  | 'onStopped';

/** What a session is made of; one that goes on where another began keeps its peer id. */
export type SessionRequest = Omit<SessionOptions, SharedSettings> & { readonly peerId?: PeerId };

/** What a search for metadata is made of. */
export type MetadataRequest = Pick<MetadataSessionOptions, 'infoHash' | 'trackerTiers' | 'peers' | 'listenPorts'>;

/** A transfer as the engine keeps it. */
export interface ActiveTransfer extends Transfer {
  readonly copy: CopyRecorder;
  /** Leaves the swarm; idempotent. */
  stop(): Promise<void>;
}

export interface EngineContext {
  readonly config: EngineConfig;
  readonly registry: HashRegistry;
  /** Aborted when the engine closes, with the error that whoever waits shall get. */
  readonly signal: AbortSignal;
  /** @throws {P2P_ENGINE_CLOSED} as all that follow */
  hashTools(): HashTools;
  /** Opened when first needed. */
  store(): StateStore;
  /** Opens the ports when first needed. @returns them, the announced one first */
  listen(): Promise<readonly number[]>;
  /** The session hears of its torrent in the workers from now on until it has stopped. */
  makeSession(request: SessionRequest): TorrentSession;
  /** The same for a search, which is to be started and stopped by who asked for it. */
  searchMetadata(request: MetadataRequest): MetadataSession;
  /** For requests to trackers beside announces. */
  readonly announceGate: AnnounceGate;
  register(transfer: ActiveTransfer): void;
  /** Has other processes told how this stands, though it is no transfer. @returns what ends that */
  report(what: ReportedTransfer): () => void;
  /** The transfer needs nothing any more. */
  unregister(transfer: ActiveTransfer): void;
  emit(event: EngineEvent): void;
  note(message: string): void;
  /** Tells of hashing under a name. */
  hashing(name: string): HashProgress;
}

/** @throws {P2P_OPTION_INVALID} naming the first that is no announce URL */
export function checkTrackers(trackers: readonly string[]): void {
  const wrong = trackers.find((url) => !isTrackerUrl(url));
  if (wrong === undefined) return;
  throw new OptionError(`'${wrong}' is not a tracker URL; write for example http://192.168.1.5:9999/announce`, {
    url: wrong,
  });
}

/**
 * The URLs without repeats.
 * @throws {P2P_OPTION_INVALID} naming the first that is no web seed's, or saying that there are too many
 */
export function checkWebSeeds(urls: readonly string[]): string[] {
  const wrong = urls.find((url) => !isWebSeedUrl(url));
  if (wrong !== undefined) {
    const message = `'${escapeText(wrong)}' is not the URL of a web seed; write for example https://example.org/files/`;
    throw new OptionError(message, { url: wrong });
  }
  const webSeeds = [...new Set(urls)];
  if (webSeeds.length <= MAX_WEB_SEEDS) return webSeeds;
  throw new OptionError(`${webSeeds.length} web seeds are more than the ${MAX_WEB_SEEDS} that a torrent may have`);
}
