/**
 * Pieces of one block each that lie one behind the other and that one link fetches: one object, one buffer and one message
 * for hundreds of them, where each by itself (PieceAssembly) costs more than all that is done with 128 bytes.
 *
 * Thread: that of the link. Copies made: one, from the socket's read buffer into the run's. Each piece is hashed by itself
 * when it is there; those that hold, and lie together, are written together: when all that was asked for has come, when
 * they are many, or when they have waited for a while.
 * Measured by: benchmarks/engine/small-pieces.bench.ts
 *
 *     free ──claim──▶ asked ──came, hash holds──▶ held ──written──▶ over (verified)
 *      │ ▲             │  └──came, hash does not──────────────────▶ over (failed)
 *      │ └─ give back ─┤
 *      └── release ────┴──────────────────────────────────────────▶ over (released)
 */
import type { PieceIndex } from '../metainfo/piece-layout.js';
import type { PieceVerdict } from '../hashing/piece-verifier.js';
import type { PieceRange } from '../swarm/swarm-events.js';
import type { AssemblyTools } from './piece-assembly.js';

const FREE = 0;
const ASKED = 1;
const HELD = 2;
const OVER = 3;
/** Up to here bytes are copied one by one: a view for each piece would take longer. */
const SHORT_COPY_BYTES = 256;
/** So much is worth a write of its own while more of the run is on its way. */
const LONG_WRITE_BYTES = 262_144;
/** What is held waits no longer for more: peers want to hear of it. */
const MOST_WAIT_MS = 20;

export interface PieceRunOptions extends PieceRange {
  readonly tools: AssemblyTools;
  /** These are written, and their hashes hold. */
  readonly onVerified: (range: PieceRange) => void;
  /** The hash of a piece does not hold. `source` is a blame key. */
  readonly onRefused: (
    pieceIndex: PieceIndex,
    verdict: Exclude<PieceVerdict, { type: 'good' }>,
    source: string,
  ) => void;
  readonly onReleased: (range: PieceRange) => void;
  readonly onError: (error: unknown) => void;
}

export class PieceRun {
  readonly first: number;
  readonly count: number;
  readonly #options: PieceRunOptions;
  readonly #pieceBytes: number;
  readonly #sizeBytes: number;
  readonly #states: Uint8Array;
  /** When each was asked for. */
  readonly #sentMs: Float64Array;
  #buffer: Uint8Array | undefined;
  /** None before it is free. */
  #nextFree = 0;
  /** Those that are not over. */
  #openCount: number;
  /** Those that are on their way. */
  #askedCount = 0;
  /** Those that are held and not being written lie from here … */
  #heldFrom = 0;
  /** … to here, not included. */
  #heldEnd = 0;
  /** Since when the first of them is. */
  #heldSinceMs = 0;

  constructor(options: PieceRunOptions) {
    const { layout } = options.tools;
    const { pieceIndex, count = 1 } = options;
    this.#options = options;
    this.first = pieceIndex;
    this.count = count;
    this.#pieceBytes = layout.pieceLengthBytes;
    this.#sizeBytes = (count - 1) * layout.pieceLengthBytes + layout.pieceSize(indexOf(pieceIndex + count - 1));
    this.#states = new Uint8Array(count);
    this.#sentMs = new Float64Array(count);
    this.#openCount = count;
  }

  /** Whether the piece is one of these and not over. */
  holds(pieceIndex: number): boolean {
    const at = pieceIndex - this.first;
    return at >= 0 && at < this.count && this.#states[at] !== OVER;
  }

  /** Whether every piece of it is verified, failed or given back. */
  get isOver(): boolean {
    return this.#openCount === 0;
  }

  /** Whether nobody was asked for the piece yet. */
  isFree(pieceIndex: number): boolean {
    return this.#states[pieceIndex - this.first] === FREE;
  }

  isAsked(pieceIndex: number): boolean {
    return this.#states[pieceIndex - this.first] === ASKED;
  }

  /** When the piece was asked for last. */
  sentMs(pieceIndex: number): number {
    return this.#sentMs[pieceIndex - this.first] ?? 0;
  }

  lengthOf(pieceIndex: number): number {
    return Math.min(this.#pieceBytes, this.#sizeBytes - (pieceIndex - this.first) * this.#pieceBytes);
  }

  /** Takes memory for the pieces. @returns false when it does not fit the budget now */
  ensureMemory(force: boolean): boolean {
    this.#buffer ??= this.#options.tools.pool.acquire(this.#sizeBytes, force);
    return this.#buffer !== undefined;
  }

  /**
   * Claims the next free pieces that lie together; call `ensureMemory` before.
   * @param mayAsk of a choking peer: what it serves nevertheless
   */
  claim(most: number, nowMs: number, mayAsk?: (pieceIndex: PieceIndex) => boolean): PieceRange | undefined {
    let at = this.#nextFree;
    const isFree = (): boolean => this.#states[at] === FREE && (!mayAsk || mayAsk(indexOf(this.first + at)));
    while (at < this.count && !isFree()) at += 1;
    const from = at;
    while (at < this.count && at - from < most && isFree()) {
      this.#states[at] = ASKED;
      this.#sentMs[at] = nowMs;
      at += 1;
    }
    this.#askedCount += at - from;
    // What is passed over because the peer chokes us stays free.
    if (!mayAsk) this.#nextFree = at;
    return at > from ? { pieceIndex: indexOf(this.first + from), count: at - from } : undefined;
  }

  /** A piece that was asked for does not come: it may be asked for again. */
  giveBack(pieceIndex: number): void {
    const at = pieceIndex - this.first;
    if (this.#states[at] !== ASKED) return;
    this.#states[at] = FREE;
    this.#askedCount -= 1;
    this.#nextFree = Math.min(this.#nextFree, at);
  }

  /** Bytes of a piece that was asked for, `offset` bytes into it. */
  take(pieceIndex: number, offset: number, bytes: Uint8Array): void {
    const buffer = this.#buffer;
    if (!buffer) return;
    const start = (pieceIndex - this.first) * this.#pieceBytes + offset;
    if (bytes.length > SHORT_COPY_BYTES) {
      buffer.set(bytes, start);
      return;
    }
    for (let at = 0; at < bytes.length; at += 1) buffer[start + at] = bytes[at] ?? 0;
  }

  /** Whether what is held has to be written before this piece is whole: it does not lie behind. */
  mustWriteBefore(pieceIndex: number): boolean {
    return this.#heldEnd > this.#heldFrom && pieceIndex - this.first !== this.#heldEnd;
  }

  /** Whether what is held, if anything is, is to be written now: nothing more of it is about to come, or not soon enough. */
  isDue(nowMs: number): boolean {
    const heldBytes = (this.#heldEnd - this.#heldFrom) * this.#pieceBytes;
    if (this.#askedCount === 0 || heldBytes >= LONG_WRITE_BYTES) return true;
    return heldBytes > 0 && nowMs - this.#heldSinceMs >= MOST_WAIT_MS;
  }

  /** All bytes of a piece that was asked for are there. */
  handleWhole(pieceIndex: number, source: string, nowMs: number): void {
    const at = pieceIndex - this.first;
    const buffer = this.#buffer;
    if (this.#states[at] !== ASKED || !buffer) return;
    this.#askedCount -= 1;
    const start = at * this.#pieceBytes;
    const bytes = buffer.subarray(start, start + this.lengthOf(pieceIndex));
    const verdict = this.#options.tools.verifier.verify(pieceIndex, bytes);
    if (verdict.type !== 'good') {
      this.#end(at, 1);
      this.#options.onRefused(indexOf(pieceIndex), verdict, source);
      return;
    }
    this.#states[at] = HELD;
    if (this.#heldEnd === this.#heldFrom) {
      this.#heldFrom = at;
      this.#heldSinceMs = nowMs;
    }
    this.#heldEnd = at + 1;
  }

  /** Writes what is held. Resolves when it is over for those pieces. */
  async write(): Promise<void> {
    const from = this.#heldFrom;
    const count = this.#heldEnd - from;
    this.#heldFrom = this.#heldEnd;
    if (count === 0 || !this.#buffer) return;
    const start = from * this.#pieceBytes;
    const bytes = this.#buffer.subarray(start, Math.min(start + count * this.#pieceBytes, this.#sizeBytes));
    const { tools, onVerified, onError } = this.#options;
    try {
      await tools.files.write(this.first * this.#pieceBytes + start, bytes);
    } catch (error) {
      // The transfer ends: the pieces are given back with their link.
      this.#end(from, count);
      onError(error);
      return;
    }
    this.#end(from, count);
    onVerified({ pieceIndex: indexOf(this.first + from), count });
  }

  /**
   * Gives back what is not there yet and `isGoing` says; what is held is verified soon.
   * @returns those of them that were asked for
   */
  release(isGoing: (pieceIndex: PieceIndex) => boolean): readonly PieceIndex[] {
    const asked: PieceIndex[] = [];
    let from = 0;
    for (let at = 0; at <= this.count; at += 1) {
      const pieceIndex = indexOf(this.first + at);
      const state = at < this.count ? this.#states[at] : OVER;
      if ((state === FREE || state === ASKED) && isGoing(pieceIndex)) {
        if (state === ASKED) asked.push(pieceIndex);
        continue;
      }
      if (at > from) this.#release(from, at - from);
      from = at + 1;
    }
    this.#askedCount -= asked.length;
    return asked;
  }

  #release(from: number, count: number): void {
    this.#end(from, count);
    this.#options.onReleased({ pieceIndex: indexOf(this.first + from), count });
  }

  #end(from: number, count: number): void {
    this.#states.fill(OVER, from, from + count);
    this.#openCount -= count;
    if (this.#openCount > 0 || !this.#buffer) return;
    this.#options.tools.pool.release(this.#buffer);
    this.#buffer = undefined;
  }
}

/** A number within the run, which lies within the torrent. */
function indexOf(index: number): PieceIndex {
  return index as PieceIndex;
}
