/**
 * Endgame help across threads: a link fetches blocks of a piece that another worker assembles, and puts them on disk,
 * where the assembly finds them. Claims are shared, so no block is asked for twice, and nothing is written that the owner
 * took over or after the piece is over for it. Thread: the helping link's.
 */
import { BLOCK_LENGTH, type PieceIndex } from '../metainfo/piece-layout.js';
import type { BlockClaims } from './block-claims.js';
import type { AssemblyTools, BlockSink } from './piece-assembly.js';

export class BlockFerry implements BlockSink {
  readonly pieceIndex: PieceIndex;
  readonly ownerLinkId: number;
  readonly #claims: BlockClaims;
  readonly #tools: AssemblyTools;
  readonly #onFerried: (blocks: readonly number[], source: string) => void;
  readonly #onError: (error: unknown) => void;
  readonly #buffers = new Map<number, Uint8Array>();
  readonly #writing = new Set<Promise<void>>();

  constructor(options: {
    readonly tools: AssemblyTools;
    readonly pieceIndex: PieceIndex;
    readonly ownerLinkId: number;
    readonly claims: BlockClaims;
    /** Blocks are on disk; an empty list says that claims were given back. */
    readonly onFerried: (blocks: readonly number[], source: string) => void;
    readonly onError: (error: unknown) => void;
  }) {
    this.#tools = options.tools;
    this.pieceIndex = options.pieceIndex;
    this.ownerLinkId = options.ownerLinkId;
    this.#claims = options.claims;
    this.#onFerried = options.onFerried;
    this.#onError = options.onError;
  }

  claimNext(fromBack: boolean, force: boolean): number | 'no-memory' | undefined {
    for (;;) {
      const block = this.#claims.findFree(fromBack);
      if (block === undefined) return undefined;
      const buffer = this.#tools.pool.acquire(this.#blockSize(block), force);
      if (!buffer) return 'no-memory';
      if (this.#claims.claimForHelp(block)) {
        this.#buffers.set(block, buffer);
        return block;
      }
      this.#tools.pool.release(buffer);
    }
  }

  giveBack(block: number): void {
    const buffer = this.#buffers.get(block);
    if (!buffer) return;
    this.#buffers.delete(block);
    this.#tools.pool.release(buffer);
    this.#claims.giveBackHelp(block);
    this.#onFerried([], '');
  }

  blockMemory(block: number): Uint8Array | undefined {
    return this.#buffers.get(block)?.subarray(0, this.#blockSize(block));
  }

  handleBlock(block: number, source: string): void {
    const buffer = this.#buffers.get(block);
    if (!buffer) return;
    this.#buffers.delete(block);
    if (!this.#claims.beginWrite(block)) {
      this.#tools.pool.release(buffer);
      return;
    }
    const writing: Promise<void> = this.#write(block, buffer, source).finally(() => this.#writing.delete(writing));
    this.#writing.add(writing);
  }

  async helpEnded(): Promise<void> {
    await Promise.all(this.#writing);
  }

  async #write(block: number, buffer: Uint8Array, source: string): Promise<void> {
    const offset = this.#tools.layout.pieceOffset(this.pieceIndex) + block * BLOCK_LENGTH;
    try {
      await this.#tools.files.write(offset, buffer.subarray(0, this.#blockSize(block)));
      this.#claims.markDone(block);
      this.#onFerried([block], source);
    } catch (error) {
      this.#onError(error);
    } finally {
      this.#tools.pool.release(buffer);
    }
  }

  #blockSize(block: number): number {
    return this.#tools.layout.blockSize(this.pieceIndex, block);
  }
}
