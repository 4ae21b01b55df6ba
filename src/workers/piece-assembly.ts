/**
 * One unfinished piece in the worker that holds the link it is fetched from: blocks come in, a verified piece goes out.
 *
 * Thread: one. Copies made: one, from the socket's read buffer into the run (done by the link). A piece is cut into
 * *runs*; a piece of one run is hashed and then written, a longer one is hashed run by run as they fill in order and
 * written before it is verified: writing is not claiming. Runs that fill out of order are written and read back when
 * the hash has come to them. Measured by: benchmarks/engine/transfer.bench.ts
 *
 *     run:  empty ──first claim──▶ filling ──last block──▶ full ──▶ (hashed) ──written──▶ stored, buffer given back
 */
import { sha1 } from '../hashing/digests.js';
import type { PieceVerdict, PieceVerifier } from '../hashing/piece-verifier.js';
import { BLOCK_LENGTH, type PieceIndex, type PieceLayout } from '../metainfo/piece-layout.js';
import { Bitfield } from '../protocol/bitfield.js';
import type { FailedPieceEvidence, PartialPiece } from '../swarm/swarm-events.js';
import type { BlockClaims } from './block-claims.js';
import type { BufferPool } from './buffer-pool.js';
import type { PieceFiles } from './piece-files.js';

const BLOCK_DIGEST_LENGTH = 20;
/** A helper's write that lasts longer than so many takings-over, one a second, will never end: its thread died. */
const TAKE_OVERS_BEFORE_DEATH = 60;

/** What assemblies of one torrent share. */
export interface AssemblyTools {
  readonly layout: PieceLayout;
  readonly files: PieceFiles;
  readonly verifier: PieceVerifier;
  readonly pool: BufferPool;
}

/** How a piece ended. `liars` and `contributors` are blame keys. */
export type AssemblyResult =
  | { readonly type: 'verified'; readonly liars: readonly string[] }
  | { readonly type: 'failed'; readonly contributors: readonly string[]; readonly evidence?: FailedPieceEvidence }
  | Extract<PieceVerdict, { type: 'contradiction' }>;

/** Where a link puts blocks: a piece that it holds, or helps with. */
export interface BlockSink {
  readonly pieceIndex: PieceIndex;
  /** The next block to ask for; `no-memory` when its buffer does not fit the budget now. Claimed when returned. */
  claimNext(fromBack: boolean, force: boolean): number | 'no-memory' | undefined;
  giveBack(block: number): void;
  /** Memory of a claimed block, exactly its length. */
  blockMemory(block: number): Uint8Array | undefined;
  /** All bytes of the block are in its memory. */
  handleBlock(block: number, source: string): void;
  /** Resolves when nothing that a helper brought is being written any more. */
  helpEnded(): Promise<void>;
}

interface Run {
  readonly index: number;
  readonly firstBlock: number;
  readonly blockCount: number;
  readonly lengthBytes: number;
  buffer: Uint8Array | undefined;
  /** Blocks that are in memory or on disk. */
  presentBlocks: number;
  isStored: boolean;
}

export class PieceAssembly implements BlockSink {
  readonly pieceIndex: PieceIndex;
  readonly ownerLinkId: number;
  readonly claims: BlockClaims;
  readonly #tools: AssemblyTools;
  readonly #onSettled: (result: AssemblyResult) => void;
  readonly #onError: (error: unknown) => void;
  readonly #blockCount: number;
  readonly #runBlocks: number;
  readonly #runs: Run[];
  readonly #present: Bitfield;
  readonly #onDisk: Bitfield;
  readonly #sources = new Map<string, Bitfield>();
  readonly #evidence: FailedPieceEvidence | undefined;
  readonly #liars = new Set<string>();
  readonly #stream: ReturnType<PieceVerifier['createStream']> | undefined;
  #takeOvers = 0;
  #hashedRuns = 0;
  #isReadingBack = false;
  #isOver = false;
  readonly #writing = new Set<Promise<unknown>>();

  constructor(options: {
    readonly tools: AssemblyTools;
    readonly pieceIndex: PieceIndex;
    readonly ownerLinkId: number;
    readonly claims: BlockClaims;
    readonly partial: PartialPiece;
    readonly evidence: FailedPieceEvidence | undefined;
    /** Blocks of a run; a piece that fits is one run. */
    readonly runBlocks: number;
    readonly onSettled: (result: AssemblyResult) => void;
    readonly onError: (error: unknown) => void;
  }) {
    const { tools, pieceIndex } = options;
    this.#tools = tools;
    this.pieceIndex = pieceIndex;
    this.ownerLinkId = options.ownerLinkId;
    this.claims = options.claims;
    this.#evidence = options.evidence;
    this.#onSettled = options.onSettled;
    this.#onError = options.onError;
    this.#blockCount = tools.layout.blockCount(pieceIndex);
    this.#runBlocks = options.runBlocks;
    this.#runs = makeRuns(tools.layout.pieceSize(pieceIndex), this.#blockCount, options.runBlocks);
    this.#present = new Bitfield(this.#blockCount);
    this.#onDisk = new Bitfield(this.#blockCount);
    this.#stream = this.#runs.length > 1 ? tools.verifier.createStream(pieceIndex) : undefined;
    for (const { source, blocks } of options.partial) {
      this.#addOnDisk([...new Bitfield(this.#blockCount, blocks).indices()], source);
    }
  }

  /** Begins to work on what a partial piece brought; call once after construction. */
  start(): void {
    for (const run of this.#runs) this.#handleRunProgress(run);
  }

  claimNext(fromBack: boolean, force: boolean): number | 'no-memory' | undefined {
    if (this.#isOver) return undefined;
    for (;;) {
      const block = this.claims.findFree(fromBack);
      if (block === undefined) return undefined;
      const run = this.#runOf(block);
      if (run && !this.#ensureBuffer(run, force)) return 'no-memory';
      if (this.claims.claim(block)) return block;
    }
  }

  /** Claims this very block, for a sender that goes through the piece from front to back. */
  claimAt(block: number, force: boolean): 'claimed' | 'taken' | 'no-memory' {
    const run = this.#runOf(block);
    if (this.#isOver || !run || !this.claims.isFree(block)) return 'taken';
    if (!this.#ensureBuffer(run, force)) return 'no-memory';
    return this.claims.claim(block) ? 'claimed' : 'taken';
  }

  /** The first and the last block that nobody has or fetches; undefined when there is none. */
  freeSpan(): { readonly first: number; readonly last: number } | undefined {
    const first = this.#isOver ? undefined : this.claims.findFree(false);
    const last = this.claims.findFree(true);
    return first === undefined || last === undefined ? undefined : { first, last };
  }

  /** Whether it holds memory, which comes back when it has been written. */
  get holdsMemory(): boolean {
    return this.#runs.some((run) => run.buffer !== undefined);
  }

  giveBack(block: number): void {
    this.claims.giveBack(block);
  }

  blockMemory(block: number): Uint8Array | undefined {
    const run = this.#runOf(block);
    if (this.#isOver || !run?.buffer || this.#present.has(block)) return undefined;
    const at = (block - run.firstBlock) * BLOCK_LENGTH;
    return run.buffer.subarray(at, at + this.#tools.layout.blockSize(this.pieceIndex, block));
  }

  handleBlock(block: number, source: string): void {
    const run = this.#runOf(block);
    if (this.#isOver || !run || this.#present.has(block)) return;
    this.claims.markDone(block);
    this.#markPresent(block, source);
    this.#handleRunProgress(run);
  }

  /** Helpers in the owner's own thread write nothing themselves. */
  helpEnded(): Promise<void> {
    return Promise.resolve();
  }

  /** Whether all blocks are there: what is left is to hash and write them. */
  get isWhole(): boolean {
    return this.#runs.every((run) => run.presentBlocks === run.blockCount);
  }

  /** Helpers in other threads keep this piece waiting: what they have not brought may be asked for again. */
  takeOver(): void {
    this.#takeOvers += 1;
    this.claims.takeOver(this.#takeOvers > TAKE_OVERS_BEFORE_DEATH);
  }

  /** Blocks that a helper in another worker has put on disk. */
  handleFerried(blocks: readonly number[], source: string): void {
    if (this.#isOver) return;
    this.claims.rescan();
    this.#addOnDisk(blocks, source);
    for (const run of this.#runs) this.#handleRunProgress(run);
  }

  /**
   * Gives the piece up: what is in memory goes to disk.
   * @returns what is on disk then, by source
   * @throws {P2P_DISK_FULL} {P2P_DISK_FAILED} when it cannot be written; memory is given back nevertheless
   */
  async release(): Promise<PartialPiece> {
    this.#isOver = true;
    this.claims.revoke();
    await Promise.allSettled(this.#writing);
    try {
      for (const run of this.#runs) {
        if (run.buffer) await this.#storePart(run, run.buffer);
      }
    } finally {
      // Where one run could not be written, the others still hold their memory.
      for (const run of this.#runs) this.#dropBuffer(run);
    }
    return this.#partial();
  }

  #handleRunProgress(run: Run): void {
    if (run.isStored || run.presentBlocks < run.blockCount || this.#isOver) return;
    const isOnDiskWhole = run.buffer === undefined;
    if (isOnDiskWhole) run.isStored = true;
    this.#track(this.#runs.length === 1 ? this.#finishSingleRun(run) : this.#storeRun(run, isOnDiskWhole));
  }

  async #finishSingleRun(run: Run): Promise<void> {
    run.isStored = true;
    const buffer = run.buffer ?? this.#acquireNow(run);
    const bytes = buffer.subarray(0, run.lengthBytes);
    await this.#readDiskBlocks(run, bytes);
    const verdict = this.#tools.verifier.verify(this.pieceIndex, bytes);
    this.#compareWithEvidence(run, bytes);
    if (verdict.type === 'good') await this.#tools.files.write(this.#offsetOf(run), bytes);
    this.#settle(verdict, () => Promise.resolve(digestBlocks(bytes)));
  }

  async #storeRun(run: Run, isOnDiskWhole: boolean): Promise<void> {
    if (!isOnDiskWhole && run.buffer) {
      run.isStored = true;
      const bytes = run.buffer.subarray(0, run.lengthBytes);
      await this.#readDiskBlocks(run, bytes);
      if (run.index === this.#hashedRuns && !this.#isReadingBack) this.#hashRun(run, bytes);
      await this.#tools.files.write(this.#offsetOf(run), bytes);
      for (let block = 0; block < run.blockCount; block += 1) this.#onDisk.set(run.firstBlock + block);
      this.#dropBuffer(run);
    }
    await this.#hashStoredRuns();
  }

  /** Hashes what was written out of order, once the hash has come to it; then the verdict. */
  async #hashStoredRuns(): Promise<void> {
    if (this.#isReadingBack || this.#isOver) return;
    this.#isReadingBack = true;
    try {
      for (let run = this.#runs[this.#hashedRuns]; run?.isStored && !run.buffer; run = this.#runs[this.#hashedRuns]) {
        const current = run;
        await this.#withRunFromDisk(current, (bytes) => {
          this.#hashRun(current, bytes);
        });
        if (this.#hasEnded()) return;
      }
    } finally {
      this.#isReadingBack = false;
    }
    if (this.#hashedRuns === this.#runs.length && this.#runs.every((run) => !run.buffer)) await this.#settleStream();
  }

  /** A call, since it may have changed while something was awaited. */
  #hasEnded(): boolean {
    return this.#isOver;
  }

  async #settleStream(): Promise<void> {
    if (this.#isOver || !this.#stream) return;
    let verdict = this.#stream.verdict();
    if (verdict.type === 'unsettled') {
      const all = this.#tools.verifier.createStream(this.pieceIndex, true);
      for (const run of this.#runs) {
        await this.#withRunFromDisk(run, (bytes) => {
          all.update(bytes);
        });
      }
      verdict = all.verdict();
    }
    if (verdict.type === 'unsettled') return;
    this.#settle(verdict, async () => {
      const digests = new Uint8Array(this.#blockCount * BLOCK_DIGEST_LENGTH);
      for (const run of this.#runs) {
        await this.#withRunFromDisk(run, (bytes) => {
          digests.set(digestBlocks(bytes), run.firstBlock * BLOCK_DIGEST_LENGTH);
        });
      }
      return digests;
    });
  }

  #hashRun(run: Run, bytes: Uint8Array): void {
    this.#stream?.update(bytes);
    this.#compareWithEvidence(run, bytes);
    this.#hashedRuns += 1;
  }

  #settle(verdict: PieceVerdict, blockDigests: () => Promise<Uint8Array>): void {
    if (this.#isOver) return;
    if (verdict.type !== 'bad') {
      this.#end(verdict.type === 'good' ? { type: 'verified', liars: [...this.#liars] } : verdict);
      return;
    }
    const contributors = [...this.#sources.keys()];
    if (contributors.length < 2) {
      this.#end({ type: 'failed', contributors });
      return;
    }
    this.#track(
      blockDigests().then((digests) => {
        this.#end({ type: 'failed', contributors, evidence: { blockDigests: digests, sources: this.#allSources() } });
      }),
    );
  }

  #end(result: AssemblyResult): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const run of this.#runs) this.#dropBuffer(run);
    this.#onSettled(result);
  }

  /** Who sent a block that differs from the same block of a copy that was convicted or acquitted by its hash. */
  #compareWithEvidence(run: Run, bytes: Uint8Array): void {
    if (!this.#evidence) return;
    const digests = digestBlocks(bytes);
    for (let at = 0; at < run.blockCount; at += 1) {
      const block = run.firstBlock + at;
      const before = this.#evidence.blockDigests.subarray(
        block * BLOCK_DIGEST_LENGTH,
        (block + 1) * BLOCK_DIGEST_LENGTH,
      );
      const now = digests.subarray(at * BLOCK_DIGEST_LENGTH, (at + 1) * BLOCK_DIGEST_LENGTH);
      if (now.every((byte, index) => byte === before[index])) continue;
      for (const { source, blocks } of this.#evidence.sources) {
        if (new Bitfield(this.#blockCount, blocks).has(block)) this.#liars.add(source);
      }
    }
  }

  async #readDiskBlocks(run: Run, bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < run.blockCount; at += 1) {
      const block = run.firstBlock + at;
      if (!this.#onDisk.has(block)) continue;
      const start = at * BLOCK_LENGTH;
      const view = bytes.subarray(start, start + this.#tools.layout.blockSize(this.pieceIndex, block));
      await this.#tools.files.read(this.#offsetOf(run) + start, [view]);
    }
  }

  async #withRunFromDisk(run: Run, work: (bytes: Uint8Array) => void): Promise<void> {
    const buffer = this.#tools.pool.acquire(run.lengthBytes, true);
    if (!buffer) return;
    try {
      const bytes = buffer.subarray(0, run.lengthBytes);
      await this.#tools.files.read(this.#offsetOf(run), [bytes]);
      work(bytes);
    } finally {
      this.#tools.pool.release(buffer);
    }
  }

  /** Writes the blocks of an unfinished run that are only in memory. */
  async #storePart(run: Run, buffer: Uint8Array): Promise<void> {
    for (let at = 0; at < run.blockCount; at += 1) {
      const block = run.firstBlock + at;
      if (!this.#present.has(block) || this.#onDisk.has(block)) continue;
      const start = at * BLOCK_LENGTH;
      const view = buffer.subarray(start, start + this.#tools.layout.blockSize(this.pieceIndex, block));
      await this.#tools.files.write(this.#offsetOf(run) + start, view);
      this.#onDisk.set(block);
    }
  }

  #track(work: Promise<void>): void {
    const tracked = work.catch((error: unknown) => {
      if (!this.#isOver) this.#onError(error);
    });
    this.#writing.add(tracked);
    void tracked.finally(() => this.#writing.delete(tracked));
  }

  #addOnDisk(blocks: readonly number[], source: string): void {
    for (const block of blocks) {
      if (this.#present.has(block)) continue;
      this.claims.markDone(block);
      this.#onDisk.set(block);
      this.#markPresent(block, source);
    }
  }

  #markPresent(block: number, source: string): void {
    this.#present.set(block);
    const run = this.#runOf(block);
    if (run) run.presentBlocks += 1;
    let blocks = this.#sources.get(source);
    if (!blocks) this.#sources.set(source, (blocks = new Bitfield(this.#blockCount)));
    blocks.set(block);
  }

  #ensureBuffer(run: Run, force: boolean): boolean {
    run.buffer ??= this.#tools.pool.acquire(run.lengthBytes, force);
    return run.buffer !== undefined;
  }

  #acquireNow(run: Run): Uint8Array {
    const buffer = this.#tools.pool.acquire(run.lengthBytes, true);
    if (!buffer) throw new RangeError('a forced buffer was refused');
    run.buffer = buffer;
    return buffer;
  }

  #dropBuffer(run: Run): void {
    if (run.buffer) this.#tools.pool.release(run.buffer);
    run.buffer = undefined;
  }

  #runOf(block: number): Run | undefined {
    return this.#runs[Math.floor(block / this.#runBlocks)];
  }

  #offsetOf(run: Run): number {
    return this.#tools.layout.pieceOffset(this.pieceIndex) + run.firstBlock * BLOCK_LENGTH;
  }

  #allSources(): PartialPiece {
    return [...this.#sources].map(([source, blocks]) => ({ source, blocks: blocks.bytes }));
  }

  #partial(): PartialPiece {
    return this.#allSources()
      .map(({ source, blocks }) => ({ source, blocks: blocks.map((byte, at) => byte & (this.#onDisk.bytes[at] ?? 0)) }))
      .filter(({ blocks }) => blocks.some((byte) => byte !== 0));
  }
}

function makeRuns(sizeBytes: number, blockCount: number, runBlocks: number): Run[] {
  const runs: Run[] = [];
  for (let firstBlock = 0; firstBlock < blockCount; firstBlock += runBlocks) {
    const count = Math.min(runBlocks, blockCount - firstBlock);
    const lengthBytes = Math.min(count * BLOCK_LENGTH, sizeBytes - firstBlock * BLOCK_LENGTH);
    runs.push({
      index: runs.length,
      firstBlock,
      blockCount: count,
      lengthBytes,
      buffer: undefined,
      presentBlocks: 0,
      isStored: false,
    });
  }
  return runs;
}

/** SHA-1 of each block of a run, 20 bytes each. */
function digestBlocks(bytes: Uint8Array): Uint8Array {
  const blockCount = Math.ceil(bytes.length / BLOCK_LENGTH);
  const digests = new Uint8Array(blockCount * BLOCK_DIGEST_LENGTH);
  for (let block = 0; block < blockCount; block += 1) {
    const view = bytes.subarray(block * BLOCK_LENGTH, Math.min((block + 1) * BLOCK_LENGTH, bytes.length));
    digests.set(sha1(view), block * BLOCK_DIGEST_LENGTH);
  }
  return digests;
}
