/**
 * Memory for blocks on their way to and from disk, reused and bounded. Thread: one pool a worker. Buffers come from
 * `Buffer.allocUnsafeSlow`, so that each has its own memory (a default slice shares an 8 KiB slab with its neighbours).
 */
import { InvariantError } from '../errors.js';

const LEAST_CLASS_BYTES = 128;

export class BufferPool {
  readonly #budgetBytes: number;
  readonly #free = new Map<number, Uint8Array[]>();
  readonly #used = new Set<Uint8Array>();
  #freeBytes = 0;
  #usedBytes = 0;
  #someoneWaits = false;
  readonly #onRoom: () => void;

  /**
   * @param budgetBytes most memory in use and kept for reuse together
   * @param onRoom called when memory came back after a refusal
   */
  constructor(budgetBytes: number, onRoom: () => void = () => undefined) {
    this.#budgetBytes = budgetBytes;
    this.#onRoom = onRoom;
  }

  /** Share of the budget in use, 0 to 1 and above where `force` overdrew it. */
  get pressure(): number {
    return this.#usedBytes / this.#budgetBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /**
   * A buffer of at least `lengthBytes`, content undefined; `undefined` when the budget is used up.
   * @param force overdraw the budget: for a link that could not go on at all, one buffer each
   */
  acquire(lengthBytes: number, force = false): Uint8Array | undefined {
    const size = sizeClass(lengthBytes);
    const kept = this.#free.get(size)?.pop();
    if (kept) {
      this.#freeBytes -= size;
      return this.#lend(kept);
    }
    if (!force && this.#usedBytes + size > this.#budgetBytes) {
      this.#someoneWaits = true;
      return undefined;
    }
    if (this.#usedBytes + this.#freeBytes + size > this.#budgetBytes) this.#dropFree();
    return this.#lend(Buffer.allocUnsafeSlow(size));
  }

  /**
   * Takes a buffer back; the caller keeps no view of it.
   * @throws {P2P_INVARIANT} when it was given back before: two pieces would share it
   */
  release(buffer: Uint8Array): void {
    if (!this.#used.delete(buffer)) throw new InvariantError(`a buffer of ${buffer.length} bytes is not in use`);
    const size = buffer.length;
    this.#usedBytes -= size;
    if (this.#usedBytes + this.#freeBytes + size <= this.#budgetBytes) {
      const list = this.#free.get(size);
      if (list) list.push(buffer);
      else this.#free.set(size, [buffer]);
      this.#freeBytes += size;
    }
    if (!this.#someoneWaits) return;
    this.#someoneWaits = false;
    this.#onRoom();
  }

  #lend(buffer: Uint8Array): Uint8Array {
    this.#used.add(buffer);
    this.#usedBytes += buffer.length;
    return buffer;
  }

  #dropFree(): void {
    this.#free.clear();
    this.#freeBytes = 0;
  }
}

/** Powers of two and their halves-between, so that a run of blocks with their headers wastes little. */
function sizeClass(lengthBytes: number): number {
  let size = LEAST_CLASS_BYTES;
  while (size < lengthBytes) size *= 2;
  const between = (size / 4) * 3;
  return between >= lengthBytes && between >= LEAST_CLASS_BYTES ? between : size;
}
