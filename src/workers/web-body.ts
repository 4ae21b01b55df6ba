/**
 * Puts a run of the torrent's bytes, as a web server sends it, into the blocks of the pieces that want it. A block is
 * claimed when its first byte is there, so that endgame helpers may take all behind it.
 *
 * Thread: the web seed's. Copies made: one, from the chunk that node:http read into the memory of the piece.
 */
import { BLOCK_LENGTH, type PieceIndex, type PieceLayout } from '../metainfo/piece-layout.js';
import type { PieceAssembly } from './piece-assembly.js';

/** A piece that the bytes are for. */
export interface WebTask {
  readonly sink: PieceAssembly;
}

export class WebBody {
  readonly #layout: PieceLayout;
  readonly #taskOf: (pieceIndex: PieceIndex) => WebTask | undefined;
  /** Names the server as the source of blocks. */
  readonly #source: string;
  /** Whether a block may overdraw the memory: nothing else of this link would give any back. */
  readonly #mayForce: () => boolean;
  #current: Block | undefined;

  constructor(options: {
    readonly layout: PieceLayout;
    readonly taskOf: (pieceIndex: PieceIndex) => WebTask | undefined;
    readonly source: string;
    readonly mayForce: () => boolean;
  }) {
    this.#layout = options.layout;
    this.#taskOf = options.taskOf;
    this.#source = options.source;
    this.#mayForce = options.mayForce;
  }

  /** Whether a block that somebody wants has begun to arrive. */
  get isFilling(): boolean {
    return this.#current?.task !== undefined;
  }

  /**
   * @param offset of the bytes in the torrent; a block whose beginning was not put here is passed over
   * @returns bytes taken, fewer than all when memory is short; `wasted` of them nobody wanted
   */
  put(offset: number, bytes: Uint8Array): { readonly taken: number; readonly wasted: number } {
    let taken = 0;
    let wasted = 0;
    while (taken < bytes.length) {
      const at = offset + taken;
      const block = this.#enter(at);
      if (!block) break;
      const part = bytes.subarray(taken, taken + block.endOffset - at);
      const memory = block.task?.sink.blockMemory(block.number);
      if (memory) memory.set(part, at - block.startOffset);
      else wasted += part.length;
      taken += part.length;
      if (at + part.length === block.endOffset) this.#leave(block);
    }
    return { taken, wasted };
  }

  /** The block that is arriving will not be completed; undefined concerns whichever it is. */
  drop(pieceIndex?: PieceIndex): void {
    const block = this.#current;
    if (!block || (pieceIndex !== undefined && block.pieceIndex !== pieceIndex)) return;
    block.task?.sink.giveBack(block.number);
    this.#current = pieceIndex === undefined ? undefined : { ...block, task: undefined };
  }

  /** The block around `at`, claimed when it begins there; undefined when there is no memory for it. */
  #enter(at: number): Block | undefined {
    const current = this.#current;
    if (current && at >= current.startOffset && at < current.endOffset) return current;
    this.drop();
    const pieceIndex = this.#layout.pieceIndex(Math.floor(at / this.#layout.pieceLengthBytes));
    const pieceOffset = this.#layout.pieceOffset(pieceIndex);
    const number = Math.floor((at - pieceOffset) / BLOCK_LENGTH);
    const startOffset = pieceOffset + number * BLOCK_LENGTH;
    const task = at === startOffset ? this.#taskOf(pieceIndex) : undefined;
    const claim = task?.sink.claimAt(number, this.#mayForce());
    if (claim === 'no-memory') return undefined;
    const endOffset = startOffset + this.#layout.blockSize(pieceIndex, number);
    this.#current = { pieceIndex, number, startOffset, endOffset, task: claim === 'claimed' ? task : undefined };
    return this.#current;
  }

  #leave(block: Block): void {
    this.#current = undefined;
    block.task?.sink.handleBlock(block.number, this.#source);
  }
}

interface Block {
  readonly pieceIndex: PieceIndex;
  /** Number in the piece. */
  readonly number: number;
  /** In the torrent. */
  readonly startOffset: number;
  readonly endOffset: number;
  /** Undefined when nobody wants it. */
  readonly task: WebTask | undefined;
}
