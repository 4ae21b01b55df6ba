/**
 * Where every piece of a torrent stands, in one place. No other class changes a piece's state.
 *
 *                assign               verify               makeDurable
 *     missing ──────────▶ assigned ───────────▶ verified ─────────────▶ durable
 *       ▲  ▲                │  │                   │                       │
 *       │  └── release ─────┘  │                   │                       │
 *       └───── fail ───────────┘                   │                       │
 *       └───────────────── lose ───────────────────┴───────────────────────┘
 *
 * A lost piece whose bytes turn out to be right after all is durable again (`regain`).
 *
 * Beside a missing or assigned piece the ledger keeps what is known of it: the blocks that are on disk already
 * (`partial`, left by `release`) and the evidence of a failure with several contributors (left by `fail`).
 */
import { InvariantError } from '../errors.js';
import type { PieceIndex, PieceLayout } from '../metainfo/piece-layout.js';
import type { Bitfield } from '../protocol/bitfield.js';
import { PieceSet } from './piece-set.js';
import type { FailedPieceEvidence, PartialPiece } from './swarm-events.js';

export type PieceState = 'missing' | 'assigned' | 'verified' | 'durable';

const STATES = ['missing', 'assigned', 'verified', 'durable'] as const satisfies readonly PieceState[];
const MISSING = 0;
const ASSIGNED = 1;
const VERIFIED = 2;
const DURABLE = 3;
const NO_BLOCKS: PartialPiece = [];
/**
 * A piece with evidence is fetched from one peer alone, so that there is no doubt when it fails again. When so many
 * peers gave it back, others may go on with their blocks: also then it convicts the liar once it is verified.
 */
const MOST_LONELY_ATTEMPTS = 3;

interface Evidence {
  readonly evidence: FailedPieceEvidence;
  attempts: number;
}

export class PieceLedger {
  readonly #layout: PieceLayout;
  readonly #states: Uint8Array;
  readonly #owned: PieceSet;
  /** The links of assigned pieces; what stands at others means nothing. */
  readonly #owners: Uint32Array;
  #assignedCount = 0;
  readonly #partials = new Map<PieceIndex, PartialPiece>();
  readonly #evidence = new Map<PieceIndex, Evidence>();
  /** Undefined when every piece is wanted. */
  readonly #wanted: Bitfield | undefined;
  readonly #settled: PieceSet;
  readonly #wantedBytes: number;
  readonly #unwantedCount: number;
  #verifiedBytes = 0;
  #wantedVerifiedBytes = 0;

  /**
   * @param owned what is verified at the start; copied, and taken as durable
   * @param wanted pieces that are to be fetched; all when left out
   */
  constructor(layout: PieceLayout, owned: Bitfield, wanted?: Bitfield) {
    this.#layout = layout;
    this.#wanted = wanted;
    this.#states = new Uint8Array(layout.pieceCount);
    this.#owners = new Uint32Array(layout.pieceCount);
    this.#owned = PieceSet.from(layout.pieceCount, owned.bytes);
    this.#owned.forEach((pieceIndex) => {
      this.#states[pieceIndex] = DURABLE;
      this.#verifiedBytes += layout.pieceSize(pieceIndex);
      if (this.isWanted(pieceIndex)) this.#wantedVerifiedBytes += layout.pieceSize(pieceIndex);
    });
    this.#settled = wanted ? this.#settledAtStart(wanted) : this.#owned;
    this.#unwantedCount = wanted ? layout.pieceCount - wanted.count() : 0;
    this.#wantedBytes = wanted ? bytesOf(layout, wanted) : layout.totalBytes;
  }

  /** Verified and durable pieces. */
  get owned(): PieceSet {
    return this.#owned;
  }

  /** Bytes of verified and durable pieces. */
  get verifiedBytes(): number {
    return this.#verifiedBytes;
  }

  /** Pieces that need not be fetched: owned, or not wanted. The very set `owned` when everything is wanted. */
  get settled(): PieceSet {
    return this.#settled;
  }

  /** Pieces that are not wanted, owned ones among them. */
  get unwantedCount(): number {
    return this.#unwantedCount;
  }

  /** Bytes of the pieces that are wanted. */
  get wantedBytes(): number {
    return this.#wantedBytes;
  }

  /** Bytes of the wanted pieces that are verified or durable. */
  get wantedVerifiedBytes(): number {
    return this.#wantedVerifiedBytes;
  }

  isWanted(pieceIndex: PieceIndex): boolean {
    return this.#wanted?.has(pieceIndex) ?? true;
  }

  get assignedCount(): number {
    return this.#assignedCount;
  }

  stateOf(pieceIndex: PieceIndex): PieceState {
    return STATES[this.#states[pieceIndex] ?? MISSING] ?? 'missing';
  }

  /** The link that an assigned piece belongs to. */
  ownerOf(pieceIndex: PieceIndex): number | undefined {
    return this.#states[pieceIndex] === ASSIGNED ? this.#owners[pieceIndex] : undefined;
  }

  /** Blocks of a missing or assigned piece that are on disk. */
  partialOf(pieceIndex: PieceIndex): PartialPiece {
    return this.#partials.get(pieceIndex) ?? NO_BLOCKS;
  }

  /** Whether something is known of a missing or assigned piece: blocks that are on disk, or evidence. */
  isKnown(pieceIndex: PieceIndex): boolean {
    return this.#partials.has(pieceIndex) || this.#evidence.has(pieceIndex);
  }

  evidenceOf(pieceIndex: PieceIndex): FailedPieceEvidence | undefined {
    return this.#evidence.get(pieceIndex)?.evidence;
  }

  /**
   * missing → assigned.
   * @param source blame key of the link: a piece under evidence may go on only with blocks of this very peer
   * @throws {P2P_INVARIANT} when it is not missing
   */
  assign(pieceIndex: PieceIndex, linkId: number, source: string): void {
    this.#expect(pieceIndex, MISSING);
    this.#states[pieceIndex] = ASSIGNED;
    this.#owners[pieceIndex] = linkId;
    this.#assignedCount += 1;
    if (!this.isKnown(pieceIndex)) return;
    const isAlone = this.partialOf(pieceIndex).every((blocks) => blocks.source === source);
    const attempts = this.#evidence.get(pieceIndex)?.attempts ?? MOST_LONELY_ATTEMPTS;
    if (!isAlone && attempts < MOST_LONELY_ATTEMPTS) this.#partials.delete(pieceIndex);
  }

  /**
   * assigned → missing, and what came of it is kept.
   * @param partial replaces what was known; left out, that stays
   * @returns whether the piece was this link's; otherwise nothing happens
   */
  release(pieceIndex: PieceIndex, linkId: number, partial: PartialPiece = this.partialOf(pieceIndex)): boolean {
    if (!this.#takeFrom(pieceIndex, linkId)) return false;
    this.#states[pieceIndex] = MISSING;
    if (partial.length > 0) this.#partials.set(pieceIndex, partial);
    else this.#partials.delete(pieceIndex);
    this.#countAttempt(pieceIndex);
    return true;
  }

  /**
   * assigned → missing, and nothing of it is kept but the evidence.
   * @returns whether the piece was this link's; otherwise nothing happens
   */
  fail(pieceIndex: PieceIndex, linkId: number, evidence: FailedPieceEvidence | undefined): boolean {
    if (!this.#takeFrom(pieceIndex, linkId)) return false;
    this.#states[pieceIndex] = MISSING;
    this.#partials.delete(pieceIndex);
    if (evidence) this.#evidence.set(pieceIndex, { evidence, attempts: 0 });
    return true;
  }

  /**
   * assigned → verified. A missing piece may be verified too: its link gave it back and finished it nevertheless.
   * @returns false, and nothing happens, when it is owned already or another link's
   */
  verify(pieceIndex: PieceIndex, linkId: number): boolean {
    if (!this.#takeFrom(pieceIndex, linkId) && this.#states[pieceIndex] !== MISSING) return false;
    this.#own(pieceIndex, VERIFIED);
    return true;
  }

  /** verified → durable; a piece in any other state is left as it is. */
  makeDurable(pieceIndex: PieceIndex): void {
    if (this.#states[pieceIndex] === VERIFIED) this.#states[pieceIndex] = DURABLE;
  }

  /**
   * verified or durable → missing: the disk does not hold it any more.
   * @returns whether it was owned
   */
  lose(pieceIndex: PieceIndex): boolean {
    if (!this.#owned.delete(pieceIndex)) return false;
    this.#states[pieceIndex] = MISSING;
    this.#verifiedBytes -= this.#layout.pieceSize(pieceIndex);
    if (!this.isWanted(pieceIndex)) return true;
    this.#settled.delete(pieceIndex);
    this.#wantedVerifiedBytes -= this.#layout.pieceSize(pieceIndex);
    return true;
  }

  /**
   * missing → durable: the disk holds it again, as it did before it was lost. A piece in any other state is left as it is.
   * @returns whether it was missing
   */
  regain(pieceIndex: PieceIndex): boolean {
    if (this.#states[pieceIndex] !== MISSING) return false;
    this.#own(pieceIndex, DURABLE);
    return true;
  }

  /** @throws {P2P_INVARIANT} when two records of a piece disagree */
  assertInvariants(): void {
    let verifiedBytes = 0;
    let wantedVerifiedBytes = 0;
    let assigned = 0;
    for (let index = 0; index < this.#layout.pieceCount; index += 1) {
      const pieceIndex = this.#layout.pieceIndex(index);
      const state = this.#states[index] ?? MISSING;
      const isOwned = state === VERIFIED || state === DURABLE;
      const isWanted = this.isWanted(pieceIndex);
      if (state === ASSIGNED) assigned += 1;
      if (isOwned) verifiedBytes += this.#layout.pieceSize(pieceIndex);
      if (isOwned && isWanted) wantedVerifiedBytes += this.#layout.pieceSize(pieceIndex);
      this.#check(this.#owned.has(index) === isOwned, pieceIndex, 'owned bit');
      this.#check(this.#settled.has(index) === (isOwned || !isWanted), pieceIndex, 'settled bit');
      this.#check(!isOwned || !this.#partials.has(pieceIndex), pieceIndex, 'partial of an owned piece');
      this.#check(!isOwned || !this.#evidence.has(pieceIndex), pieceIndex, 'evidence of an owned piece');
    }
    if (assigned !== this.#assignedCount) {
      throw new InvariantError(`ledger counts ${this.#assignedCount} assigned pieces, there are ${assigned}`);
    }
    if (verifiedBytes !== this.#verifiedBytes) {
      throw new InvariantError(`ledger counts ${this.#verifiedBytes} verified bytes, its pieces are ${verifiedBytes}`);
    }
    if (wantedVerifiedBytes !== this.#wantedVerifiedBytes) {
      throw new InvariantError(`ledger counts ${this.#wantedVerifiedBytes} wanted bytes, not ${wantedVerifiedBytes}`);
    }
  }

  #settledAtStart(wanted: Bitfield): PieceSet {
    const settled = PieceSet.from(this.#layout.pieceCount, this.#owned.bits.bytes);
    for (let index = 0; index < this.#layout.pieceCount; index += 1) {
      if (!wanted.has(index)) settled.add(this.#layout.pieceIndex(index));
    }
    return settled;
  }

  #own(pieceIndex: PieceIndex, state: typeof VERIFIED | typeof DURABLE): void {
    this.#states[pieceIndex] = state;
    this.#partials.delete(pieceIndex);
    this.#evidence.delete(pieceIndex);
    this.#owned.add(pieceIndex);
    this.#settled.add(pieceIndex);
    this.#verifiedBytes += this.#layout.pieceSize(pieceIndex);
    if (this.isWanted(pieceIndex)) this.#wantedVerifiedBytes += this.#layout.pieceSize(pieceIndex);
  }

  #takeFrom(pieceIndex: PieceIndex, linkId: number): boolean {
    if (this.ownerOf(pieceIndex) !== linkId) return false;
    this.#assignedCount -= 1;
    return true;
  }

  #countAttempt(pieceIndex: PieceIndex): void {
    const entry = this.#evidence.get(pieceIndex);
    if (entry) entry.attempts += 1;
  }

  #expect(pieceIndex: PieceIndex, state: number): void {
    if (this.#states[pieceIndex] !== state) {
      throw new InvariantError(`piece ${pieceIndex} is ${this.stateOf(pieceIndex)}, not ${STATES[state]}`);
    }
  }

  #check(holds: boolean, pieceIndex: PieceIndex, what: string): void {
    if (!holds) throw new InvariantError(`piece ${pieceIndex} is ${this.stateOf(pieceIndex)}: wrong ${what}`);
  }
}

function bytesOf(layout: PieceLayout, pieces: Bitfield): number {
  let bytes = 0;
  for (const index of pieces.indices()) bytes += layout.pieceSize(layout.pieceIndex(index));
  return bytes;
}
