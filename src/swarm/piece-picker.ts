/**
 * Which piece to ask of a peer next: unfinished pieces first, then the rarest among the connected peers, by lot among
 * equally rare ones. Open pieces (missing, and nobody's) lie in buckets by the number of peers that have them:
 *
 *     availability   0: [ 17  3 ]          only peers with all pieces have these, or nobody
 *                    1: [ 5  88  21 ]      a piece moves between buckets and in and out by swapping with the last: O(1)
 *                    2: [ 4 ]
 *
 * Peers that have all pieces are counted apart, so that a seed joins or leaves in O(1). A pick draws a place in the
 * rarest bucket and goes round from there; when a peer has little of what is rare, a bounded search gives way to a
 * comparison of 32 pieces at a time. Measured by: benchmarks/swarm/picker.bench.ts.
 */
import { InvariantError } from '../errors.js';
import type { PieceIndex } from '../metainfo/piece-layout.js';
import { PieceSet } from './piece-set.js';
import { runPieces } from './run-pieces.js';

/** Buckets are searched for at most this many pieces before the comparison by words. */
const MOST_STEPS = 512;
/** The comparison by words weighs the availability of at most this many pieces against each other. */
const MOST_COMPARED = 128;
const MOST_UNFINISHED_TRIED = 64;
/** While as many pieces are open as so many runs have, a run is begun at its first piece. */
const MANY_RUNS = 64;

export interface PiecePickerOptions {
  readonly pieceCount: number;
  readonly pieceLengthBytes: number;
  /** Seeded generator of [0, 1): another seed in each process keeps two downloaders from asking for the same. */
  readonly random: () => number;
}

export class PiecePicker {
  readonly #random: () => number;
  readonly #pieceCount: number;
  /** Small pieces are picked in runs of so many. */
  readonly #runPieces: number;
  /** Peers that have each piece, without those that have all. */
  readonly #counts: Uint16Array;
  readonly #buckets: PieceIndex[][] = [[]];
  readonly #places: Uint32Array;
  readonly #open: PieceSet;
  readonly #unfinished = new Set<PieceIndex>();
  readonly #fullPeers = new Set<PieceSet>();

  constructor(options: PiecePickerOptions) {
    this.#random = options.random;
    this.#pieceCount = options.pieceCount;
    this.#runPieces = runPieces(options.pieceLengthBytes, options.pieceCount);
    this.#counts = new Uint16Array(options.pieceCount);
    this.#places = new Uint32Array(options.pieceCount);
    this.#open = new PieceSet(options.pieceCount);
  }

  /** Pieces that may be picked. */
  get openCount(): number {
    return this.#open.size;
  }

  /** Open pieces that no peer has. */
  get sourcelessCount(): number {
    return this.#fullPeers.size > 0 ? 0 : (this.#buckets[0]?.length ?? 0);
  }

  /** Pieces that may be picked: a live view that only the picker writes. */
  get openPieces(): PieceSet {
    return this.#open;
  }

  isOpen(pieceIndex: PieceIndex): boolean {
    return this.#open.has(pieceIndex);
  }

  /** Peers that have the piece. */
  availabilityOf(pieceIndex: PieceIndex): number {
    return (this.#counts[pieceIndex] ?? 0) + this.#fullPeers.size;
  }

  /** A peer told what it has. The very set must be given to `removePeer`. */
  addPeer(pieces: PieceSet): void {
    if (pieces.isFull) this.#fullPeers.add(pieces);
    else pieces.forEach((pieceIndex) => this.#changeCount(pieceIndex, 1));
  }

  removePeer(pieces: PieceSet): void {
    if (this.#fullPeers.delete(pieces)) return;
    pieces.forEach((pieceIndex) => this.#changeCount(pieceIndex, -1));
  }

  /** A peer that was added got one more piece, which is in its set by now. */
  handleHave(pieceIndex: PieceIndex): void {
    this.#changeCount(pieceIndex, 1);
  }

  /** A peer that was added has a piece no more; it is taken out of its set here. */
  handleDontHave(pieces: PieceSet, pieceIndex: PieceIndex): void {
    if (!pieces.has(pieceIndex)) return;
    // Once a peer: from then on it is counted piece by piece.
    const wasCountedApart = this.#fullPeers.delete(pieces);
    pieces.delete(pieceIndex);
    if (wasCountedApart) this.addPeer(pieces);
    else this.#changeCount(pieceIndex, -1);
  }

  /**
   * The piece may be picked from now on.
   * @param isUnfinished blocks of it are on disk: such pieces go first
   */
  open(pieceIndex: PieceIndex, isUnfinished: boolean): void {
    if (isUnfinished) this.#unfinished.add(pieceIndex);
    if (this.#open.add(pieceIndex)) this.#insert(pieceIndex);
  }

  /** The piece may not be picked any more. */
  close(pieceIndex: PieceIndex): void {
    this.#unfinished.delete(pieceIndex);
    if (this.#open.delete(pieceIndex)) this.#remove(pieceIndex);
  }

  /**
   * The open piece that is best asked of this peer; it stays open until `close`.
   * @param previous what the same peer was given last: a run of small pieces goes on behind it
   */
  pick(pieces: PieceSet, previous?: PieceIndex): PieceIndex | undefined {
    if (this.#open.size === 0 || pieces.size === 0) return undefined;
    const next = previous === undefined ? undefined : this.pickNext(pieces, previous);
    return this.#pickUnfinished(pieces) ?? next ?? this.#beginRun(pieces, this.#pickRarest(pieces));
  }

  /** The open piece behind one that the same peer was just given, while it is of the same run and as rare. */
  pickNext(pieces: PieceSet, previous: PieceIndex): PieceIndex | undefined {
    if (this.#runPieces === 1) return undefined;
    const next = previous + 1;
    if (next % this.#runPieces === 0 || !this.#open.has(next) || !pieces.has(next)) return undefined;
    return this.#counts[next] === this.#counts[previous] ? (next as PieceIndex) : undefined;
  }

  /** Whether the peer has an open piece. */
  hasOpen(pieces: PieceSet): boolean {
    return this.#pickByWords(pieces) !== undefined;
  }

  /** The least availability over all pieces, and above it the share of pieces that are less rare. */
  distributedCopies(): number {
    let least = Infinity;
    let atLeast = 0;
    // Not `for … of`: half a million pieces are counted four times a second.
    for (let index = 0; index < this.#pieceCount; index += 1) {
      const count = this.#countOf(index);
      if (count < least) {
        least = count;
        atLeast = 1;
      } else if (count === least) {
        atLeast += 1;
      }
    }
    if (this.#pieceCount === 0) return this.#fullPeers.size;
    return least + this.#fullPeers.size + (this.#pieceCount - atLeast) / this.#pieceCount;
  }

  /** Open pieces that no peer has, ascending, at most `limit`. */
  sourceless(limit: number): PieceIndex[] {
    const found: PieceIndex[] = [];
    if (this.sourcelessCount === 0) return found;
    for (let index = 0; index < this.#pieceCount && found.length < limit; index += 1) {
      if (this.#counts[index] === 0 && this.#open.has(index)) found.push(index as PieceIndex);
    }
    return found;
  }

  /**
   * @param peers the sets of all peers that were added
   * @throws {P2P_INVARIANT} when counts or buckets are wrong
   */
  assertInvariants(peers: Iterable<PieceSet>): void {
    const counts = new Uint16Array(this.#pieceCount);
    for (const pieces of peers) {
      if (!this.#fullPeers.has(pieces)) pieces.forEach((index) => (counts[index] = (counts[index] ?? 0) + 1));
    }
    for (let index = 0; index < this.#pieceCount; index += 1) {
      const bucketed = this.#buckets[this.#counts[index] ?? 0]?.[this.#places[index] ?? 0] === index;
      if (counts[index] !== this.#counts[index]) throw new InvariantError(`availability of piece ${index} is wrong`);
      if (this.#open.has(index) && !bucketed) throw new InvariantError(`open piece ${index} is not in its bucket`);
    }
    const inBuckets = this.#buckets.reduce((sum, bucket) => sum + bucket.length, 0);
    if (inBuckets !== this.#open.size) throw new InvariantError(`${inBuckets} in buckets, ${this.#open.size} open`);
  }

  #pickUnfinished(pieces: PieceSet): PieceIndex | undefined {
    let tried = 0;
    for (const pieceIndex of this.#unfinished) {
      if (pieces.has(pieceIndex)) return pieceIndex;
      tried += 1;
      if (tried >= MOST_UNFINISHED_TRIED) return undefined;
    }
    return undefined;
  }

  /**
   * The first piece of the run that a piece was drawn from, if all in front of it are as good; else that piece. What would
   * be left in front is fetched, written and told of by itself. Of few runs several peers would begin the same.
   */
  #beginRun(pieces: PieceSet, drawn: PieceIndex | undefined): PieceIndex | undefined {
    if (drawn === undefined || this.#runPieces === 1 || this.#open.size < MANY_RUNS * this.#runPieces) return drawn;
    const first = drawn - (drawn % this.#runPieces);
    for (let index = first; index < drawn; index += 1) {
      const isAsGood = this.#open.has(index) && pieces.has(index) && this.#counts[index] === this.#counts[drawn];
      if (!isAsGood) return drawn;
    }
    return first as PieceIndex;
  }

  #pickRarest(pieces: PieceSet): PieceIndex | undefined {
    let steps = 0;
    // Bucket 0 holds what only peers with everything have.
    for (let count = pieces.isFull ? 0 : 1; count < this.#buckets.length; count += 1) {
      const bucket = this.#buckets[count] ?? [];
      const start = Math.floor(this.#random() * bucket.length);
      for (let step = 0; step < bucket.length; step += 1) {
        const pieceIndex = bucket[(start + step) % bucket.length];
        if (pieceIndex !== undefined && pieces.has(pieceIndex)) return pieceIndex;
        steps += 1;
        if (steps >= MOST_STEPS) return this.#pickByWords(pieces);
      }
    }
    return undefined;
  }

  /** The rarest of up to `MOST_COMPARED` open pieces of the peer, from a random place on. */
  #pickByWords(pieces: PieceSet): PieceIndex | undefined {
    const wordCount = this.#open.words.length;
    const start = Math.floor(this.#random() * wordCount);
    let best: PieceIndex | undefined;
    let compared = 0;
    for (let step = 0; step < wordCount && compared < MOST_COMPARED; step += 1) {
      const at = start + step < wordCount ? start + step : start + step - wordCount;
      if (((this.#open.words[at] ?? 0) & (pieces.words[at] ?? 0)) === 0) continue;
      for (let index = at * 32; index < at * 32 + 32; index += 1) {
        if (!this.#open.has(index) || !pieces.has(index)) continue;
        compared += 1;
        if (best === undefined || this.#countOf(index) < this.#countOf(best)) best = index as PieceIndex;
      }
    }
    return best;
  }

  #countOf(pieceIndex: number): number {
    return this.#counts[pieceIndex] ?? 0;
  }

  #changeCount(pieceIndex: PieceIndex, change: 1 | -1): void {
    const isOpen = this.#open.has(pieceIndex);
    if (isOpen) this.#remove(pieceIndex);
    this.#counts[pieceIndex] = this.#countOf(pieceIndex) + change;
    if (isOpen) this.#insert(pieceIndex);
  }

  #insert(pieceIndex: PieceIndex): void {
    const count = this.#countOf(pieceIndex);
    while (this.#buckets.length <= count) this.#buckets.push([]);
    const bucket = this.#buckets[count] ?? [];
    this.#places[pieceIndex] = bucket.length;
    bucket.push(pieceIndex);
  }

  #remove(pieceIndex: PieceIndex): void {
    const bucket = this.#buckets[this.#countOf(pieceIndex)] ?? [];
    const place = this.#places[pieceIndex] ?? 0;
    const last = bucket.pop();
    if (last === undefined || last === pieceIndex) return;
    bucket[place] = last;
    this.#places[last] = place;
  }
}
