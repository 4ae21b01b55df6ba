/**
 * The runs of small pieces that one link fetches, in the order in which they were given. What a piece costs here is what it
 * costs at all: there is no object, no promise and no entry of a table for any single one.
 *
 * Thread: the link's. Measured by: benchmarks/engine/small-pieces.bench.ts
 */
import { BLOCK_LENGTH, type PieceIndex } from '../metainfo/piece-layout.js';
import { encodePieceRequests, encodeRanges } from '../protocol/message-encoder.js';
import type { BlockRange, PieceFragment } from '../protocol/messages.js';
import type { RequestPipeline } from '../swarm/request-pipeline.js';
import type { PieceRange } from '../swarm/swarm-events.js';
import type { PieceRun } from './piece-run.js';
import type { SharedTokenBucket } from './shared-token-bucket.js';

export class RunQueue {
  readonly #pipeline: RequestPipeline;
  readonly #bucket: SharedTokenBucket;
  readonly #runs = new Set<PieceRun>();
  /** Runs with pieces to ask for, in order. */
  readonly #hungry: PieceRun[] = [];
  /** They hold pieces that are to be written. */
  readonly #unwritten = new Set<PieceRun>();
  readonly #writing = new Set<Promise<void>>();
  /** The run of the last fragment: the next one is most likely of the same. */
  #current: PieceRun | undefined;
  /** The piece of `#current` whose first bytes were taken; what follows of it is taken for the same request alone. */
  #arriving = -1;

  constructor(pipeline: RequestPipeline, bucket: SharedTokenBucket) {
    this.#pipeline = pipeline;
    this.#bucket = bucket;
  }

  add(run: PieceRun): void {
    this.#runs.add(run);
    this.#hungry.push(run);
  }

  /** The run that holds a piece which is not over. */
  find(pieceIndex: number): PieceRun | undefined {
    if (this.#current?.holds(pieceIndex) === true) return this.#current;
    for (const run of this.#runs) if (run.holds(pieceIndex)) return run;
    return undefined;
  }

  /**
   * Asks for as many pieces as pipeline, rate limit and memory allow.
   * @param mayAsk pieces that a choking peer serves nevertheless; all when left out
   * @returns the requests
   */
  pump(nowMs: number, pieceLengthBytes: number, mayAsk?: (pieceIndex: PieceIndex) => boolean): Uint8Array[] {
    const requests: Uint8Array[] = [];
    for (let at = 0, run = this.#hungry[0]; run; run = this.#hungry[at]) {
      const most = Math.min(this.#pipeline.room(pieceLengthBytes), this.#mostByTokens(pieceLengthBytes));
      if (most === 0 || (!run.isOver && !run.ensureMemory(this.#pipeline.inFlightCount === 0))) break;
      const claimed = run.claim(most, nowMs, mayAsk);
      if (claimed) requests.push(this.#ask(run, claimed, nowMs));
      else if (mayAsk) at += 1;
      else this.#hungry.splice(at, 1);
    }
    return requests;
  }

  /**
   * Copies a fragment to where it belongs.
   * @returns payload bytes that nobody asked for; undefined when no run holds the piece
   */
  handleFragment(fragment: PieceFragment, isBlock: boolean, source: string, nowMs: number): number | undefined {
    const { pieceIndex, fragmentOffset } = fragment;
    const lengthBytes = fragment.fragment.length;
    const run = this.find(pieceIndex);
    if (!run) return undefined;
    if (!isBlock || !run.isAsked(pieceIndex)) return this.#waste(lengthBytes);
    if (fragmentOffset === 0) {
      this.#current = run;
      this.#arriving = pieceIndex;
    } else if (this.#current !== run || this.#arriving !== pieceIndex) return this.#waste(lengthBytes);
    run.take(pieceIndex, fragmentOffset, fragment.fragment);
    this.#pipeline.handlePayload(lengthBytes, nowMs);
    if (fragmentOffset + lengthBytes < fragment.lengthBytes) return 0;
    this.#arriving = -1;
    this.#pipeline.handleCounted(fragment.lengthBytes, run.sentMs(pieceIndex), nowMs);
    if (run.mustWriteBefore(pieceIndex)) this.#write(run);
    run.handleWhole(pieceIndex, source, nowMs);
    this.#unwritten.add(run);
    return 0;
  }

  /** Writes what waits no longer for more; call it when the bytes that were read are used up, and now and then. */
  write(nowMs: number): void {
    for (const run of this.#unwritten) if (run.isDue(nowMs)) this.#write(run);
  }

  /** The peer refuses a piece. @returns whether it was on its way */
  handleRejected(range: BlockRange): boolean {
    const { pieceIndex } = range;
    const run = this.find(pieceIndex);
    if (run?.isAsked(pieceIndex) !== true || range.blockOffset !== 0) return false;
    if (range.lengthBytes !== run.lengthOf(pieceIndex)) return false;
    run.giveBack(pieceIndex);
    this.#forget(run, pieceIndex);
    if (!this.#hungry.includes(run)) this.#hungry.push(run);
    return true;
  }

  /**
   * Gives pieces back that have not come; those that have are verified soon.
   * @param isGoing which
   * @returns messages that take their requests back
   */
  release(isGoing: (pieceIndex: PieceIndex, run: PieceRun) => boolean): Uint8Array | undefined {
    const ranges: BlockRange[] = [];
    for (const run of this.#runs) {
      for (const pieceIndex of run.release((index) => isGoing(index, run))) {
        this.#forget(run, pieceIndex);
        ranges.push({ pieceIndex, blockOffset: 0, lengthBytes: run.lengthOf(pieceIndex) });
      }
      this.#dropIfOver(run);
    }
    return ranges.length > 0 ? encodeRanges('cancel', ranges) : undefined;
  }

  /** Resolves when nothing is being written any more. */
  async settled(): Promise<void> {
    this.write(Infinity);
    while (this.#writing.size > 0) await Promise.all(this.#writing);
  }

  #ask(run: PieceRun, { pieceIndex: first, count = 1 }: PieceRange, nowMs: number): Uint8Array {
    const last = first + count - 1;
    const pieceBytes = run.lengthOf(first);
    const lastBytes = run.lengthOf(last);
    const sizeBytes = (count - 1) * pieceBytes + lastBytes;
    this.#bucket.take(sizeBytes);
    this.#pipeline.handleCountedSent(count, sizeBytes, nowMs);
    return encodePieceRequests(first, count, pieceBytes, lastBytes);
  }

  /** One block's worth, with a limit. */
  #mostByTokens(pieceLengthBytes: number): number {
    if (!this.#bucket.isLimited) return Infinity;
    return this.#bucket.hasTokens ? Math.max(1, Math.floor(BLOCK_LENGTH / pieceLengthBytes)) : 0;
  }

  /** A piece that was asked for does not come. */
  #forget(run: PieceRun, pieceIndex: number): void {
    if (this.#arriving === pieceIndex) this.#arriving = -1;
    this.#pipeline.handleCountedDropped(run.lengthOf(pieceIndex));
    // What arrives nevertheless is charged when it does.
    this.#bucket.giveBack(run.lengthOf(pieceIndex));
  }

  /** It used the line; but a stranger's flood runs up no debt. */
  #waste(lengthBytes: number): number {
    this.#bucket.take(lengthBytes);
    return lengthBytes;
  }

  #write(run: PieceRun): void {
    this.#unwritten.delete(run);
    const written: Promise<void> = run.write().then(() => {
      this.#writing.delete(written);
      this.#dropIfOver(run);
    });
    this.#writing.add(written);
  }

  #dropIfOver(run: PieceRun): void {
    if (!run.isOver || !this.#runs.delete(run)) return;
    if (this.#current === run) this.#current = undefined;
  }
}
