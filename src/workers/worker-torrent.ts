/** One torrent in one worker: its files, its links, the pieces that are being put together. */
import type { HashRegistry } from '../hashing/hash-registry.js';
import { PieceVerifier } from '../hashing/piece-verifier.js';
import { PieceLayout, type PieceIndex } from '../metainfo/piece-layout.js';
import { Bitfield } from '../protocol/bitfield.js';
import type { CloseReason, LinkMeasure } from '../swarm/swarm-events.js';
import type { BufferPool } from './buffer-pool.js';
import type { FileHandles } from './file-handles.js';
import type { AssemblyTools, PieceAssembly } from './piece-assembly.js';
import { PieceFiles } from './piece-files.js';
import type { PieceRun } from './piece-run.js';
import type { TorrentSetup } from './worker-messages.js';

/** What is said on a torrent's open links all together. */
export interface TorrentTrade {
  finishPiece(pieceIndex: PieceIndex): void;
  /** Blocks of the piece became free again. */
  wakePiece(pieceIndex: PieceIndex): void;
  /** Stops helping with the piece; one that it holds itself stays. */
  stopHelp(pieceIndex: PieceIndex): void;
  sendHaves(pieceIndices: readonly PieceIndex[]): void;
  /** Takes back what was said of these pieces. */
  sendDontHaves(pieceIndices: readonly PieceIndex[]): void;
  sendUploadOnly(): void;
  /** Tells where our DHT node is. */
  sendDhtPort(): void;
  measure(nowMs: number): LinkMeasure;
}

/** A connection of a torrent. */
export interface TorrentLink {
  /** Undefined while it is not admitted. */
  readonly trade: TorrentTrade | undefined;
  close(reason: CloseReason, message: string): void;
  /** Resolves when all pieces of a closed link are given back. */
  settled(): Promise<void>;
}

export class WorkerTorrent {
  readonly setup: TorrentSetup;
  readonly layout: PieceLayout;
  /** What may be served; the main thread sets the bits. */
  readonly offered: Bitfield;
  readonly tools: AssemblyTools;
  readonly links = new Set<TorrentLink>();
  /** Pieces that closed links are still giving back: they write files. */
  readonly returning = new Set<Promise<void>>();
  /** Pieces that links of this worker hold. */
  readonly assemblies = new Map<PieceIndex, PieceAssembly>();
  /** Runs of small pieces that links of this worker hold. */
  readonly runs = new Set<PieceRun>();
  uploadOnly: boolean;
  /** UDP port of our DHT node. */
  dhtPort: number | undefined;
  /** The info dictionary, once a peer asked for it: most torrents never need it in a worker. */
  metadata: Uint8Array | undefined;
  isMetadataWanted = false;

  constructor(setup: TorrentSetup, registry: HashRegistry, handles: FileHandles, pool: BufferPool) {
    this.setup = setup;
    this.layout = new PieceLayout(setup.pieceLengthBytes, setup.files);
    this.offered = new Bitfield(this.layout.pieceCount, new Uint8Array(setup.offered));
    this.uploadOnly = setup.uploadOnly;
    this.dhtPort = setup.dhtPort;
    const digests = new Map(setup.digests);
    const verifyWith = setup.verifyWith;
    this.tools = {
      layout: this.layout,
      files: new PieceFiles(this.layout, setup.files, setup.writes, handles),
      verifier: new PieceVerifier({ digests, registry, ...(verifyWith === undefined ? {} : { verifyWith }) }),
      pool,
    };
  }

  /** A link is closed; until its pieces are given back it may still write. */
  handleClosed(link: TorrentLink): void {
    this.links.delete(link);
    const returning: Promise<void> = link.settled().finally(() => this.returning.delete(returning));
    this.returning.add(returning);
  }
}
