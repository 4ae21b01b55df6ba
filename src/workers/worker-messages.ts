/**
 * The inner contract between the main thread and the worker threads. Only these values cross a thread border; payload
 * never does. Each side collects what it has to say and posts one array a turn of its event loop (see MessageBatch).
 *
 * What concerns one link are the events and actions of `swarm/` themselves, so that the engine hands them on unread.
 */
import type { ErrorValue } from '../errors.js';
import type { PieceIndex } from '../metainfo/piece-layout.js';
import type { MetadataAction, MetadataLinkEvent } from '../swarm/metadata-events.js';
import type { PeerAddress } from '../protocol/peer-address.js';
import type { LinkMeasure, SwarmAction, SwarmEvent } from '../swarm/swarm-events.js';

/** What a host task is started with. */
export interface HostConfig {
  /** 0 to hostCount − 1. */
  readonly hostIndex: number;
  readonly hostCount: number;
  /** It takes the place of a thread that died: what that one wrote is not flushed. */
  readonly isReplacement: boolean;
  /** Modules of hash plugins, as file URLs. */
  readonly hashPluginUrls: readonly string[];
  /** This thread's share of the memory for blocks. */
  readonly memoryBytes: number;
  readonly openFiles: number;
  /** Shared token buckets, see SharedTokenBucket. */
  readonly uploadBucket: SharedArrayBuffer;
  readonly downloadBucket: SharedArrayBuffer;
  /** Told to peers in the extension handshake. */
  readonly client: string;
  /** Local address to dial from; the system's choice when undefined. */
  readonly localAddress: string | undefined;
}

/** A torrent as the workers need it. Sent to every worker; digests and bits lie in shared memory. */
export interface TorrentSetup {
  /** Names the torrent within the process. */
  readonly torrentId: number;
  /** 20 bytes. */
  readonly infoHash: Uint8Array;
  /** 20 bytes. */
  readonly peerId: Uint8Array;
  readonly pieceLengthBytes: number;
  readonly files: readonly TorrentFile[];
  /** For each file the part of its URL behind a web seed's base, see `webSeedPaths`; empty without web seeds. */
  readonly webPaths: readonly string[];
  /** Algorithm name and all piece digests, over shared memory. */
  readonly digests: readonly (readonly [string, Uint8Array])[];
  readonly verifyWith: string | undefined;
  /** What may be served: verified and not masked. Set by the main thread, read by the workers. */
  readonly offered: SharedArrayBuffer;
  /** Whether missing pieces are fetched; a seeder opens its files for reading only. */
  readonly writes: boolean;
  /** BEP 21: this run wants nothing. */
  readonly uploadOnly: boolean;
  /** Ports to tell peers: the announced one, then those of `--port-count`. */
  readonly listenPorts: readonly number[];
  /** Length of the info dictionary, for peers that came by a magnet link (BEP 9); undefined when it is not for them. */
  readonly metadataBytes: number | undefined;
  /** Peers are not exchanged (BEP 27). */
  readonly isPrivate: boolean;
  /** UDP port of our DHT node, if the torrent uses it and it listens already. */
  readonly dhtPort: number | undefined;
}

/** A torrent of which only the info hash is known: its metadata is looked for. */
export type MetadataTorrentSetup = Pick<TorrentSetup, 'torrentId' | 'infoHash' | 'peerId' | 'listenPorts'>;

export interface TorrentFile {
  /** Absolute path; undefined for a pad file, which reads as zeros and is never written. */
  readonly path: string | undefined;
  readonly lengthBytes: number;
  /** How many trailing components of `path` belong to the torrent; the folders above them are the user's. */
  readonly depth: number;
  /**
   * How a file looks that is only read, and was right when it looked so. One that looks otherwise is not served: what was
   * read of it is thrown away.
   */
  readonly expected?: { readonly sizeBytes: number; readonly mtimeNs: bigint };
}

/** Swarm actions that a worker performs on the links of a torrent. */
type TradeAction = Extract<
  SwarmAction,
  {
    readonly type:
      | 'dial'
      | 'open-web-seed'
      | 'admit'
      | 'show'
      | 'close'
      | 'choke'
      | 'unchoke'
      | 'interested'
      | 'not-interested'
      | 'fetch-piece'
      | 'help-piece'
      | 'release-piece'
      | 'exchange-peers';
  }
>;

/** What a worker performs on its links. */
export type LinkAction = TradeAction | Extract<MetadataAction, { readonly type: 'fetch-metadata' }>;

export type ToWorker =
  | { readonly type: 'add-torrent'; readonly torrent: TorrentSetup }
  | { readonly type: 'add-metadata-torrent'; readonly torrent: MetadataTorrentSetup }
  | {
      readonly type: 'link';
      readonly torrentId: number;
      readonly action: LinkAction;
      /** With `fetch-piece` and `help-piece` of pieces of several blocks: see BlockClaims. */
      readonly claims?: SharedArrayBuffer;
    }
  /** Tell every peer of the torrent in this worker. The bits in `offered` are set already. */
  | { readonly type: 'haves'; readonly torrentId: number; readonly pieceIndices: readonly PieceIndex[] }
  /** Tell every peer that these are not there any more. The bits in `offered` are clear already. */
  | { readonly type: 'dont-haves'; readonly torrentId: number; readonly pieceIndices: readonly PieceIndex[] }
  /** A helper in another worker has put blocks of a piece on disk: do not fetch them again. */
  | { readonly type: 'ferried'; readonly torrentId: number; readonly ferried: FerriedBlocks }
  /** The files lie under new paths now, or look different, and are only read; this end wants nothing any more (BEP 21). */
  | { readonly type: 'completed'; readonly torrentId: number; readonly files: readonly TorrentFile[] }
  /** Answers `metadata-wanted`: the info dictionary, over shared memory. */
  | { readonly type: 'metadata'; readonly torrentId: number; readonly bytes: Uint8Array }
  /** Our DHT node listens: peers that have one are told (BEP 5). */
  | { readonly type: 'dht-port'; readonly torrentId: number; readonly port: number }
  | Request<'listen', { readonly host: string | undefined; readonly port: number }>
  /** Flushes what this worker wrote to the torrent's files (fdatasync). */
  | Request<'sync-files', { readonly torrentId: number }>
  /** Flushes and closes the torrent's files, to be renamed; uploads wait until `completed`. */
  | Request<'close-files', { readonly torrentId: number }>
  /** Closes the torrent's links, then its files. Answers when nothing of it is left. */
  | Request<'remove-torrent', { readonly torrentId: number }>
  | { readonly type: 'stop' };

/** A message that is answered by a `reply` with the same `requestId`. */
type Request<Type extends string, Fields> = { readonly type: Type; readonly requestId: number } & Fields;

export interface FerriedBlocks {
  readonly pieceIndex: PieceIndex;
  /** Link that holds the piece. */
  readonly ownerLinkId: number;
  /** Block numbers. */
  readonly blocks: readonly number[];
  /** Blame key of the helper. */
  readonly source: string;
}

export type FromWorker =
  | { readonly type: 'swarm'; readonly torrentId: number; readonly event: SwarmEvent }
  | { readonly type: 'metadata-link'; readonly torrentId: number; readonly event: MetadataLinkEvent }
  | {
      readonly type: 'measured';
      readonly torrentId: number;
      readonly measures: readonly LinkMeasure[];
      /** The memory for blocks is used up by what is being written. */
      readonly waitsForDisk: boolean;
    }
  | { readonly type: 'ferried'; readonly torrentId: number; readonly ferried: FerriedBlocks }
  /** The digests of the torrent disagree about bytes that one of them accepts. */
  | {
      readonly type: 'contradiction';
      readonly torrentId: number;
      readonly pieceIndex: PieceIndex;
      readonly holds: readonly string[];
      readonly fails: readonly string[];
    }
  /** A peer asks for the info dictionary, which this worker has not got yet. */
  | { readonly type: 'metadata-wanted'; readonly torrentId: number }
  /** Payload that nobody asked for, or that came twice. */
  | { readonly type: 'wasted'; readonly torrentId: number; readonly bytes: number }
  /** A peer told where its DHT node is (BEP 5). */
  | { readonly type: 'dht-node'; readonly torrentId: number; readonly address: PeerAddress }
  /** A file could not be read or written. `serving`: only an upload was hit. */
  | { readonly type: 'disk-failed'; readonly torrentId: number; readonly serving: boolean; readonly error: ErrorValue }
  | { readonly type: 'reply'; readonly requestId: number; readonly value?: number; readonly error?: ErrorValue };

/** A short task: hash whole pieces of files. */
export interface HashTask {
  readonly type: 'hash-pieces';
  readonly hashPluginUrls: readonly string[];
  readonly pieceLengthBytes: number;
  readonly files: readonly TorrentFile[];
  /** Pieces from `firstPiece` up to but not including `endPiece`. */
  readonly firstPiece: number;
  readonly endPiece: number;
  readonly algorithms: readonly string[];
  /** Whether reads may hold up the thread, since it holds no links. */
  readonly mayBlock: boolean;
}

export interface HashTaskResult {
  /** For each algorithm the digests of the task's pieces, concatenated; zeros for a piece that was not readable. */
  readonly digests: readonly Uint8Array[];
  /** Pieces that could not be read whole: a file is absent, shorter, or refuses. */
  readonly unreadable: readonly number[];
}

export interface HostTask {
  readonly type: 'host';
  readonly config: HostConfig;
  /** A transferred MessagePort. */
  readonly port: unknown;
}

/** A short task: move a database's log into the database (see checkpointDatabase). */
export interface CheckpointTask {
  readonly type: 'checkpoint';
  readonly databasePath: string;
}

export type WorkerTask = HostTask | HashTask | CheckpointTask;

/** How a task ended; a rejection would lose class, code and details of the error on its way. */
export type TaskOutcome =
  { readonly value: HashTaskResult | undefined } | { readonly error: ErrorValue; readonly threadId: number };
