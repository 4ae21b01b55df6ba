/** What the engine takes and gives: plain values, shared by commands and by programs that import the package. */
import type { ErrorValue } from '../errors.js';
import type { InfoHash, Metainfo } from '../metainfo/metainfo.js';
import type { SwarmSnapshot } from '../swarm/swarm-snapshot.js';
import type { CatalogueEntry } from '../tracker/catalogue-entry.js';
import type { TrackerScrape } from './scrape-trackers.js';
import type { SeedLimits } from './seed-limits.js';

/** Settings of a process; each defaults to the value in `options.ts`. */
export interface EngineConfig {
  /** Folder of the state database, created when absent. */
  readonly stateDir: string;
  /** Port to listen on; 0 takes any free one. */
  readonly port?: number;
  /** With a fixed port, a taken one is an error; otherwise the next free one is used. */
  readonly portIsFixed?: boolean;
  /** How many ports to open from `port` on, in the workers by turns. */
  readonly portCount?: number;
  /** Local address, IPv4 or IPv6, to listen on, and to reach peers and trackers from; all when left out. */
  readonly bindHost?: string;
  /** Whether to find peers in the local network (BEP 14); off when left out. */
  readonly localDiscovery?: boolean;
  /**
   * Whether to use the DHT (BEP 5), for all torrents that are not private or for none; when left out, for those whose
   * trackers are all outside the local network.
   */
  readonly dht?: boolean;
  /** Where to enter the DHT; the well-known nodes of the public one when left out. */
  readonly dhtBootstrap?: readonly { readonly host: string; readonly port: number }[];
  readonly workerThreads?: number;
  /** Memory for blocks on their way, in MiB, for all threads together. */
  readonly memoryMiB?: number;
  /** Files kept open for each worker thread. */
  readonly openFiles?: number;
  readonly uploadLimitBytesPerSec?: number;
  readonly downloadLimitBytesPerSec?: number;
  readonly uploadSlots?: number;
  readonly maxPeers?: number;
  /** Whether web seeds (BEP 19) of a torrent are fetched from; yes when left out. */
  readonly webSeeds?: boolean;
  /** Whether the only seed of a torrent super-seeds (BEP 16); yes when left out. */
  readonly superSeeding?: boolean;
  /** Modules whose default export is an array of `HashAlgorithm`: package names, paths or file URLs. */
  readonly hashPlugins?: readonly string[];
  /** Algorithm to verify pieces with, or `all`; chosen by the torrent when left out. */
  readonly verifyWith?: string;
  /** Secret for publishing to a tracker's catalogue. */
  readonly token?: string;
  /** Called for each event, on the main thread; must not throw. */
  readonly onEvent?: (event: EngineEvent) => void;
}

/** Things that happen, for a person or a script to see. Progress is not among them: ask `Transfer.snapshot`. */
export type EngineEvent =
  | { readonly type: 'listening'; readonly host: string; readonly port: number; readonly ports: readonly number[] }
  /** Something worth a line that stops nothing: a catalogue that is down, a default port that was taken. */
  | { readonly type: 'note'; readonly message: string }
  /** How the search for a magnet link's metadata goes; the last one of each says how it ended. */
  | {
      readonly type: 'finding-metadata';
      readonly state: 'searching' | 'found' | 'given-up';
      readonly infoHash: string;
      /** As the link has it. */
      readonly name: string | undefined;
      /** Peers that are connected. */
      readonly peers: number;
      readonly receivedBytes: number;
      /** Undefined before a peer was asked. */
      readonly totalBytes: number | undefined;
      /** What keeps a tracker from answering, while nobody ever did. */
      readonly problem: string | undefined;
    }
  | { readonly type: 'hashing'; readonly name: string; readonly doneBytes: number; readonly totalBytes: number }
  | {
      readonly type: 'piece-refused';
      readonly infoHash: string;
      readonly pieceIndex: number;
      /** `address (client)` of each peer that contributed. */
      readonly peers: readonly string[];
    }
  /** A tracker took an announce; the first one means that others can find us now. */
  | {
      readonly type: 'announced';
      readonly infoHash: string;
      readonly url: string;
      readonly seeders: number | undefined;
      readonly leechers: number | undefined;
    }
  /** A copy that was known is taken up again: what was believed, what was hashed, and what is owned then, in pieces. */
  | {
      readonly type: 'resumed';
      readonly infoHash: string;
      readonly name: string;
      readonly pieceCount: number;
      readonly trustedPieces: number;
      readonly hashedPieces: number;
      readonly ownedPieces: number;
    }
  | { readonly type: 'peer-banned'; readonly infoHash: string; readonly peer: string; readonly reason: string }
  /** A web seed does not give what it should. */
  | {
      readonly type: 'web-seed-failed';
      readonly infoHash: string;
      readonly url: string;
      readonly message: string;
      /** When it is tried again; undefined: never. */
      readonly retryInMs: number | undefined;
    }
  /** Every wanted piece is verified and the target has its final name. */
  | { readonly type: 'downloaded'; readonly infoHash: string; readonly name: string; readonly path: string };

/** Where metainfo comes from: see docs/command-line.md, TARGET. */
export interface TargetQuery {
  /** A URL, magnet link, path of a .torrent file, info hash, or catalogue name (`name:` forces that). */
  readonly target: string;
  /** Trackers to ask, as announce URLs; `http://localhost:9999/announce` when neither these nor the target name one. */
  readonly trackers: readonly string[];
}

/** One way to name files of a torrent. */
export type FileChoice =
  /** Compared with paths below the torrent's root; one without a slash with names alone. `!` in front takes away. */
  | { readonly type: 'glob'; readonly glob: string }
  /** Places in the torrent's list of files, from 0, both ends included (BEP 53). */
  | { readonly type: 'range'; readonly first: number; readonly last: number };

export interface ResolvedTarget {
  readonly metainfo: Metainfo;
  /** Tracker tiers to announce to: the given ones first, then the torrent's own. */
  readonly trackerTiers: readonly (readonly string[])[];
  /** Peers named by a magnet link (`x.pe`). */
  readonly peers: readonly { readonly host: string; readonly port: number }[];
  /** Files that a magnet link chooses (`so`), when it does; those of the request come first. */
  readonly files?: readonly FileChoice[];
}

/** Which pieces a seeder pretends not to have in this run. */
export interface MaskRequest {
  /** Piece indices that are not offered. */
  readonly missing?: readonly number[];
  /** Only floor(from·n) ≤ i < floor(to·n) is offered; shares of 0 to 1. */
  readonly from?: number;
  readonly to?: number;
}

export interface SeedRequest extends SeedLimits {
  /** File or folder. */
  readonly path: string;
  /** Serve `path` as this torrent, instead of building one. */
  readonly torrentFile?: string;
  /** With `torrentFile`: believe that all data is there and right. */
  readonly trust?: boolean;
  readonly trackers: readonly string[];
  readonly mask?: MaskRequest;
  readonly pieceLengthBytes?: number;
  /** Algorithm names of the torrent that is built; `blake3`, `sha1` when left out. */
  readonly hashes?: readonly string[];
}

export interface DownloadRequest extends TargetQuery, SeedLimits {
  /** Folder that the file or folder is put into. */
  readonly outputDir: string;
  /** Peers to dial besides those that are found. */
  readonly peers?: readonly { readonly host: string; readonly port: number }[];
  /** Files of a folder that are fetched; all when left out. */
  readonly files?: readonly FileChoice[];
  /** Fetch pieces in order, to play while loading. */
  readonly sequential?: boolean;
  /** Go on seeding when complete. */
  readonly seedAfter?: boolean;
  /** Replace a different target that is already there. */
  readonly force?: boolean;
  /** Milliseconds without a newly verified piece after which the download ends incomplete; never when left out. */
  readonly timeoutMs?: number;
}

/** A copy that the store knows, by its info hash and the absolute path of its data. */
export interface ResumeRequest extends SeedLimits {
  readonly infoHash: string;
  readonly rootPath: string;
  /** Announce URLs beside those that are stored. */
  readonly trackers: readonly string[];
  /** For a download: fetch pieces in order. */
  readonly sequential?: boolean;
  /** For a download: go on seeding when complete. */
  readonly seedAfter?: boolean;
  /** For a download: as `DownloadRequest.timeoutMs`. */
  readonly timeoutMs?: number;
}

export type TransferState =
  'checking' | 'downloading' | 'finishing' | 'seeding' | 'complete' | 'incomplete' | 'failed' | 'stopped';

export interface TransferSnapshot {
  readonly infoHash: string;
  readonly name: string;
  readonly state: TransferState;
  readonly totalBytes: number;
  /** Where the data lies now: the target, or its `.part`. */
  readonly path: string;
  /** Pieces offered to others now: those that are verified and not masked. */
  readonly offeredPieces: number;
  /** Pieces that failed their hash so far. */
  readonly refusedPieces: number;
  /** Payload that arrived although nobody asked, or twice, in bytes. */
  readonly wastedBytes: number;
  /** Whether peers wait because the disk does not take what they send fast enough. */
  readonly waitsForDisk: boolean;
  /** What this process takes from all peers of all transfers together at most; undefined without a limit. */
  readonly downloadLimitBytesPerSec: number | undefined;
  /** Milliseconds to the end at the current rate; undefined when unknown. */
  readonly etaMs: number | undefined;
  readonly swarm: SwarmSnapshot;
}

/** How a transfer ended. */
export interface TransferOutcome {
  readonly state: 'complete' | 'incomplete' | 'failed' | 'stopped';
  /** Present unless complete or stopped by the user. */
  readonly error?: ErrorValue;
  readonly elapsedMs: number;
  readonly snapshot: TransferSnapshot;
}

/** One torrent that this process downloads or seeds. */
export interface Transfer {
  readonly metainfo: Metainfo;
  readonly role: 'seed' | 'download';
  /** How many files of a folder are fetched; undefined when it is one thing. */
  readonly chosenFiles?: number | undefined;
  snapshot(): TransferSnapshot;
  /**
   * Settles once: for a download when it is complete, failed or timed out (a download with `seedAfter` settles when it is
   * complete, and goes on seeding); for a seed when it is stopped or failed. Never rejects.
   */
  readonly finished: Promise<TransferOutcome>;
  /** Settles when this process does nothing for it any more, seeding included. Never rejects. */
  readonly over: Promise<void>;
}

export interface SeedResult {
  readonly transfer: Transfer;
  /** Announce URLs in use. */
  readonly trackers: readonly string[];
  /** The magnet link of the torrent, trackers included. */
  readonly magnet: string;
  /** Whether a catalogue took it, so that others can fetch it by its name. */
  readonly published: boolean;
  /** Wire info hashes of other torrents that the catalogues list under this name: with any, others need the hash. */
  readonly namesakes: readonly string[];
}

export interface CreateRequest {
  readonly path: string;
  readonly trackers: readonly string[];
  readonly pieceLengthBytes?: number;
  readonly hashes?: readonly string[];
  /** URLs of servers that hold the same data (BEP 19). */
  readonly webSeeds?: readonly string[];
  readonly isPrivate?: boolean;
  /** Padding between the files of a folder, so that each begins on the border of a piece (BEP 47). */
  readonly padFiles?: boolean;
  /** Say which files are executable (BEP 47): equal data then makes one torrent only with equal rights. */
  readonly attributes?: boolean;
  readonly comment?: string;
}

export interface CreateResult {
  readonly metainfo: Metainfo;
  /** The .torrent file. */
  readonly bytes: Uint8Array;
  /** Things that a user should know: a 0-byte file that other clients refuse, links that were passed over. */
  readonly notes: readonly string[];
}

export interface VerifyReport {
  readonly pieceCount: number;
  /** Pieces that are wrong or not there, ascending, with the files that each touches. */
  readonly badPieces: readonly { readonly pieceIndex: number; readonly files: readonly string[] }[];
  /** Files that are absent or of another size, with what is wrong. */
  readonly badFiles: readonly { readonly path: string; readonly problem: string }[];
  readonly algorithms: readonly string[];
}

export type { CatalogueEntry };
export type { TrackerScrape };

export interface HashReport {
  readonly name: string;
  readonly implementation: string;
  readonly digestLength: number;
  readonly builtIn: boolean;
  /** One thread, 1 MiB at a time; undefined when not measured. */
  readonly bytesPerSec: number | undefined;
}

/** Called while bytes are hashed. */
export type HashProgress = (doneBytes: number, totalBytes: number) => void;

/**
 * The public API: what commands call, and programs that import the package. Made by `openEngine`.
 * @throws {P2P_ENGINE_CLOSED} from each call that `close` breaks off, or that comes after it
 */
export interface EngineApi {
  /**
   * Builds (or reads) the torrent of a file or folder, publishes it to the trackers' catalogues and serves it.
   * @throws {P2P_PATH_NOT_FOUND} {P2P_PORT_TAKEN} {P2P_PIECE_OUT_OF_RANGE} {P2P_HASH_UNKNOWN} {P2P_METAINFO_INVALID} and others
   */
  seed(request: SeedRequest): Promise<SeedResult>;
  /**
   * Starts a download; resolves when the target is known and what is there of it was checked.
   * @throws {P2P_TARGET_NOT_FOUND} {P2P_TARGET_AMBIGUOUS} {P2P_TARGET_EXISTS} {P2P_DISK_FULL} {P2P_COPY_IN_USE}
   * {P2P_PART_OF_ANOTHER_TORRENT} and others
   */
  download(request: DownloadRequest): Promise<Transfer>;
  /**
   * Takes up a stored copy where it was, with the metainfo and trackers that are stored: an unfinished download is fetched,
   * anything else is seeded.
   * @throws {P2P_TARGET_NOT_FOUND} when the store does not know it, and what `download` and `seed` throw
   */
  resume(request: ResumeRequest): Promise<Transfer>;
  create(request: CreateRequest, onProgress?: HashProgress): Promise<CreateResult>;
  resolve(query: TargetQuery): Promise<ResolvedTarget>;
  /** Hashes `path` and compares; wrong pieces are in the report, not thrown. */
  verify(query: TargetQuery, path: string, onProgress?: HashProgress): Promise<VerifyReport>;
  /** What each tracker says of a swarm (BEP 48); one that does not answer says so in its place. */
  scrape(infoHash: InfoHash, trackers: readonly string[]): Promise<readonly TrackerScrape[]>;
  /** What the trackers' catalogues list. */
  catalogue(trackers: readonly string[]): Promise<readonly CatalogueEntry[]>;
  hashes(measure: boolean): Promise<readonly HashReport[]>;
  /** All that were begun, oldest first, those that are over too. */
  readonly transfers: readonly Transfer[];
  /**
   * Leaves all swarms, tells the trackers (at most 200 ms), ends the threads. A download whose pieces are all verified
   * gets its final name first. Idempotent.
   */
  close(): Promise<void>;
}
