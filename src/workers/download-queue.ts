/**
 * What one link fetches: pieces in the order they were given, their blocks asked for as the pipeline has room.
 *
 * Thread: the link's. Copies made: one, each block fragment from the socket's read buffer into the memory of its piece.
 * Measured by: benchmarks/transfer.ts
 */
import { BLOCK_LENGTH, type PieceIndex, type PieceLayout } from '../metainfo/piece-layout.js';
import { encodeRanges } from '../protocol/message-encoder.js';
import type { BlockRange, PieceFragment } from '../protocol/messages.js';
import type { RequestPipeline } from '../swarm/request-pipeline.js';
import type { BlockSink } from './piece-assembly.js';
import type { SharedTokenBucket } from './shared-token-bucket.js';

/** A piece on this link. */
export interface FetchTask {
  readonly sink: BlockSink;
  /** Endgame help: from the last block backwards. */
  readonly isHelp: boolean;
  readonly inFlight: Set<number>;
  /** Whether `claimNext` may find something; false once it found nothing. */
  hasMore: boolean;
}

export class DownloadQueue {
  readonly #layout: PieceLayout;
  readonly #pipeline: RequestPipeline;
  readonly #bucket: SharedTokenBucket;
  readonly #send: (bytes: Uint8Array) => void;
  readonly #tasks = new Map<PieceIndex, FetchTask>();
  /** Tasks with blocks to ask for, in order. */
  #hungry: FetchTask[] = [];

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
  }

  get tasks(): ReadonlyMap<PieceIndex, FetchTask> {
    return this.#tasks;
  }

  add(sink: BlockSink, isHelp: boolean): void {
    const task: FetchTask = { sink, isHelp, inFlight: new Set(), hasMore: true };
    this.#tasks.set(sink.pieceIndex, task);
    this.#hungry.push(task);
  }

  /** Blocks of the piece may be free again. */
  wake(pieceIndex: PieceIndex): void {
    const task = this.#tasks.get(pieceIndex);
    if (!task || task.hasMore) return;
    task.hasMore = true;
    this.#hungry.push(task);
  }

  /**
   * Ends a piece on this link. Blocks on their way are taken back with `cancel`, their claims given back.
   * @returns the task, or undefined when the link has no such piece
   */
  remove(pieceIndex: PieceIndex, sendCancels: boolean): FetchTask | undefined {
    const task = this.#tasks.get(pieceIndex);
    if (!task) return undefined;
    this.#tasks.delete(pieceIndex);
    this.#hungry = this.#hungry.filter((each) => each !== task);
    const ranges: BlockRange[] = [];
    for (const block of task.inFlight) {
      this.#pipeline.handleDropped(pieceIndex, block);
      task.sink.giveBack(block);
      ranges.push(this.#range(pieceIndex, block));
    }
    if (sendCancels && ranges.length > 0) this.#send(encodeRanges('cancel', ranges));
    return task;
  }

  /** The piece is complete or failed: nothing of it is on its way any more, but for what a helper asked for. */
  finish(pieceIndex: PieceIndex): void {
    this.remove(pieceIndex, true);
  }

  /** Asks for as many blocks as pipeline, rate limit and memory allow. */
  pump(nowMs: number): void {
    const ranges: BlockRange[] = [];
    for (let task = this.#hungry[0]; task; task = this.#hungry[0]) {
      if (!this.#pipeline.hasRoom(Math.min(BLOCK_LENGTH, this.#layout.pieceLengthBytes)) || !this.#bucket.hasTokens)
        break;
      const block = task.sink.claimNext(task.isHelp, this.#pipeline.inFlightCount === 0);
      if (block === 'no-memory') break;
      if (block === undefined) {
        task.hasMore = false;
        this.#hungry.shift();
        continue;
      }
      const range = this.#range(task.sink.pieceIndex, block);
      this.#bucket.take(range.lengthBytes);
      task.inFlight.add(block);
      this.#pipeline.handleSent(range.pieceIndex, block, range.lengthBytes, nowMs);
      ranges.push(range);
    }
    if (ranges.length > 0) this.#send(encodeRanges('request', ranges));
  }

  /**
   * Copies a fragment to where it belongs.
   * @param block number of the block, undefined when the range is none that we ask for
   * @returns payload bytes that nobody asked for
   */
  handleFragment(fragment: PieceFragment, block: number | undefined, source: string, nowMs: number): number {
    const task = block === undefined ? undefined : this.#tasks.get(fragment.pieceIndex as PieceIndex);
    if (!task || block === undefined || !task.inFlight.has(block)) return fragment.fragment.length;
    const memory = task.sink.blockMemory(block);
    if (!memory) return fragment.fragment.length;
    memory.set(fragment.fragment, fragment.fragmentOffset);
    this.#pipeline.handlePayload(fragment.fragment.length, nowMs);
    if (fragment.fragmentOffset + fragment.fragment.length < fragment.lengthBytes) return 0;
    task.inFlight.delete(block);
    this.#pipeline.handleBlock(fragment.pieceIndex, block, nowMs);
    task.sink.handleBlock(block, source);
    return 0;
  }

  /** The peer refuses a block. @returns whether it was on its way */
  handleRejected(range: BlockRange): boolean {
    const task = this.#tasks.get(range.pieceIndex as PieceIndex);
    const block = Math.floor(range.blockOffset / BLOCK_LENGTH);
    if (!task?.inFlight.delete(block)) return false;
    this.#pipeline.handleDropped(range.pieceIndex, block);
    this.#bucket.giveBack(range.lengthBytes);
    task.sink.giveBack(block);
    return true;
  }

  #range(pieceIndex: PieceIndex, block: number): BlockRange {
    return {
      pieceIndex,
      blockOffset: block * BLOCK_LENGTH,
      lengthBytes: this.#layout.blockSize(pieceIndex, block),
    };
  }
}
