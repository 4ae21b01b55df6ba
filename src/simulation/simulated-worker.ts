/**
 * What a worker thread does with the connections of one peer, as a model: requests in a pipeline, blocks gathered
 * into pieces, pieces judged, requests served. Bytes are only counted.
 */
import type { PieceIndex, PieceLayout } from '../metainfo/piece-layout.js';
import type { PeerAddress, PeerId } from '../protocol/peer-address.js';
import { piecesOf } from '../swarm/pieces-of.js';
import { RateMeter } from '../swarm/rate-meter.js';
import type { CloseReason, LinkMeasure, SwarmAction, SwarmEvent } from '../swarm/swarm-events.js';
import { PieceBuffer } from './piece-buffer.js';
import type { ConnectionEnd, SimulatedBlock, SimulatedMessage } from './simulated-network.js';
import type { VirtualClock } from './virtual-clock.js';

const LEAST_REQUESTS = 4;
const MOST_REQUESTS = 250;
const BLOCK_BYTES = 16_384;

export interface SimulatedWorkerOptions {
  readonly clock: VirtualClock;
  readonly layout: PieceLayout;
  readonly peerId: PeerId;
  readonly listenPort: number;
  readonly uploadOnly: () => boolean;
  /** A copy of the bits of what we own. */
  readonly ownedBits: () => Uint8Array;
  readonly owns: (pieceIndex: number) => boolean;
  /** Whether the next block that is sent is a lie. */
  readonly lies: () => boolean;
  readonly notify: (event: SwarmEvent) => void;
}

/** Totals of a peer's whole life, over its links. */
export interface TransferTotals {
  downBytes: number;
  upBytes: number;
  /** Blocks that came twice or for nobody. */
  wastedBytes: number;
  /** Longest time without a block. */
  longestGapMs: number;
}

interface WorkerLink {
  readonly linkId: number;
  readonly end: ConnectionEnd;
  readonly address: PeerAddress;
  readonly incoming: boolean;
  blameKey: string;
  isAdmitted: boolean;
  /** It was told that we have nothing: what it asks for is reported. */
  isShownPieces: boolean;
  lastAsked: number;
  isChokingPeer: boolean;
  isChoked: boolean;
  readonly fetching: Set<PieceIndex>;
  readonly helping: Set<PieceIndex>;
  /** Blocks asked for, by piece and block, with the time. */
  readonly asked: Map<string, number>;
  /** What the peer said before it was admitted. */
  readonly early: SimulatedMessage[];
  readonly down: RateMeter;
  readonly up: RateMeter;
  downTotalBytes: number;
  upTotalBytes: number;
  roundTripMs: number;
  shortestRoundTripMs: number;
  lastPayloadMs: number;
}

export class SimulatedWorker {
  readonly totals: TransferTotals = { downBytes: 0, upBytes: 0, wastedBytes: 0, longestGapMs: 0 };
  readonly #options: SimulatedWorkerOptions;
  readonly #links = new Map<number, WorkerLink>();
  readonly #buffers = new Map<PieceIndex, PieceBuffer>();
  /** Bad blocks of unfinished pieces on disk. */
  readonly #badOnDisk = new Map<PieceIndex, ReadonlySet<number>>();
  #lastBlockMs: number;

  constructor(options: SimulatedWorkerOptions) {
    this.#options = options;
    this.#lastBlockMs = options.clock.nowMs;
  }

  get linkCount(): number {
    return this.#links.size;
  }

  /** A connection is there: the dialler speaks first, the other side answers. */
  addConnection(linkId: number, end: ConnectionEnd, address: PeerAddress, incoming: boolean): void {
    const link: WorkerLink = {
      linkId,
      end,
      address,
      incoming,
      blameKey: '',
      isAdmitted: false,
      isShownPieces: false,
      lastAsked: -1,
      isChokingPeer: true,
      isChoked: true,
      fetching: new Set(),
      helping: new Set(),
      asked: new Map(),
      early: [],
      down: new RateMeter(),
      up: new RateMeter(),
      downTotalBytes: 0,
      upTotalBytes: 0,
      roundTripMs: 0,
      shortestRoundTripMs: Infinity,
      lastPayloadMs: 0,
    };
    this.#links.set(linkId, link);
    end.user = {
      handleMessage: (message) => this.#handleMessage(link, message),
      handleClosed: () => this.#end(link, 'lost'),
      handleSent: (block) => this.#handleSent(link, block),
    };
    if (!incoming) end.send({ type: 'handshake', peerId: this.#options.peerId });
  }

  /** Does what the swarm decided. */
  perform(action: SwarmAction): void {
    if (action.type === 'broadcast-have') return this.#broadcast([...piecesOf(action)]);
    if (!('linkId' in action)) return;
    const link = this.#links.get(action.linkId);
    if (!link) return;
    switch (action.type) {
      case 'admit':
        return this.#admit(link, action.blameKey, action.showsNothing === true);
      case 'show':
        return link.end.send({ type: 'have', pieceIndices: action.pieceIndices });
      case 'close':
        link.end.close();
        return this.#end(link, 'ours');
      case 'choke':
        link.isChokingPeer = true;
        link.end.dropBlocks();
        return link.end.send({ type: 'choke' });
      case 'unchoke':
        link.isChokingPeer = false;
        return link.end.send({ type: 'unchoke' });
      case 'interested':
      case 'not-interested':
        return link.end.send({ type: action.type });
      case 'fetch-piece':
        for (const pieceIndex of piecesOf(action)) this.#fetch(link, { ...action, pieceIndex });
        return;
      case 'help-piece':
        return this.#help(link, action.pieceIndex);
      case 'release-piece':
        return this.#release(link, action.pieceIndex, action.ifUntouched);
      default:
    }
  }

  /** Rates and queues of all links, as workers report them. */
  measure(): readonly LinkMeasure[] {
    const nowMs = this.#options.clock.nowMs;
    return [...this.#links.values()].filter((link) => link.isAdmitted).map((link) => measureOf(link, nowMs));
  }

  /** The machine is switched off: connections end without a word to our own swarm. */
  crash(): void {
    for (const link of this.#links.values()) {
      link.end.user = undefined;
      link.end.close();
    }
    this.#links.clear();
  }

  #admit(link: WorkerLink, blameKey: string, showsNothing: boolean): void {
    link.blameKey = blameKey;
    link.isShownPieces = showsNothing;
    link.isAdmitted = true;
    const { listenPort, peerId } = this.#options;
    if (link.incoming) link.end.send({ type: 'handshake', peerId });
    link.end.send({ type: 'extended', listenPort, uploadOnly: this.#options.uploadOnly() });
    const bits = this.#options.ownedBits();
    link.end.send({ type: 'bitfield', pieces: showsNothing ? new Uint8Array(bits.length) : bits });
    for (const message of link.early.splice(0)) this.#handleMessage(link, message);
  }

  #broadcast(pieceIndices: readonly PieceIndex[]): void {
    const message = { type: 'have', pieceIndices } as const;
    for (const link of this.#links.values()) if (link.isAdmitted) link.end.send(message);
  }

  #fetch(link: WorkerLink, action: Extract<SwarmAction, { type: 'fetch-piece' }>): void {
    const { pieceIndex, partial } = action;
    if (link.isChoked) {
      this.#options.notify({ type: 'piece-released', linkId: link.linkId, pieceIndex, partial });
      return;
    }
    const bad = this.#badOnDisk.get(pieceIndex);
    const buffer = new PieceBuffer({
      ownerLinkId: link.linkId,
      blockCount: this.#options.layout.blockCount(pieceIndex),
      partial,
      evidence: action.evidence,
      isBadOnDisk: (block) => bad?.has(block) === true,
    });
    this.#buffers.set(pieceIndex, buffer);
    link.fetching.add(pieceIndex);
    if (buffer.isComplete) this.#judge(pieceIndex, buffer);
    this.#request(link);
  }

  #help(link: WorkerLink, pieceIndex: PieceIndex): void {
    if (link.isChoked || !this.#buffers.has(pieceIndex)) return this.#endHelp(link, pieceIndex);
    link.helping.add(pieceIndex);
    this.#request(link);
  }

  #endHelp(link: WorkerLink, pieceIndex: PieceIndex): void {
    link.helping.delete(pieceIndex);
    // What it was asked for is the owner's to ask for now.
    const owner = this.#links.get(this.#buffers.get(pieceIndex)?.ownerLinkId ?? -1);
    if (owner) this.#request(owner);
    this.#options.notify({ type: 'piece-released', linkId: link.linkId, pieceIndex, partial: [] });
  }

  /** Gives a piece back, or stops helping; a piece that the link does not have is passed over. */
  #release(link: WorkerLink, pieceIndex: PieceIndex, ifUntouched = false): void {
    if (ifUntouched && link.fetching.has(pieceIndex) && this.#hasAsked(link, pieceIndex)) {
      this.#options.notify({ type: 'piece-kept', linkId: link.linkId, pieceIndex });
      return;
    }
    this.#cancel(link, pieceIndex);
    if (link.helping.has(pieceIndex)) this.#endHelp(link, pieceIndex);
    else if (link.fetching.delete(pieceIndex)) this.#giveBack(link, pieceIndex);
    this.#request(link);
  }

  #hasAsked(link: WorkerLink, pieceIndex: PieceIndex): boolean {
    const blocks = Array.from({ length: this.#options.layout.blockCount(pieceIndex) }, (_, block) => block);
    return blocks.some((block) => link.asked.has(keyOf(pieceIndex, block)));
  }

  #giveBack(link: WorkerLink, pieceIndex: PieceIndex): void {
    const buffer = this.#buffers.get(pieceIndex);
    this.#buffers.delete(pieceIndex);
    if (buffer) this.#badOnDisk.set(pieceIndex, buffer.badBlocks);
    const partial = buffer?.toPartial() ?? [];
    this.#options.notify({ type: 'piece-released', linkId: link.linkId, pieceIndex, partial });
  }

  /** Everything that the link was fetching goes back. */
  #giveAllBack(link: WorkerLink): void {
    link.asked.clear();
    for (const pieceIndex of link.helping) {
      this.#buffers.get(pieceIndex)?.forgetAsked(link.linkId);
      this.#endHelp(link, pieceIndex);
    }
    for (const pieceIndex of link.fetching) this.#giveBack(link, pieceIndex);
    link.fetching.clear();
  }

  #end(link: WorkerLink, reason: CloseReason): void {
    if (!this.#links.delete(link.linkId)) return;
    this.#giveAllBack(link);
    this.#options.notify({ type: 'links-measured', measures: [measureOf(link, this.#options.clock.nowMs)] });
    this.#options.notify({ type: 'link-closed', linkId: link.linkId, reason });
  }

  #handleMessage(link: WorkerLink, message: SimulatedMessage): void {
    const { linkId, address, incoming } = link;
    const { notify } = this.#options;
    if (message.type === 'handshake') {
      notify({ type: 'link-handshaken', linkId, address, incoming, peerId: message.peerId });
      return;
    }
    if (!link.isAdmitted) {
      link.early.push(message);
      return;
    }
    switch (message.type) {
      case 'extended':
        return notify({ ...message, type: 'peer-extended', linkId, client: 'simulated' });
      case 'bitfield':
        return notify({ type: 'peer-has', linkId, pieces: message.pieces });
      case 'have':
        return notify({ type: 'peer-have', linkId, pieceIndices: message.pieceIndices as readonly PieceIndex[] });
      case 'choke':
        link.isChoked = true;
        notify({ type: 'peer-choked', linkId });
        return this.#giveAllBack(link);
      case 'unchoke':
        link.isChoked = false;
        return notify({ type: 'peer-unchoked', linkId });
      case 'interested':
        return notify({ type: 'peer-interested', linkId });
      case 'not-interested':
        return notify({ type: 'peer-not-interested', linkId });
      case 'request':
        return this.#handleRequest(link, message.pieceIndex, message.block);
      case 'cancel':
        return link.end.dropBlock(message.pieceIndex, message.block);
      case 'piece':
        return this.#handleBlock(link, message);
    }
  }

  #handleRequest(link: WorkerLink, index: number, block: number): void {
    const { layout } = this.#options;
    if (link.isChokingPeer || !this.#options.owns(index)) return;
    if (link.isShownPieces && link.lastAsked !== index) {
      link.lastAsked = index;
      this.#options.notify({ type: 'peer-asked', linkId: link.linkId, pieceIndices: [layout.pieceIndex(index)] });
    }
    const sizeBytes = layout.blockSize(layout.pieceIndex(index), block);
    link.end.sendBlock({ type: 'piece', pieceIndex: index, block, sizeBytes, isBad: this.#options.lies() });
  }

  #handleSent(link: WorkerLink, block: SimulatedBlock): void {
    link.up.add(block.sizeBytes, this.#options.clock.nowMs);
    link.upTotalBytes += block.sizeBytes;
    this.totals.upBytes += block.sizeBytes;
  }

  #handleBlock(link: WorkerLink, message: SimulatedBlock): void {
    const { nowMs } = this.#options.clock;
    const pieceIndex = this.#options.layout.pieceIndex(message.pieceIndex);
    this.totals.longestGapMs = Math.max(this.totals.longestGapMs, nowMs - this.#lastBlockMs);
    this.#lastBlockMs = nowMs;
    this.totals.downBytes += message.sizeBytes;
    link.down.add(message.sizeBytes, nowMs);
    link.downTotalBytes += message.sizeBytes;
    link.lastPayloadMs = nowMs;
    const key = keyOf(pieceIndex, message.block);
    const askedMs = link.asked.get(key);
    if (askedMs !== undefined) {
      link.asked.delete(key);
      link.shortestRoundTripMs = Math.min(link.shortestRoundTripMs, nowMs - askedMs);
      link.roundTripMs += (nowMs - askedMs - link.roundTripMs) / (link.roundTripMs === 0 ? 1 : 8);
    }
    const buffer = this.#buffers.get(pieceIndex);
    const isWanted = askedMs !== undefined && buffer?.receive(message.block, link.blameKey, message.isBad);
    if (!isWanted) this.totals.wastedBytes += message.sizeBytes;
    if (buffer?.isComplete) this.#judge(pieceIndex, buffer);
    this.#request(link);
  }

  #judge(pieceIndex: PieceIndex, buffer: PieceBuffer): void {
    const { notify } = this.#options;
    const linkId = buffer.ownerLinkId;
    this.#buffers.delete(pieceIndex);
    this.#badOnDisk.delete(pieceIndex);
    const owner = this.#links.get(linkId);
    owner?.fetching.delete(pieceIndex);
    for (const link of this.#links.values()) this.#cancel(link, pieceIndex);
    if (buffer.isGood) {
      notify({ type: 'piece-verified', linkId, pieceIndex, liars: buffer.liars });
    } else {
      const { contributors } = buffer;
      const evidence = contributors.length > 1 ? { evidence: buffer.toEvidence() } : {};
      notify({ type: 'piece-failed', linkId, pieceIndex, contributors, ...evidence });
    }
    if (owner) this.#request(owner);
  }

  /** Takes back what the link was asked for of a piece. */
  #cancel(link: WorkerLink, pieceIndex: PieceIndex): void {
    if (!link.fetching.has(pieceIndex) && !link.helping.has(pieceIndex) && link.asked.size === 0) return;
    this.#buffers.get(pieceIndex)?.forgetAsked(link.linkId);
    for (let block = 0; block < this.#options.layout.blockCount(pieceIndex); block += 1) {
      if (link.asked.delete(keyOf(pieceIndex, block))) link.end.send({ type: 'cancel', pieceIndex, block });
    }
  }

  /** Keeps the pipeline of a link full. */
  #request(link: WorkerLink): void {
    const { nowMs } = this.#options.clock;
    if (link.isChoked) return;
    if (link.asked.size === 0) link.lastPayloadMs = nowMs;
    const wanted = (link.down.bytesPerSec(nowMs) * Math.min(link.shortestRoundTripMs, 1000) * 2) / 1000 / BLOCK_BYTES;
    const depth = Math.min(Math.max(LEAST_REQUESTS, wanted), MOST_REQUESTS);
    for (const pieceIndex of [...link.fetching, ...link.helping]) {
      const buffer = this.#buffers.get(pieceIndex);
      while (link.asked.size < depth) {
        const block = buffer?.nextBlock(link.linkId);
        if (block === undefined) break;
        buffer?.noteAsked(block, link.linkId);
        link.asked.set(keyOf(pieceIndex, block), nowMs);
        link.end.send({ type: 'request', pieceIndex, block });
      }
      if (link.asked.size >= depth) return;
    }
  }
}

function keyOf(pieceIndex: number, block: number): string {
  return `${pieceIndex}:${block}`;
}

function measureOf(link: WorkerLink, nowMs: number): LinkMeasure {
  return {
    linkId: link.linkId,
    downBytesPerSec: link.down.bytesPerSec(nowMs),
    upBytesPerSec: link.up.bytesPerSec(nowMs),
    downTotalBytes: link.downTotalBytes,
    upTotalBytes: link.upTotalBytes,
    roundTripMs: link.roundTripMs,
    inFlightBytes: link.asked.size * BLOCK_BYTES,
    stalledMs: link.asked.size > 0 ? nowMs - link.lastPayloadMs : 0,
  };
}
