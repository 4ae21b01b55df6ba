/**
 * What one peer asked for and has not got: requests in, blocks out.
 *
 * Thread: the link's. Copies made: none by us; blocks are read by vectored reads into one buffer that already holds the
 * message headers, and that buffer is written to the socket. At most two such batches are under way (one being read while
 * one is being sent), so a slow reader stops the reads from disk. Measured by: benchmarks/engine/transfer.bench.ts
 */
import type { PieceLayout } from '../metainfo/piece-layout.js';
import { MAX_QUEUED_REQUESTS, REQUEST_FLOOD } from '../protocol/limits.js';
import { PIECE_HEADER_BYTES, writePieceHeader } from '../protocol/message-encoder.js';
import type { CheckedRange } from '../swarm/peer-link.js';
import type { BufferPool } from './buffer-pool.js';
import type { PieceFiles } from './piece-files.js';
import type { SharedTokenBucket } from './shared-token-bucket.js';

const BATCH_BYTES = 524_288;
/** Under a rate limit one peer does not take all that came in at once. */
const LIMITED_BATCH_BYTES = 65_536;
const BATCH_REQUESTS = 256;
const BATCHES_UNDER_WAY = 2;

export interface UploadTools {
  readonly layout: PieceLayout;
  readonly files: PieceFiles;
  readonly pool: BufferPool;
  readonly bucket: SharedTokenBucket;
  /** Hands bytes to the socket; `done` is called when the kernel has them (or never, when the socket dies). */
  readonly send: (bytes: Uint8Array, done: () => void) => void;
  /** Payload that was handed to the kernel. */
  readonly onServed: (lengthBytes: number) => void;
  /** The ranges could not be read. */
  readonly onError: (error: unknown, ranges: readonly CheckedRange[]) => void;
}

export class UploadQueue {
  readonly #tools: UploadTools;
  #queue: CheckedRange[] = [];
  #head = 0;
  #batches = 0;
  #refusedInARow = 0;
  #isClosed = false;
  /** Handed to the socket, which says when it is done with them unless it dies. */
  readonly #sending = new Set<Uint8Array>();

  constructor(tools: UploadTools) {
    this.#tools = tools;
  }

  get length(): number {
    return this.#queue.length - this.#head;
  }

  /** @returns `full`: refuse it (BEP 6 reject); `flood`: the peer ignores refusals, disconnect it */
  push(range: CheckedRange): 'queued' | 'full' | 'flood' {
    if (this.length >= MAX_QUEUED_REQUESTS) {
      this.#refusedInARow += 1;
      return this.length + this.#refusedInARow >= REQUEST_FLOOD ? 'flood' : 'full';
    }
    this.#refusedInARow = 0;
    this.#queue.push(range);
    return 'queued';
  }

  /** Takes a request back. @returns whether it was still waiting */
  cancel(range: CheckedRange): boolean {
    const at = this.#queue.findIndex(
      (each, index) =>
        index >= this.#head &&
        each.pieceIndex === range.pieceIndex &&
        each.blockOffset === range.blockOffset &&
        each.lengthBytes === range.lengthBytes,
    );
    if (at < 0) return false;
    this.#queue.splice(at, 1);
    return true;
  }

  /** Forgets the waiting requests that `accept` does not take. @returns those, for rejects */
  keep(accept: (range: CheckedRange) => boolean): CheckedRange[] {
    const waiting = this.clear();
    this.#queue = waiting.filter(accept);
    return waiting.filter((range) => !accept(range));
  }

  /** Forgets all waiting requests. @returns them, for rejects */
  clear(): CheckedRange[] {
    const waiting = this.#queue.slice(this.#head);
    this.#queue = [];
    this.#head = 0;
    return waiting;
  }

  /** Serves what limits and memory allow; call after pushes and from the worker's timer. */
  pump(): void {
    const batchBytes = this.#tools.bucket.isLimited ? LIMITED_BATCH_BYTES : BATCH_BYTES;
    while (!this.#isClosed && this.#batches < BATCHES_UNDER_WAY && this.length > 0) {
      if (!this.#serveBatch(batchBytes, false)) {
        // Memory is short: one block at a time, so that nobody waits for ever.
        if (this.#batches > 0 || !this.#serveBatch(0, true)) return;
      }
    }
  }

  /** The socket is gone: buffers that it will never ask for again go back, those that are being read into follow. */
  close(): void {
    this.#isClosed = true;
    this.clear();
    for (const buffer of this.#sending) this.#tools.pool.release(buffer);
    this.#sending.clear();
  }

  /** @returns false when limits or memory do not allow it now */
  #serveBatch(mostBytes: number, force: boolean): boolean {
    const ranges = this.#takeBatch(mostBytes);
    if (ranges.length === 0) return false;
    const sizeBytes = ranges.reduce((sum, range) => sum + PIECE_HEADER_BYTES + range.lengthBytes, 0);
    const buffer = this.#tools.pool.acquire(sizeBytes, force);
    if (!buffer) {
      this.#putBack(ranges);
      return false;
    }
    this.#batches += 1;
    void this.#serve(ranges, buffer, sizeBytes);
    return true;
  }

  /** At least one range, if tokens allow. */
  #takeBatch(mostBytes: number): CheckedRange[] {
    const ranges: CheckedRange[] = [];
    let sizeBytes = 0;
    while (this.#head < this.#queue.length && ranges.length < BATCH_REQUESTS) {
      const range = this.#queue[this.#head];
      if (!range || (ranges.length > 0 && sizeBytes + range.lengthBytes > mostBytes)) break;
      if (!this.#tools.bucket.take(range.lengthBytes)) break;
      this.#head += 1;
      sizeBytes += range.lengthBytes;
      ranges.push(range);
    }
    if (this.#head > MAX_QUEUED_REQUESTS) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
    return ranges;
  }

  #putBack(ranges: readonly CheckedRange[]): void {
    this.#queue = [...ranges, ...this.#queue.slice(this.#head)];
    this.#head = 0;
    for (const range of ranges) this.#tools.bucket.giveBack(range.lengthBytes);
  }

  async #serve(ranges: readonly CheckedRange[], buffer: Uint8Array, sizeBytes: number): Promise<void> {
    const { files, pool, bucket, layout } = this.#tools;
    const payloadBytes = sizeBytes - ranges.length * PIECE_HEADER_BYTES;
    const reads = layOut(ranges, buffer, layout);
    // All of them, also when one fails: the buffer may not be given back while the kernel still writes into it.
    const outcomes = await Promise.allSettled(reads.map((read) => files.read(read.offset, read.views)));
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed || this.#isClosed) {
      this.#batches -= 1;
      pool.release(buffer);
      bucket.giveBack(payloadBytes);
      if (failed && !this.#isClosed) this.#tools.onError(failed.reason, ranges);
      return;
    }
    this.#sending.add(buffer);
    this.#tools.send(buffer.subarray(0, sizeBytes), () => {
      if (!this.#sending.delete(buffer)) return;
      this.#batches -= 1;
      pool.release(buffer);
      this.#tools.onServed(payloadBytes);
      this.pump();
    });
  }
}

interface Read {
  readonly offset: number;
  readonly views: Uint8Array[];
}

/** Writes the headers, and finds the reads that fill the gaps between them: one for each run of adjacent requests. */
function layOut(ranges: readonly CheckedRange[], buffer: Uint8Array, layout: PieceLayout): Read[] {
  const reads: Read[] = [];
  let at = 0;
  let expected = -1;
  for (const range of ranges) {
    at = writePieceHeader(buffer, at, range);
    const view = buffer.subarray(at, at + range.lengthBytes);
    const offset = layout.pieceOffset(range.pieceIndex) + range.blockOffset;
    const last = reads[reads.length - 1];
    if (last && offset === expected) last.views.push(view);
    else reads.push({ offset, views: [view] });
    expected = offset + range.lengthBytes;
    at += range.lengthBytes;
  }
  return reads;
}
