/**
 * Endgame help across threads: a link fetches blocks of a piece that another worker assembles, and puts them on disk,
 * where the assembly finds them. Claims are shared, so no block is asked for twice. Thread: the helping link's.
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
    const block = this.#claims.findFree(fromBack);
    if (block === undefined) return undefined;
    const buffer = this.#tools.pool.acquire(this.#blockSize(block), force);
    if (!buffer) return 'no-memory';
    if (this.#claims.claim(block)) {
      this.#buffers.set(block, buffer);
      return block;
    }
    this.#tools.pool.release(buffer);
    return this.claimNext(fromBack, force);
  }

  giveBack(block: number): void {
    const buffer = this.#buffers.get(block);
    if (!buffer) return;
    this.#buffers.delete(block);
    this.#tools.pool.release(buffer);
    this.#claims.giveBack(block);
    this.#onFerried([], '');
  }

  blockMemory(block: number): Uint8Array | undefined {
    return this.#buffers.get(block)?.subarray(0, this.#blockSize(block));
  }

  handleBlock(block: number, source: string): void {
    const buffer = this.#buffers.get(block);
    if (!buffer) return;
    this.#buffers.delete(block);
    const offset = this.#tools.layout.pieceOffset(this.pieceIndex) + block * BLOCK_LENGTH;
    this.#tools.files
      .write(offset, buffer.subarray(0, this.#blockSize(block)))
      .then(() => {
        this.#claims.markDone(block);
        this.#onFerried([block], source);
      }, this.#onError)
      .finally(() => {
        this.#tools.pool.release(buffer);
      });
  }

  #blockSize(block: number): number {
    return this.#tools.layout.blockSize(this.pieceIndex, block);
  }
}
