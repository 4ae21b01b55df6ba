/**
 * Which ranges of which files to ask a web seed for. Pieces that follow each other become one run, and a run one request a
 * file. Pure: what is wanted comes in, requests come out, in the order of the bytes.
 *
 *     piece:  waiting ──planned into a run──▶ planned ──its last byte was asked for and came──▶ passed
 *                ▲                               │                                                │
 *                └────────── reset ──────────────┴────── blocks of it are free again ─────────────┘
 */
import type { PieceIndex, PieceLayout } from '../metainfo/piece-layout.js';

/** Bytes of the torrent, from the first missing block of a piece to its last. */
export interface WantedSpan {
  readonly startOffset: number;
  readonly endOffset: number;
}

/** What is wanted of a piece; undefined when no block is missing that nobody else fetches. */
export type SpanOf = (pieceIndex: PieceIndex) => WantedSpan | undefined;

/** One request: bytes of one file. */
export interface FileRange {
  readonly fileIndex: number;
  readonly fileOffset: number;
  /** In the torrent. */
  readonly offset: number;
  readonly lengthBytes: number;
  /** Pieces whose last wanted byte is in it. */
  readonly completes: readonly PieceIndex[];
}

type PieceState = 'waiting' | 'planned' | 'passed';

export class RangePlan {
  readonly #layout: PieceLayout;
  readonly #states = new Map<PieceIndex, PieceState>();
  /** What of the current run was not asked for yet. */
  #run: Run | undefined;

  constructor(layout: PieceLayout) {
    this.#layout = layout;
  }

  /** In the order in which they were added. */
  get pieces(): Iterable<PieceIndex> {
    return this.#states.keys();
  }

  add(pieceIndex: PieceIndex): void {
    this.#states.set(pieceIndex, 'waiting');
  }

  remove(pieceIndex: PieceIndex): void {
    this.#states.delete(pieceIndex);
  }

  isPlanned(pieceIndex: PieceIndex): boolean {
    return this.#states.get(pieceIndex) === 'planned';
  }

  isPassed(pieceIndex: PieceIndex): boolean {
    return this.#states.get(pieceIndex) === 'passed';
  }

  /** The bytes came that were asked for in this range. */
  handleDone(range: FileRange): void {
    for (const pieceIndex of range.completes) {
      if (this.isPlanned(pieceIndex)) this.#states.set(pieceIndex, 'passed');
    }
  }

  /** Blocks of a piece are free again that its run has passed already. */
  askAgain(pieceIndex: PieceIndex): void {
    if (this.isPassed(pieceIndex)) this.#states.set(pieceIndex, 'waiting');
  }

  /** All requests were broken off: what they were for is planned anew. */
  reset(): void {
    this.#run = undefined;
    for (const [pieceIndex, state] of this.#states) if (state === 'planned') this.#states.set(pieceIndex, 'waiting');
  }

  /** The next request; undefined when everything was asked for. */
  next(spanOf: SpanOf): FileRange | undefined {
    if (!this.#run || this.#run.offset >= this.#run.endOffset) this.#run = this.#planRun(spanOf);
    const run = this.#run;
    if (!run) return undefined;
    const [slice] = this.#layout.fileSlices(run.offset, 1);
    if (!slice) return undefined;
    const { fileIndex, fileOffset } = slice;
    const { offset } = run;
    const endOffset = Math.min(run.endOffset, this.#layout.fileOffset(fileIndex + 1));
    const completes: PieceIndex[] = [];
    for (let [first] = run.ends; first && first[1] <= endOffset; [first] = run.ends) {
      completes.push(first[0]);
      run.ends.shift();
    }
    run.offset = endOffset;
    return { fileIndex, fileOffset, offset, lengthBytes: endOffset - offset, completes };
  }

  /** From the first piece that waits, as long as the next one follows without a gap. */
  #planRun(spanOf: SpanOf): Run | undefined {
    let run: Run | undefined;
    for (const [pieceIndex, state] of this.#states) {
      if (state !== 'waiting') {
        if (run) break;
        continue;
      }
      const span = spanOf(pieceIndex);
      if (run && span?.startOffset !== run.endOffset) break;
      if (!span) {
        this.#states.set(pieceIndex, 'passed');
        continue;
      }
      this.#states.set(pieceIndex, 'planned');
      run ??= { offset: span.startOffset, endOffset: span.endOffset, ends: [] };
      run.endOffset = span.endOffset;
      run.ends.push([pieceIndex, span.endOffset]);
    }
    return run;
  }
}

interface Run {
  /** What lies before was asked for. */
  offset: number;
  endOffset: number;
  /** Its pieces that were not asked for to their end, each with that end. */
  readonly ends: [pieceIndex: PieceIndex, endOffset: number][];
}
