/**
 * Which blocks of one piece are spoken for, over shared memory, so that the owner of the piece and its endgame helpers in
 * other threads never ask for the same block twice, and never write one after the piece is over for them:
 *
 *     free ──claim──▶ claimed ─────────────────block arrived────────────────▶ done
 *     │  ▲               │                                                     ▲
 *     │  └── give back ──┘   (rejected, choked, connection lost)               │
 *     │                                                                        │
 *     └──claimForHelp──▶ helped ──block arrived, beginWrite──▶ writing ──on disk┘
 *           ▲               │
 *           └── give back ──┘   (or the owner took it over: the helper is too slow)
 */
const FREE = 0;
const CLAIMED = 1;
const DONE = 2;
const HELPED = 3;
const WRITING = 4;

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

  isFree(block: number): boolean {
    return Atomics.load(this.#cells, block) === FREE;
  }

  /** For the thread that owns the piece. @returns whether the block was free and is ours now */
  claim(block: number): boolean {
    return this.#swap(block, FREE, CLAIMED);
  }

  giveBack(block: number): void {
    this.#swap(block, CLAIMED, FREE);
    this.rescan();
  }

  /** For a helper in another thread. @returns whether the block was free and is the helper's now */
  claimForHelp(block: number): boolean {
    return this.#swap(block, FREE, HELPED);
  }

  giveBackHelp(block: number): void {
    this.#swap(block, HELPED, FREE);
  }

  /** A helper has the block. @returns false when the owner has taken it over or the piece is over: it may not be written */
  beginWrite(block: number): boolean {
    return this.#swap(block, HELPED, WRITING);
  }

  markDone(block: number): void {
    Atomics.store(this.#cells, block, DONE);
  }

  /**
   * The owner's: helpers keep it waiting, what they have not begun to write is free again.
   * @param withWrites also what they began to write: that thread must be dead
   */
  takeOver(withWrites = false): void {
    for (let block = 0; block < this.#cells.length; block += 1) {
      this.#swap(block, HELPED, FREE);
      if (withWrites) this.#swap(block, WRITING, FREE);
    }
    this.rescan();
  }

  /** The piece is over for this owner: helpers find nothing to claim any more, and write nothing that they have not begun. */
  revoke(): void {
    for (let block = 0; block < this.#cells.length; block += 1) {
      this.#swap(block, FREE, DONE);
      this.#swap(block, CLAIMED, DONE);
      this.#swap(block, HELPED, DONE);
    }
  }

  /** Another thread may have given blocks back. */
  rescan(): void {
    this.#firstFree = 0;
  }

  #swap(block: number, from: number, to: number): boolean {
    return Atomics.compareExchange(this.#cells, block, from, to) === from;
  }
}
