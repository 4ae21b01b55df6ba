/** What the swarm knows of one admitted connection. State only: the decisions are made elsewhere. */
import type { PieceIndex } from '../metainfo/piece-layout.js';
import type { PeerAddress, PeerId } from '../protocol/peer-address.js';
import { clientNameOf } from '../protocol/peer-id.js';
import type { PeerSource } from './peer-source.js';
import type { ExchangeablePeer } from './peer-exchange.js';
import type { PieceSet } from './piece-set.js';
import type { LinkMeasure } from './swarm-events.js';

/** Held off for so long after it left us waiting. */
const HOLD_OFF_MS = 10_000;
/** A peer that gave nothing for so long while it was asked is snubbing us (BEP 3, choking). */
export const SNUBBED_AFTER_MS = 20_000;

/** A piece that a link fetches. Pieces that became a link's together share one. */
export interface Assignment {
  readonly sizeBytes: number;
  /** When it became this link's. */
  readonly sinceMs: number;
  /** It was asked back, and `piece-released` has not come yet. */
  readonly isReleasing: boolean;
}

export class SwarmLink {
  readonly linkId: number;
  readonly address: PeerAddress;
  readonly incoming: boolean;
  readonly blameKey: string;
  readonly admittedMs: number;
  /** The URL of a web seed (BEP 19), as people may see it: a server that has everything, chokes nobody and is told nothing. */
  readonly webSeed: string | undefined;
  source: PeerSource;
  /** Where it accepts connections, once known. */
  listenAddress: PeerAddress | undefined;
  client: string;
  uploadOnly = false;
  /** Undefined until the peer said what it has. */
  pieces: PieceSet | undefined;
  amChoking = true;
  amInterested = false;
  peerChoking = true;
  peerInterested = false;
  /** `close` was said; only what its worker still has to report counts. */
  isClosing = false;
  /** Since when neither side needs the other. */
  uselessSinceMs: number | undefined;
  measure: LinkMeasure;
  /** In the order of fetching. */
  readonly assigned = new Map<PieceIndex, Assignment>();
  /** Bytes of the assigned pieces, without those that are being released. */
  assignedBytes = 0;
  /** Pieces of other links that this one helps with, with the time since when. */
  readonly helping = new Map<PieceIndex, number>();
  lastPicked: PieceIndex | undefined;
  /** Pieces that the peer serves though it chokes us, and those that it would like to serve (BEP 6); bounded by the worker. */
  readonly allowedFast = new Set<PieceIndex>();
  readonly suggested = new Set<PieceIndex>();
  isSnubbed = false;
  #startMs: number | undefined;
  #lastDoneMs = 0;
  #doneBytes = 0;
  #heldOffUntilMs = 0;
  #shortestRoundTripMs = Infinity;

  constructor(options: {
    readonly linkId: number;
    readonly address: PeerAddress;
    readonly incoming: boolean;
    /** Undefined for a web seed. */
    readonly peerId: PeerId | undefined;
    readonly blameKey: string;
    readonly admittedMs: number;
    readonly webSeed?: string;
  }) {
    this.linkId = options.linkId;
    this.address = options.address;
    this.incoming = options.incoming;
    this.webSeed = options.webSeed;
    this.client = options.peerId === undefined ? '' : clientNameOf(options.peerId);
    this.source = options.webSeed === undefined ? 'incoming' : 'web-seed';
    const isDialledPeer = !options.incoming && options.webSeed === undefined;
    this.listenAddress = isDialledPeer ? options.address : undefined;
    this.blameKey = options.blameKey;
    this.admittedMs = options.admittedMs;
    this.measure = { ...NOTHING_MEASURED, linkId: options.linkId };
  }

  get downBytesPerSec(): number {
    return this.measure.downBytesPerSec;
  }

  get upBytesPerSec(): number {
    return this.measure.upBytesPerSec;
  }

  /**
   * The shortest round trip since the peer unchoked us: what the network takes. The mean also holds the time that our
   * own requests wait in the peer's queue; supply by that, and the queue grows, and the mean with it, without end.
   */
  get roundTripMs(): number {
    return this.#shortestRoundTripMs === Infinity ? 0 : this.#shortestRoundTripMs;
  }

  /** Whether neither end wants anything, as far as the peer told. */
  get isSeed(): boolean {
    return this.uploadOnly || this.pieces?.isFull === true;
  }

  /** Whether nothing is fetched or sent, so that little would be lost with it. */
  get isIdle(): boolean {
    return this.assigned.size === 0 && this.downBytesPerSec === 0 && this.upBytesPerSec === 0;
  }

  /** Bytes of pieces that this link finished since it was unchoked. */
  get doneBytes(): number {
    return this.#doneBytes;
  }

  /** Since when, after it was unchoked, it has had something to fetch. */
  get startMs(): number | undefined {
    return this.#startMs;
  }

  /** What others may be told of it (BEP 11); undefined while nobody knows where it listens, or when it goes. */
  get exchangeable(): ExchangeablePeer | undefined {
    const { linkId, listenAddress, isSeed, incoming } = this;
    return listenAddress && !this.isClosing ? { linkId, listenAddress, isSeed, isReachable: !incoming } : undefined;
  }

  canFetch(nowMs: number): boolean {
    return this.amInterested && !this.peerChoking && !this.isClosing && nowMs >= this.#heldOffUntilMs;
  }

  /** Whether it may fetch what is allowed while the peer chokes us. */
  canFetchFast(nowMs: number): boolean {
    const isWilling = this.amInterested && !this.isClosing && nowMs >= this.#heldOffUntilMs;
    return isWilling && this.peerChoking && this.allowedFast.size > 0;
  }

  /** It may fetch: nothing is known of how fast it will be this time. */
  handleUnchoked(): void {
    this.peerChoking = false;
    this.#startMs = undefined;
    this.#doneBytes = 0;
    this.#shortestRoundTripMs = Infinity;
  }

  handleMeasure(measure: LinkMeasure): void {
    if (measure.downTotalBytes > this.measure.downTotalBytes) this.isSnubbed = false;
    this.measure = measure;
    if (measure.roundTripMs > 0) this.#shortestRoundTripMs = Math.min(this.#shortestRoundTripMs, measure.roundTripMs);
  }

  /** It left us waiting: nothing new for a while, whatever it says. */
  holdOff(nowMs: number): void {
    this.isSnubbed = true;
    this.#heldOffUntilMs = nowMs + HOLD_OFF_MS;
  }

  /** @param like the assignment of a piece of the same length that became this link's now */
  addAssignment(pieceIndex: PieceIndex, sizeBytes: number, nowMs: number, like?: Assignment): Assignment {
    this.#startMs ??= nowMs;
    const assignment = like?.sizeBytes === sizeBytes ? like : { sizeBytes, sinceMs: nowMs, isReleasing: false };
    this.assigned.set(pieceIndex, assignment);
    this.assignedBytes += sizeBytes;
    this.lastPicked = pieceIndex;
    return assignment;
  }

  /** The piece was asked back: what it holds up does not count any more. */
  markReleasing(pieceIndex: PieceIndex): void {
    const assignment = this.assigned.get(pieceIndex);
    if (!assignment || assignment.isReleasing) return;
    this.assigned.set(pieceIndex, { ...assignment, isReleasing: true });
    this.assignedBytes -= assignment.sizeBytes;
  }

  /** The piece that was asked back stays. */
  unmarkReleasing(pieceIndex: PieceIndex): void {
    const assignment = this.assigned.get(pieceIndex);
    if (!assignment?.isReleasing) return;
    this.assigned.set(pieceIndex, { ...assignment, isReleasing: false });
    this.assignedBytes += assignment.sizeBytes;
  }

  /** The piece is not this link's any more. */
  removeAssignment(pieceIndex: PieceIndex): void {
    const assignment = this.assigned.get(pieceIndex);
    if (!assignment) return;
    this.assigned.delete(pieceIndex);
    if (!assignment.isReleasing) this.assignedBytes -= assignment.sizeBytes;
  }

  /** The piece was fetched by this link. */
  noteDone(sizeBytes: number, nowMs: number): void {
    this.#doneBytes += sizeBytes;
    this.#lastDoneMs = nowMs;
  }

  /** Assigned bytes that have not come yet: an estimate, since only whole pieces are reported. */
  remainingBytes(nowMs: number): number {
    const [head] = this.assigned.values();
    if (!head || head.isReleasing) return this.assignedBytes;
    const headSinceMs = Math.max(head.sinceMs, this.#lastDoneMs);
    const cameBytes = (this.downBytesPerSec * (nowMs - headSinceMs)) / 1000;
    return this.assignedBytes - Math.min(cameBytes, head.sizeBytes);
  }
}

const NOTHING_MEASURED: LinkMeasure = {
  linkId: -1,
  downBytesPerSec: 0,
  upBytesPerSec: 0,
  downTotalBytes: 0,
  upTotalBytes: 0,
  roundTripMs: 0,
  inFlightBytes: 0,
  stalledMs: 0,
};
