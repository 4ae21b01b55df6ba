/**
 * Which blocks of one piece are spoken for, over shared memory, so that the owner of the piece and its endgame helpers in
 * other threads never ask for the same block twice:
 *
 *     free ──claim──▶ claimed ──block arrived──▶ done
 *      ▲                 │
 *      └──── give back ──┘   (rejected, choked, connection lost)
 */
const FREE = 0;
const CLAIMED = 1;
const DONE = 2;

export class BlockClaims {
  readonly memory: SharedArrayBuffer;
  readonly #cells: Uint8Array;
  /** All blocks before are not free as far as this thread has seen; giving back lowers it. */
  #firstFree = 0;

  constructor(memory: SharedArrayBuffer) {
    this.memory = memory;
    this.#cells = new Uint8Array(memory);
  }

  static allocate(blockCount: number): BlockClaims {
    return new BlockClaims(new SharedArrayBuffer(blockCount));
  }

  /** The first free block from the front, or from the back; undefined when none is free. */
  findFree(fromBack: boolean): number | undefined {
    if (fromBack) {
      for (let block = this.#cells.length - 1; block >= 0; block -= 1) {
        if (Atomics.load(this.#cells, block) === FREE) return block;
      }
      return undefined;
    }
    for (let block = this.#firstFree; block < this.#cells.length; block += 1) {
      if (Atomics.load(this.#cells, block) !== FREE) continue;
      this.#firstFree = block;
      return block;
    }
    this.#firstFree = this.#cells.length;
    return undefined;
  }

  /** Whether the block was free and is ours now. */
  claim(block: number): boolean {
    return Atomics.compareExchange(this.#cells, block, FREE, CLAIMED) === FREE;
  }

  giveBack(block: number): void {
    Atomics.compareExchange(this.#cells, block, CLAIMED, FREE);
    this.rescan();
  }

  markDone(block: number): void {
    Atomics.store(this.#cells, block, DONE);
  }

  /** Another thread may have given blocks back. */
  rescan(): void {
    this.#firstFree = 0;
  }
}
