/**
 * What one link fetches: pieces in the order they were given, their blocks asked for as the pipeline has room.
 *
 * Thread: the link's. Copies made: one, each block fragment from the socket's read buffer into the memory of its piece.
 * Measured by: benchmarks/engine/transfer.bench.ts
 */
import { BLOCK_LENGTH, type PieceIndex, type PieceLayout } from '../metainfo/piece-layout.js';
import { encodeRanges } from '../protocol/message-encoder.js';
import type { BlockRange, PieceFragment } from '../protocol/messages.js';
import type { RequestPipeline } from '../swarm/request-pipeline.js';
import type { BlockSink } from './piece-assembly.js';
import type { PieceRun } from './piece-run.js';
import { RunQueue } from './run-queue.js';
import type { SharedTokenBucket } from './shared-token-bucket.js';

/** A piece on this link. */
export interface FetchTask {
  readonly sink: BlockSink;
  /** Endgame help: from the last block backwards. */
  readonly isHelp: boolean;
  readonly inFlight: Set<number>;
  /** Whether `claimNext` may find something; false once it found nothing. */
  hasMore: boolean;
  /** Since when it has waited for blocks that others fetch. */
  idleSinceMs: number | undefined;
}

export class DownloadQueue {
  /** Pieces of one block each, which come in runs. */
  readonly runs: RunQueue;
  readonly #layout: PieceLayout;
  readonly #pipeline: RequestPipeline;
  readonly #bucket: SharedTokenBucket;
  readonly #send: (bytes: Uint8Array) => void;
  readonly #tasks = new Map<PieceIndex, FetchTask>();
  /** Tasks with blocks to ask for, in order. */
  #hungry: FetchTask[] = [];
  /** The block whose first bytes were taken; what follows of it is taken for the same task alone. */
  #arriving: { readonly task: FetchTask; readonly block: number } | undefined;

  constructor(options: {
    readonly layout: PieceLayout;
    readonly pipeline: RequestPipeline;
    readonly bucket: SharedTokenBucket;
    readonly send: (bytes: Uint8Array) => void;
  }) {
    this.#layout = options.layout;
    this.#pipeline = options.pipeline;
    this.#bucket = options.bucket;
    this.#send = options.send;
    this.runs = new RunQueue(options.pipeline, options.bucket);
  }

  get tasks(): ReadonlyMap<PieceIndex, FetchTask> {
    return this.#tasks;
  }

  add(sink: BlockSink, isHelp: boolean): void {
    this.remove(sink.pieceIndex, true);
    const task: FetchTask = { sink, isHelp, inFlight: new Set(), hasMore: true, idleSinceMs: undefined };
    this.#tasks.set(sink.pieceIndex, task);
    this.#hungry.push(task);
  }

  /** Blocks of the piece may be free again. */
  wake(pieceIndex: PieceIndex): void {
    const task = this.#tasks.get(pieceIndex);
    if (task) this.#makeHungry(task);
  }

  /** Pieces of this link for which it has nothing to ask: the rest was asked for by helpers, `leastMs` ago or earlier. */
  starving(nowMs: number, leastMs: number): PieceIndex[] {
    const starving: PieceIndex[] = [];
    for (const [pieceIndex, task] of this.#tasks) {
      if (task.isHelp || task.hasMore || task.inFlight.size > 0) {
        task.idleSinceMs = undefined;
        continue;
      }
      task.idleSinceMs ??= nowMs;
      if (nowMs - task.idleSinceMs < leastMs) continue;
      task.idleSinceMs = nowMs;
      starving.push(pieceIndex);
    }
    return starving;
  }

  /**
   * Ends a piece on this link. Blocks on their way are taken back with `cancel`, their claims given back.
   * @returns the task, or undefined when the link has no such piece
   */
  remove(pieceIndex: PieceIndex, sendCancels: boolean): FetchTask | undefined {
    const task = this.#tasks.get(pieceIndex);
    if (!task) return undefined;
    this.#tasks.delete(pieceIndex);
    // Thousands of small pieces may wait: they are looked through only for one that is among them.
    if (task.hasMore) this.#hungry = this.#hungry.filter((each) => each !== task);
    const ranges: BlockRange[] = [];
    for (const block of task.inFlight) {
      this.#pipeline.handleDropped(pieceIndex, block);
      task.sink.giveBack(block);
      const range = this.#range(pieceIndex, block);
      // What arrives nevertheless is charged when it does.
      this.#bucket.giveBack(range.lengthBytes);
      ranges.push(range);
    }
    if (sendCancels && ranges.length > 0) this.#send(encodeRanges('cancel', ranges));
    return task;
  }

  /** Gives pieces of runs back that have not come, see `RunQueue.release`. */
  releaseRuns(isGoing: (pieceIndex: PieceIndex, run: PieceRun) => boolean, sendCancels: boolean): void {
    const cancels = this.runs.release(isGoing);
    if (cancels && sendCancels) this.#send(cancels);
  }

  /** The piece is complete or failed: nothing of it is on its way any more, but for what a helper asked for. */
  finish(pieceIndex: PieceIndex): void {
    this.remove(pieceIndex, true);
  }

  /**
   * Asks for as many blocks as pipeline, rate limit and memory allow.
   * @param mayAsk pieces that a choking peer serves nevertheless; all when left out
   */
  pump(nowMs: number, mayAsk?: (pieceIndex: PieceIndex) => boolean): void {
    const next = (): FetchTask | undefined =>
      mayAsk ? this.#hungry.find((task) => mayAsk(task.sink.pieceIndex)) : this.#hungry[0];
    const requests = this.runs.pump(nowMs, this.#layout.pieceLengthBytes, mayAsk);
    const ranges: BlockRange[] = [];
    for (let task = next(); task; task = next()) {
      if (!this.#pipeline.hasRoom(Math.min(BLOCK_LENGTH, this.#layout.pieceLengthBytes)) || !this.#bucket.hasTokens)
        break;
      const block = task.sink.claimNext(task.isHelp, this.#pipeline.inFlightCount === 0);
      if (block === 'no-memory') break;
      if (block === undefined) {
        task.hasMore = false;
        this.#hungry.splice(this.#hungry.indexOf(task), 1);
        continue;
      }
      const range = this.#range(task.sink.pieceIndex, block);
      this.#bucket.take(range.lengthBytes);
      task.inFlight.add(block);
      this.#pipeline.handleSent(range.pieceIndex, block, range.lengthBytes, nowMs);
      ranges.push(range);
    }
    if (ranges.length > 0) requests.push(encodeRanges('request', ranges));
    const [first, ...more] = requests;
    if (first) this.#send(more.length > 0 ? Buffer.concat(requests) : first);
  }

  /**
   * Copies a fragment to where it belongs.
   * @param block number of the block, undefined when the range is none that we ask for
   * @returns payload bytes that nobody asked for
   */
  handleFragment(fragment: PieceFragment, block: number | undefined, source: string, nowMs: number): number {
    const wastedInRun = this.runs.handleFragment(fragment, block === 0, source, nowMs);
    if (wastedInRun !== undefined) return wastedInRun;
    const task = this.#taskOf(fragment, block);
    if (!task || block === undefined) {
      // It used the line; but a stranger's flood runs up no debt.
      this.#bucket.take(fragment.fragment.length);
      return fragment.fragment.length;
    }
    const memory = task.sink.blockMemory(block);
    memory?.set(fragment.fragment, fragment.fragmentOffset);
    this.#pipeline.handlePayload(fragment.fragment.length, nowMs);
    const wasted = memory ? 0 : fragment.fragment.length;
    if (fragment.fragmentOffset + fragment.fragment.length < fragment.lengthBytes) return wasted;
    this.#arriving = undefined;
    task.inFlight.delete(block);
    this.#pipeline.handleBlock(fragment.pieceIndex, block, nowMs);
    task.sink.handleBlock(block, source);
    return wasted;
  }

  /** The peer refuses a block. @returns whether it was on its way */
  handleRejected(range: BlockRange): boolean {
    if (this.runs.handleRejected(range)) return true;
    const pieceIndex = range.pieceIndex as PieceIndex;
    const task = this.#tasks.get(pieceIndex);
    const block = range.blockOffset / BLOCK_LENGTH;
    if (!task?.inFlight.has(block) || range.lengthBytes !== this.#range(pieceIndex, block).lengthBytes) return false;
    task.inFlight.delete(block);
    this.#pipeline.handleDropped(pieceIndex, block);
    this.#bucket.giveBack(range.lengthBytes);
    task.sink.giveBack(block);
    this.#makeHungry(task);
    return true;
  }

  /**
   * The task that waits for this fragment. A block that was taken back while it was arriving, and asked for again, is not
   * completed by the rest of the first answer: the new memory lacks its beginning.
   */
  #taskOf(fragment: PieceFragment, block: number | undefined): FetchTask | undefined {
    const task = block === undefined ? undefined : this.#tasks.get(fragment.pieceIndex as PieceIndex);
    if (!task || block === undefined || !task.inFlight.has(block)) return undefined;
    if (fragment.fragmentOffset === 0) this.#arriving = { task, block };
    return this.#arriving?.task === task && this.#arriving.block === block ? task : undefined;
  }

  #makeHungry(task: FetchTask): void {
    if (task.hasMore) return;
    task.hasMore = true;
    this.#hungry.push(task);
  }

  #range(pieceIndex: PieceIndex, block: number): BlockRange {
    return {
      pieceIndex,
      blockOffset: block * BLOCK_LENGTH,
      lengthBytes: this.#layout.blockSize(pieceIndex, block),
    };
  }
}
