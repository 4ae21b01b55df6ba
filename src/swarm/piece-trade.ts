/**
 * Gives pieces to links and takes them back: keeps every link supplied ahead, lets idle links help slow ones, and
 * sees to it that no two links write the same piece. The states themselves are the ledger's.
 */
import { InvariantError } from '../errors.js';
import { BLOCK_LENGTH, type PieceIndex, type PieceLayout } from '../metainfo/piece-layout.js';
import type { Bitfield } from '../protocol/bitfield.js';
import { planRescue } from './endgame.js';
import { pickInGap } from './gap-picker.js';
import { PieceLedger } from './piece-ledger.js';
import { piecesOf } from './pieces-of.js';
import { PiecePicker } from './piece-picker.js';
import type { PieceSet } from './piece-set.js';
import { SequentialWindow } from './sequential-window.js';
import { fairShareBytes, supplyTarget, webSeedTarget } from './supply-target.js';
import type { FailedPieceEvidence, PartialPiece, PieceRange, SwarmAction } from './swarm-events.js';
import { SNUBBED_AFTER_MS, type Assignment, type SwarmLink } from './swarm-link.js';

/** How long a link that chokes us, or has to close, may keep its pieces before they are asked back. */
const CHOKED_GRACE_MS = 5_000;
/** How long a new connection may take from its admission to its first unchoke. */
const NEWCOMER_MS = 1_000;
/** How long a piece waits for its last helper to let go. */
const HELPERS_GONE_MS = 2_000;
/** A helper that has asked for nothing after this time found nothing to ask for. */
const HELP_SHOWS_MS = 500;

/** Pieces that are asked at once of a peer that chokes us. */
const FAST_AT_ONCE = 2;
/** Small pieces are given when such a part of what a link is supplied ahead is gone: each time costs a message and a write. */
const STEPS_AHEAD = 8;
const NO_BLOCKS: PartialPiece = [];

export interface PieceTradeOptions {
  readonly layout: PieceLayout;
  readonly owned: Bitfield;
  readonly wantsPieces: boolean;
  /** Pieces that are to be fetched; all when left out. */
  readonly wanted?: Bitfield | undefined;
  /** Pieces in order. */
  readonly sequential?: boolean | undefined;
  readonly random: () => number;
  readonly act: (action: SwarmAction) => void;
}

export class PieceTrade {
  readonly ledger: PieceLedger;
  readonly picker: PiecePicker;
  readonly #layout: PieceLayout;
  readonly #wantsPieces: boolean;
  /** Undefined when the order does not matter. */
  readonly #window: SequentialWindow | undefined;
  readonly #random: () => number;
  readonly #act: (action: SwarmAction) => void;
  readonly #links = new Map<number, SwarmLink>();
  /** To be looked at: something happened to them. */
  readonly #dirty = new Set<SwarmLink>();
  /** They could fetch, and have nothing to. */
  readonly #idle = new Set<SwarmLink>();
  readonly #helpers = new Map<PieceIndex, Set<SwarmLink>>();
  /** Missing pieces whose helpers have not let go yet, with the time since when. */
  readonly #held = new Map<PieceIndex, number>();
  /** How often a piece was taken over though blocks of it were asked for. */
  readonly #takenOver = new Map<PieceIndex, number>();
  /** Assigned pieces of which a helper found no block to ask for. */
  readonly #exhausted = new Set<PieceIndex>();
  /** Pieces asked back for the sake of an idle link. */
  readonly #promised = new Map<PieceIndex, SwarmLink>();

  constructor(options: PieceTradeOptions) {
    this.#layout = options.layout;
    this.#wantsPieces = options.wantsPieces;
    this.#random = options.random;
    this.#act = options.act;
    this.ledger = new PieceLedger(options.layout, options.owned, options.wanted);
    this.picker = new PiecePicker({
      pieceCount: options.layout.pieceCount,
      pieceLengthBytes: options.layout.pieceLengthBytes,
      random: options.random,
    });
    if (options.sequential === true) this.#window = this.#makeWindow(options.layout);
    if (!options.wantsPieces) return;
    for (let index = 0; index < options.layout.pieceCount; index += 1) {
      if (!this.ledger.settled.has(index)) this.picker.open(options.layout.pieceIndex(index), false);
    }
  }

  addLink(link: SwarmLink): void {
    this.#links.set(link.linkId, link);
  }

  /** The link is gone; what its worker did not give back is taken. */
  removeLink(link: SwarmLink, nowMs: number): void {
    for (const pieceIndex of [...link.assigned.keys()]) this.handleReleased(link, pieceIndex, undefined, nowMs);
    for (const pieceIndex of [...link.helping.keys()]) this.#endHelp(link, pieceIndex, nowMs);
    for (const [pieceIndex, thief] of this.#promised) if (thief === link) this.#promised.delete(pieceIndex);
    this.forgetPieces(link);
    this.#links.delete(link.linkId);
    this.#dirty.delete(link);
    this.#idle.delete(link);
  }

  /** What the peer has counts no more towards what is rare. */
  forgetPieces(link: SwarmLink): void {
    if (link.pieces) this.picker.removePeer(link.pieces);
    link.pieces = undefined;
  }

  /** The peer said what it has. */
  handlePieces(link: SwarmLink, pieces: PieceSet): void {
    link.pieces = pieces;
    this.picker.addPeer(pieces);
    this.#dirty.add(link);
  }

  /** @returns whether we lack one of the pieces that are new to the peer */
  handleHave(link: SwarmLink, pieceIndices: readonly PieceIndex[]): boolean {
    let isInteresting = false;
    for (const pieceIndex of pieceIndices) {
      if (!link.pieces?.add(pieceIndex)) continue;
      this.picker.handleHave(pieceIndex);
      isInteresting ||= this.#wantsPieces && !this.ledger.settled.has(pieceIndex);
    }
    if (isInteresting) this.#dirty.add(link);
    return isInteresting;
  }

  /** The peer has the piece no more: what is asked of it comes from another. */
  handleDontHave(link: SwarmLink, pieceIndex: PieceIndex): void {
    if (link.pieces) this.picker.handleDontHave(link.pieces, pieceIndex);
    if (link.assigned.get(pieceIndex)?.isReleasing === false) this.#askBack(link, pieceIndex);
    else if (link.helping.has(pieceIndex)) {
      this.#act({ type: 'release-piece', linkId: link.linkId, pieceIndex });
    }
  }

  isInteresting(link: SwarmLink): boolean {
    return this.#wantsPieces && link.pieces?.hasMoreThan(this.ledger.settled) === true;
  }

  /** Something happened that may let this link fetch. */
  touch(link: SwarmLink): void {
    this.#dirty.add(link);
  }

  /**
   * Peers hear of those pieces that are new to us, and they are written down.
   * @returns whether there are any
   */
  handleVerified(link: SwarmLink, { pieceIndex: first, count = 1 }: PieceRange, nowMs: number): boolean {
    let newFrom = first;
    let isNews = false;
    for (let index = first; index <= first + count; index = next(index)) {
      if (index < first + count && this.#verify(link, index, nowMs)) continue;
      if (index > newFrom) {
        const range = rangeOf(newFrom, index - newFrom);
        this.#act({ type: 'broadcast-have', ...range });
        this.#act({ type: 'record-piece', ...range });
        isNews = true;
      }
      newFrom = next(index);
    }
    return isNews;
  }

  #verify(link: SwarmLink, pieceIndex: PieceIndex, nowMs: number): boolean {
    if (!this.ledger.verify(pieceIndex, link.linkId)) return false;
    this.picker.close(pieceIndex);
    this.#held.delete(pieceIndex);
    this.#promised.delete(pieceIndex);
    this.#takenOver.delete(pieceIndex);
    this.#exhausted.delete(pieceIndex);
    link.removeAssignment(pieceIndex);
    link.noteDone(this.#layout.pieceSize(pieceIndex), nowMs);
    this.#dirty.add(link);
    this.#stopHelpers(pieceIndex);
    this.#helpers.delete(pieceIndex);
    return true;
  }

  /** @returns whether the piece was this link's */
  handleFailed(
    link: SwarmLink,
    pieceIndex: PieceIndex,
    evidence: FailedPieceEvidence | undefined,
    nowMs: number,
  ): boolean {
    if (!this.ledger.fail(pieceIndex, link.linkId, evidence)) return false;
    this.#handleGivenBack(link, pieceIndex, nowMs);
    return true;
  }

  /** The link gives pieces back. */
  handleAllReleased(link: SwarmLink, range: PieceRange, partial: PartialPiece, nowMs: number): void {
    for (const pieceIndex of piecesOf(range)) this.handleReleased(link, pieceIndex, partial, nowMs);
  }

  /** @param partial left out, what was known of the piece before stays */
  handleReleased(link: SwarmLink, pieceIndex: PieceIndex, partial: PartialPiece | undefined, nowMs: number): void {
    // A choking peer that gives a piece back does not mean what it allowed.
    if (link.peerChoking) link.allowedFast.delete(pieceIndex);
    if (this.ledger.release(pieceIndex, link.linkId, partial)) this.#handleGivenBack(link, pieceIndex, nowMs);
    else this.#endHelp(link, pieceIndex, nowMs);
  }

  /** The link goes on with a piece that was asked back for another. */
  handleKept(link: SwarmLink, pieceIndex: PieceIndex): void {
    if (this.ledger.ownerOf(pieceIndex) !== link.linkId) return;
    link.unmarkReleasing(pieceIndex);
    this.#promised.delete(pieceIndex);
  }

  /** The piece was owned and is not there any more, or is there again; peers are told when that is news. */
  handleFileChanged(pieceIndex: PieceIndex, isThere: boolean): void {
    const isNews = isThere ? this.handleRegained(pieceIndex) : this.handleLost(pieceIndex);
    if (isNews) this.#act({ type: isThere ? 'broadcast-have' : 'broadcast-dont-have', pieceIndex });
  }

  /** @returns whether the piece was owned */
  handleLost(pieceIndex: PieceIndex): boolean {
    if (!this.ledger.lose(pieceIndex)) return false;
    this.#window?.handleLost(pieceIndex);
    if (this.#wantsPieces && this.ledger.isWanted(pieceIndex)) this.#open(pieceIndex);
    return true;
  }

  /** @returns whether the piece was missing */
  handleRegained(pieceIndex: PieceIndex): boolean {
    if (!this.ledger.regain(pieceIndex)) return false;
    this.#held.delete(pieceIndex);
    if (this.picker.isOpen(pieceIndex)) this.picker.close(pieceIndex);
    return true;
  }

  /**
   * Looks after all links that something happened to.
   * @param dialCount dials under way: something is left for them
   */
  supplyDirty(dialCount: number, nowMs: number): void {
    if (this.#dirty.size === 0) return;
    let contenders = dialCount;
    for (const link of this.#links.values()) if (link.canFetch(nowMs) || this.#isNew(link, nowMs)) contenders += 1;
    for (const link of this.#dirty) {
      this.#dirty.delete(link);
      this.#supply(link, contenders, nowMs);
    }
  }

  /** The link was measured: it may fetch more, or its help has come to an end. */
  handleMeasured(link: SwarmLink, nowMs: number): void {
    if (!link.canFetch(nowMs)) return;
    this.#dirty.add(link);
    if (link.measure.inFlightBytes > 0) return;
    for (const [pieceIndex, sinceMs] of link.helping) {
      if (nowMs - sinceMs < HELP_SHOWS_MS) continue;
      this.#exhausted.add(pieceIndex);
      this.#act({ type: 'release-piece', linkId: link.linkId, pieceIndex });
    }
  }

  /** What only time brings about; a few times a second. */
  handleTick(nowMs: number): void {
    for (const [pieceIndex, sinceMs] of this.#held) {
      if (nowMs - sinceMs < HELPERS_GONE_MS) continue;
      for (const helper of this.#helpers.get(pieceIndex) ?? []) helper.helping.delete(pieceIndex);
      this.#helpers.delete(pieceIndex);
      this.#openIfFree(pieceIndex);
    }
    for (const link of this.#links.values()) {
      if (link.assigned.size > 0) this.#takeBackLate(link, nowMs);
      if (link.canFetch(nowMs) || link.canFetchFast(nowMs)) this.#dirty.add(link);
    }
  }

  /** @throws {P2P_INVARIANT} when ledger, picker and links disagree */
  assertInvariants(): void {
    this.ledger.assertInvariants();
    const sets = [...this.#links.values()].flatMap((link) => (link.pieces ? [link.pieces] : []));
    this.picker.assertInvariants(sets);
    let assigned = 0;
    for (const link of this.#links.values()) assigned += this.#assertLink(link);
    if (assigned !== this.ledger.assignedCount) {
      throw new InvariantError(`links hold ${assigned} pieces, the ledger has ${this.ledger.assignedCount} assigned`);
    }
    for (let index = 0; index < this.#layout.pieceCount; index += 1) {
      const pieceIndex = this.#layout.pieceIndex(index);
      const isMissing = this.ledger.stateOf(pieceIndex) === 'missing';
      const isFetched = this.#wantsPieces && this.ledger.isWanted(pieceIndex);
      const mayOpen = isFetched && isMissing && !this.#held.has(pieceIndex);
      if (this.picker.isOpen(pieceIndex) !== mayOpen)
        throw new InvariantError(`piece ${index}: wrongly open or closed`);
    }
  }

  #assertLink(link: SwarmLink): number {
    let bytes = 0;
    for (const [pieceIndex, assignment] of link.assigned) {
      if (this.ledger.ownerOf(pieceIndex) !== link.linkId) {
        throw new InvariantError(`piece ${pieceIndex} is not link ${link.linkId}'s in the ledger`);
      }
      if (!assignment.isReleasing) bytes += assignment.sizeBytes;
    }
    for (const pieceIndex of link.helping.keys()) {
      if (!this.#helpers.get(pieceIndex)?.has(link)) throw new InvariantError(`help with ${pieceIndex} is not noted`);
    }
    if (bytes !== link.assignedBytes) throw new InvariantError(`link ${link.linkId} counts its bytes wrong`);
    return link.assigned.size;
  }

  #makeWindow({ pieceLengthBytes }: PieceLayout): SequentialWindow {
    const isOpen = (pieceIndex: PieceIndex): boolean => this.picker.isOpen(pieceIndex);
    return new SequentialWindow({ pieceLengthBytes, settled: this.ledger.settled, isOpen });
  }

  /** It may be unchoked any moment. */
  #isNew(link: SwarmLink, nowMs: number): boolean {
    return nowMs - link.admittedMs < NEWCOMER_MS && (!link.pieces || this.isInteresting(link));
  }

  #supply(link: SwarmLink, contenders: number, nowMs: number): void {
    this.#idle.delete(link);
    if (!link.pieces) return;
    if (!link.canFetch(nowMs)) {
      this.#supplyFast(link, link.pieces, nowMs);
      return;
    }
    // A peer that left us waiting must first show with one piece that it is back.
    const { pieceLengthBytes } = this.#layout;
    const shareBytes = fairShareBytes(this.picker.openCount * pieceLengthBytes, contenders);
    const supply = link.webSeed === undefined ? supplyTarget : webSeedTarget;
    const target = link.isSnubbed ? 1 : supply(link, pieceLengthBytes, shareBytes, nowMs);
    let remaining = link.remainingBytes(nowMs);
    const canWait = this.#goesInRuns(link) && target - remaining < target / STEPS_AHEAD;
    const most = canWait ? 0 : target;
    while (remaining < most && link.measure.stalledMs < SNUBBED_AFTER_MS / 2) {
      const pieceIndex = this.#pick(link, link.pieces);
      if (pieceIndex === undefined) break;
      remaining += this.#assignRun(link, pieceIndex, most - remaining, nowMs);
    }
    if (link.assigned.size === 0 && link.helping.size === 0) this.#handleIdle(link, nowMs);
  }

  /** Of a peer that chokes us: what it allows nevertheless (BEP 6), so that the start need not wait for its unchoke. */
  #supplyFast(link: SwarmLink, pieces: PieceSet, nowMs: number): void {
    if (!link.canFetchFast(nowMs)) return;
    const open = [...link.allowedFast].filter((index) => this.picker.isOpen(index) && pieces.has(index));
    // Neighbours are allowed the same pieces in the same order.
    const start = Math.floor(this.#random() * open.length);
    for (let at = 0; at < open.length && link.assigned.size < FAST_AT_ONCE; at += 1) {
      const pieceIndex = open[(start + at) % open.length];
      if (pieceIndex !== undefined) this.#assign(link, pieceIndex, nowMs);
    }
  }

  #pick(link: SwarmLink, pieces: PieceSet): PieceIndex | undefined {
    const inOrder = this.#window?.pick(pieces);
    if (inOrder !== undefined) return inOrder;
    if (link.webSeed === undefined)
      return this.#pickSuggested(link, pieces) ?? this.picker.pick(pieces, link.lastPicked);
    const others = [...this.#links.values()].filter((other) => other.webSeed !== undefined && other !== link);
    return pickInGap({
      open: this.picker.openPieces,
      pieces,
      previous: link.lastPicked,
      others: others.flatMap(({ lastPicked }) => lastPicked ?? []),
    });
  }

  /** A suggestion counts once. */
  #pickSuggested(link: SwarmLink, pieces: PieceSet): PieceIndex | undefined {
    for (const pieceIndex of link.suggested) {
      link.suggested.delete(pieceIndex);
      if (this.picker.isOpen(pieceIndex) && pieces.has(pieceIndex)) return pieceIndex;
    }
    return undefined;
  }

  /** Whether the link fetches pieces of one block, which are given several at a time. */
  #goesInRuns(link: SwarmLink): boolean {
    return this.#layout.pieceLengthBytes <= BLOCK_LENGTH && link.webSeed === undefined;
  }

  /**
   * Gives a piece to a link, and those of its run that are behind it, as far as nothing is known of any of them.
   * @param leastBytes no piece more than it takes for so many
   * @returns bytes of the pieces
   */
  #assignRun(link: SwarmLink, first: PieceIndex, leastBytes: number, nowMs: number): number {
    const { pieces } = link;
    if (!this.#goesInRuns(link) || !pieces || this.ledger.isKnown(first)) return this.#assign(link, first, nowMs);
    let assignedBytes = 0;
    let count = 0;
    let like: Assignment | undefined;
    for (let index: PieceIndex | undefined = first; index !== undefined && !this.ledger.isKnown(index);) {
      const sizeBytes = this.#layout.pieceSize(index);
      this.picker.close(index);
      this.ledger.assign(index, link.linkId, link.blameKey);
      like = link.addAssignment(index, sizeBytes, nowMs, like);
      assignedBytes += sizeBytes;
      count += 1;
      index = assignedBytes < leastBytes ? this.picker.pickNext(pieces, index) : undefined;
    }
    this.#act({ type: 'fetch-piece', linkId: link.linkId, ...rangeOf(first, count), partial: NO_BLOCKS });
    return assignedBytes;
  }

  #assign(link: SwarmLink, pieceIndex: PieceIndex, nowMs: number): number {
    const sizeBytes = this.#layout.pieceSize(pieceIndex);
    this.picker.close(pieceIndex);
    this.ledger.assign(pieceIndex, link.linkId, link.blameKey);
    link.addAssignment(pieceIndex, sizeBytes, nowMs);
    const evidence = this.ledger.evidenceOf(pieceIndex);
    this.#act({
      type: 'fetch-piece',
      linkId: link.linkId,
      pieceIndex,
      partial: this.ledger.partialOf(pieceIndex),
      ...(evidence && { evidence }),
    });
    return sizeBytes;
  }

  #handleIdle(link: SwarmLink, nowMs: number): void {
    this.#idle.add(link);
    if (this.ledger.assignedCount === 0) return;
    const rescue = planRescue(
      {
        idle: link,
        links: this.#links.values(),
        layout: this.#layout,
        // While others have something to pick, help would only take their share of our line.
        isEndgame: this.picker.openCount === this.picker.sourcelessCount,
        canHelp: link.webSeed === undefined,
        pieceOf: (pieceIndex) => ({
          helpers: this.#helpers.get(pieceIndex)?.size ?? 0,
          isExhausted: this.#exhausted.has(pieceIndex),
          takenOver: this.#takenOver.get(pieceIndex) ?? 0,
          isLonely: this.ledger.evidenceOf(pieceIndex) !== undefined,
        }),
      },
      nowMs,
    );
    if (rescue?.type === 'take-over') {
      for (const pieceIndex of rescue.touched) {
        this.#takenOver.set(pieceIndex, (this.#takenOver.get(pieceIndex) ?? 0) + 1);
      }
      const touched = new Set(rescue.touched);
      for (const pieceIndex of rescue.pieceIndices) {
        this.#promised.set(pieceIndex, link);
        this.#askBack(rescue.owner, pieceIndex, !touched.has(pieceIndex));
      }
    } else if (rescue) {
      this.#beginHelp(link, rescue.owner, rescue.pieceIndex, nowMs);
    }
  }

  #beginHelp(link: SwarmLink, owner: SwarmLink, pieceIndex: PieceIndex, nowMs: number): void {
    const helpers = this.#helpers.get(pieceIndex) ?? new Set();
    this.#helpers.set(pieceIndex, helpers.add(link));
    link.helping.set(pieceIndex, nowMs);
    this.#idle.delete(link);
    const partial = this.ledger.partialOf(pieceIndex);
    this.#act({ type: 'help-piece', linkId: link.linkId, ownerLinkId: owner.linkId, pieceIndex, partial });
  }

  #endHelp(link: SwarmLink, pieceIndex: PieceIndex, nowMs: number): void {
    if (!link.helping.delete(pieceIndex)) return;
    this.#dirty.add(link);
    const helpers = this.#helpers.get(pieceIndex);
    helpers?.delete(link);
    if (helpers?.size === 0) this.#helpers.delete(pieceIndex);
    if (this.#held.has(pieceIndex)) this.#openIfFree(pieceIndex, nowMs);
  }

  #stopHelpers(pieceIndex: PieceIndex): void {
    for (const helper of this.#helpers.get(pieceIndex) ?? []) {
      helper.helping.delete(pieceIndex);
      this.#dirty.add(helper);
      this.#act({ type: 'release-piece', linkId: helper.linkId, pieceIndex });
    }
  }

  #askBack(link: SwarmLink, pieceIndex: PieceIndex, ifUntouched = false): void {
    link.markReleasing(pieceIndex);
    this.#act({ type: 'release-piece', linkId: link.linkId, pieceIndex, ...(ifUntouched && { ifUntouched }) });
  }

  #handleGivenBack(link: SwarmLink, pieceIndex: PieceIndex, nowMs: number): void {
    link.removeAssignment(pieceIndex);
    this.#exhausted.delete(pieceIndex);
    this.#dirty.add(link);
    for (const helper of this.#helpers.get(pieceIndex) ?? []) {
      this.#act({ type: 'release-piece', linkId: helper.linkId, pieceIndex });
    }
    this.#openIfFree(pieceIndex, nowMs);
  }

  /** Opens a missing piece, unless helpers may still write to it. */
  #openIfFree(pieceIndex: PieceIndex, nowMs?: number): void {
    if (nowMs !== undefined && this.#helpers.has(pieceIndex)) {
      if (!this.#held.has(pieceIndex)) this.#held.set(pieceIndex, nowMs);
      return;
    }
    this.#held.delete(pieceIndex);
    this.#open(pieceIndex);
    const thief = this.#promised.get(pieceIndex);
    this.#promised.delete(pieceIndex);
    if (nowMs === undefined || !thief?.canFetch(nowMs) || !thief.pieces?.has(pieceIndex)) return;
    this.#idle.delete(thief);
    this.#assign(thief, pieceIndex, nowMs);
  }

  #open(pieceIndex: PieceIndex): void {
    this.picker.open(pieceIndex, this.ledger.partialOf(pieceIndex).length > 0);
    for (const link of this.#idle) this.#dirty.add(link);
  }

  /** Asks back the pieces of a link that chokes us, has to go, or is stalled. */
  #takeBackLate(link: SwarmLink, nowMs: number): void {
    const isStalled = link.measure.stalledMs >= SNUBBED_AFTER_MS && this.#hasOtherFetching(link, nowMs);
    if (isStalled) link.holdOff(nowMs);
    for (const [pieceIndex, assignment] of link.assigned) {
      const isChoked = link.peerChoking && !link.allowedFast.has(pieceIndex);
      const isLate = (isChoked || link.isClosing) && nowMs - assignment.sinceMs > CHOKED_GRACE_MS;
      if (!assignment.isReleasing && (isStalled || isLate)) this.#askBack(link, pieceIndex);
    }
  }

  /** Whether somebody else could go on; if not, waiting for the silent one is as good as anything. */
  #hasOtherFetching(link: SwarmLink, nowMs: number): boolean {
    for (const other of this.#links.values()) {
      if (other !== link && other.canFetch(nowMs) && other.measure.stalledMs < SNUBBED_AFTER_MS) return true;
    }
    return false;
  }
}

/** The piece behind, or the end of the torrent. */
function next(pieceIndex: PieceIndex): PieceIndex {
  return (pieceIndex + 1) as PieceIndex;
}

function rangeOf(pieceIndex: PieceIndex, count: number): PieceRange {
  return count === 1 ? { pieceIndex } : { pieceIndex, count };
}
