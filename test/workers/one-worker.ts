/** One worker thread's part of a torrent without the thread: links whose peers the test plays, at a time that it sets. */
import { HashRegistry } from '../../src/hashing/hash-registry.js';
import { BLOCK_LENGTH } from '../../src/metainfo/piece-layout.js';
import { Bitfield } from '../../src/protocol/bitfield.js';
import { MessageDecoder } from '../../src/protocol/message-decoder.js';
import { encodeMessage, encodePiece, type SendableMessage } from '../../src/protocol/message-encoder.js';
import type { BlockRange } from '../../src/protocol/messages.js';
import type { PartialPiece, SwarmEvent } from '../../src/swarm/swarm-events.js';
import { BlockClaims } from '../../src/workers/block-claims.js';
import { BlockFerry } from '../../src/workers/block-ferry.js';
import { PeerTrade } from '../../src/workers/peer-trade.js';
import { PieceAssembly } from '../../src/workers/piece-assembly.js';
import { SharedTokenBucket } from '../../src/workers/shared-token-bucket.js';
import type { FromWorker } from '../../src/workers/worker-messages.js';
import { WorkerTorrent } from '../../src/workers/worker-torrent.js';
import type { TorrentOnDisk } from './torrent-on-disk.js';

/** One worker with one torrent, at a time that the test sets. */
export interface Worker {
  readonly disk: TorrentOnDisk;
  readonly torrent: WorkerTorrent;
  readonly emitted: FromWorker[];
  nowMs: number;
  /** A link whose peer has everything and unchokes us, unless told otherwise. */
  link(options?: { fast?: boolean; unchokes?: boolean; superSeeds?: boolean; says?: SendableMessage }): Side;
  /** Gives a piece to a link. */
  fetch(side: FetchingSide, pieceIndex: number, claims?: BlockClaims, partial?: PartialPiece): PieceAssembly;
  /** Lets a link help with a piece of this worker or of another one. */
  help(side: Side, pieceIndex: number, ownerLinkId: number, claims: BlockClaims): void;
  events<Type extends SwarmEvent['type']>(type: Type): Extract<SwarmEvent, { type: Type }>[];
}

/** A link that pieces can be given to. */
export interface FetchingSide {
  readonly linkId: number;
  readonly trade: { fetch(assembly: PieceAssembly, isHelp: boolean): void; pump(): void };
}

/** One link, and its peer as the test plays it. */
export interface Side {
  readonly linkId: number;
  readonly trade: PeerTrade;
  /** What we said since the last look, blocks by number: `request 0:3`. */
  said(): string[];
  readonly isClosed: boolean;
  /** Called at each write of ours. */
  onWrite: (() => void) | undefined;
  hears(message: SendableMessage): void;
  /** Answers a request, right or wrong. */
  answers(pieceIndex: number, block: number, bytes?: Uint8Array): void;
  rejects(pieceIndex: number, block: number): void;
  /** Why the trade ended the connection, if it did. */
  readonly closed: readonly string[];
  close(): Promise<void>;
}

export interface WorkerOptions {
  /** Everything is on disk and offered. */
  readonly offers?: boolean;
  readonly runBlocks?: number;
  /** Its links are numbered from here in steps of two. */
  readonly firstLinkId?: number;
  readonly isPrivate?: boolean;
}

export function aWorker(
  disk: TorrentOnDisk,
  { offers = false, runBlocks = 64, firstLinkId = 2, isPrivate = false }: WorkerOptions = {},
): Worker {
  const offered = Bitfield.shared(disk.layout.pieceCount);
  if (offers) {
    disk.writeAll();
    offered.fill();
  }
  const torrent = new WorkerTorrent(
    {
      torrentId: 1,
      infoHash: new Uint8Array(20),
      peerId: new Uint8Array(20),
      pieceLengthBytes: disk.layout.pieceLengthBytes,
      files: disk.torrentFiles,
      digests: disk.digests,
      webPaths: disk.torrentFiles.map((_, at) => (disk.torrentFiles.length === 1 ? '0.bin' : `album/${at}.bin`)),
      verifyWith: undefined,
      offered: offered.bytes.buffer as SharedArrayBuffer,
      writes: true,
      uploadOnly: false,
      listenPorts: [9000, 9001],
      metadataBytes: undefined,
      isPrivate,
      dhtPort: undefined,
    },
    HashRegistry.builtIn(),
    disk.handles,
    disk.pool,
  );
  // Files that can be held back.
  Object.assign(torrent.tools, { files: disk.files });
  const emitted: FromWorker[] = [];
  const tell = (event: SwarmEvent): void => void emitted.push({ type: 'swarm', torrentId: 1, event });
  const onError = (error: unknown): void => {
    throw error;
  };
  let linkSerial = firstLinkId - 2;
  const worker: Worker = {
    disk,
    torrent,
    emitted,
    nowMs: 1_000,
    link: (options = {}) => aSide((linkSerial += 2), worker, options),
    fetch(side, index, claims, partial = []) {
      const { linkId } = side;
      const pieceIndex = disk.piece(index);
      const assembly = new PieceAssembly({
        tools: torrent.tools,
        pieceIndex,
        ownerLinkId: linkId,
        claims: claims ?? BlockClaims.allocate(disk.layout.blockCount(pieceIndex)),
        partial,
        evidence: undefined,
        runBlocks,
        onSettled: (result) => {
          torrent.assemblies.delete(pieceIndex);
          for (const link of torrent.links) link.trade?.finishPiece(pieceIndex);
          if (result.type === 'verified') tell({ type: 'piece-verified', linkId, pieceIndex });
          else if (result.type === 'failed') tell({ type: 'piece-failed', linkId, pieceIndex, contributors: [] });
          else throw new Error(result.type);
        },
        onError,
      });
      torrent.assemblies.set(pieceIndex, assembly);
      assembly.start();
      side.trade.fetch(assembly, false);
      side.trade.pump();
      return assembly;
    },
    help(side, index, ownerLinkId, claims) {
      const pieceIndex = disk.piece(index);
      const ferry = new BlockFerry({
        tools: torrent.tools,
        pieceIndex,
        ownerLinkId,
        claims,
        onFerried: (blocks, source) => {
          emitted.push({ type: 'ferried', torrentId: 1, ferried: { pieceIndex, ownerLinkId, blocks, source } });
        },
        onError,
      });
      side.trade.fetch(torrent.assemblies.get(pieceIndex) ?? ferry, true);
      side.trade.pump();
    },
    events: (type) =>
      emitted.flatMap((message) =>
        message.type === 'swarm' && message.event.type === type ? [message.event as never] : [],
      ),
  };
  return worker;
}

function aSide(
  linkId: number,
  worker: Worker,
  {
    fast = true,
    unchokes = true,
    superSeeds = false,
    says = { type: 'bitfield', bits: new Uint8Array(Math.ceil(worker.torrent.layout.pieceCount / 8)) },
  }: Parameters<Worker['link']>[0] & object,
): Side {
  const lines: string[] = [];
  const decoder = new MessageDecoder({ pieceCount: worker.torrent.layout.pieceCount });
  const note = (bytes: Uint8Array): void => {
    decoder.push(Uint8Array.from(bytes));
    for (let message = decoder.next(); message; message = decoder.next()) {
      if ('blockOffset' in message)
        lines.push(`${message.type} ${message.pieceIndex}:${message.blockOffset / BLOCK_LENGTH}`);
      else if ('pieceIndex' in message) lines.push(`${message.type} ${message.pieceIndex}`);
      else lines.push(message.type);
    }
  };
  const bucket = SharedTokenBucket.allocate();
  const closed: string[] = [];
  const trade = new PeerTrade({
    linkId,
    host: {
      uploadBucket: new SharedTokenBucket(bucket),
      downloadBucket: new SharedTokenBucket(bucket),
      client: 'p2p/test',
      emit: (message) => worker.emitted.push(message),
      emitLater: (message) => worker.emitted.push(message),
      nowMs: () => worker.nowMs,
    },
    connection: {
      address: { host: '10.0.0.1', port: 9000 },
      write: (bytes) => {
        note(bytes);
        side.onWrite?.();
      },
      writeLarge: (bytes, done) => {
        note(bytes);
        done();
      },
      close: (reason, message) => {
        closed.push(`${reason}: ${message}`);
      },
    },
    torrent: worker.torrent,
    handshake: {
      infoHash: new Uint8Array(20),
      peerId: new Uint8Array(20),
      supportsFast: fast,
      supportsExtended: true,
      supportsDht: false,
    },
    peerHost: '80.4.4.200',
    blameKey: `peer ${linkId}`,
  });
  let isClosed = false;
  let returned: Promise<void> = Promise.resolve();
  const link = {
    get trade() {
      return isClosed ? undefined : trade;
    },
    close: () => undefined,
    settled: () => returned,
  };
  worker.torrent.links.add(link);
  const side: Side = {
    linkId,
    trade,
    closed,
    onWrite: undefined,
    get isClosed() {
      return isClosed;
    },
    said: () => lines.splice(0),
    hears: (message) => {
      trade.readMessages(encodeMessage(message));
    },
    answers(pieceIndex, block, bytes) {
      trade.readMessages(encodePiece(pieceIndex, block * BLOCK_LENGTH, bytes ?? worker.disk.block(pieceIndex, block)));
    },
    rejects: (pieceIndex, block) => {
      side.hears({ type: 'reject', ...range(worker, pieceIndex, block) });
    },
    close() {
      isClosed = true;
      returned = trade.close();
      worker.torrent.handleClosed(link);
      return returned;
    },
  };
  trade.greet(superSeeds);
  side.hears(says);
  if (unchokes) side.hears({ type: 'unchoke' });
  return side;
}

export function range({ disk }: Worker, index: number, block: number): BlockRange {
  return {
    pieceIndex: index,
    blockOffset: block * BLOCK_LENGTH,
    lengthBytes: disk.layout.blockSize(disk.piece(index), block),
  };
}
