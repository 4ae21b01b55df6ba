/** Time that passes only when everything due has been done: thirty minutes take as long as their events. */

interface Task {
  readonly atMs: number;
  /** Tasks of the same moment run in the order in which they were scheduled. */
  readonly order: number;
  readonly run: () => void;
}

/** A queue of tasks by time (a binary heap). */
export class VirtualClock {
  readonly #heap: Task[] = [];
  #nowMs = 0;
  #order = 0;

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Tasks that are waiting. */
  get pendingCount(): number {
    return this.#heap.length;
  }

  /** Runs `run` in `delayMs` from now, at once in virtual time when that is not positive. */
  after(delayMs: number, run: () => void): void {
    this.at(this.#nowMs + delayMs, run);
  }

  at(atMs: number, run: () => void): void {
    this.#order += 1;
    const task = { atMs: Math.max(atMs, this.#nowMs), order: this.#order, run };
    let place = this.#heap.length;
    while (place > 0) {
      const parentPlace = (place - 1) >>> 1;
      const parent = this.#heap[parentPlace];
      if (!parent || isBefore(parent, task)) break;
      this.#heap[place] = parent;
      place = parentPlace;
    }
    this.#heap[place] = task;
  }

  /** Runs what is due, task by task, until nothing is, or `untilMs` is reached, or `isDone` says so. */
  run(untilMs: number, isDone: () => boolean = () => false): void {
    while (!isDone()) {
      const task = this.#heap[0];
      if (!task || task.atMs > untilMs) {
        this.#nowMs = Math.max(this.#nowMs, Math.min(untilMs, Number.MAX_SAFE_INTEGER));
        return;
      }
      this.#removeFirst();
      this.#nowMs = task.atMs;
      task.run();
    }
  }

  #removeFirst(): void {
    const last = this.#heap.pop();
    const size = this.#heap.length;
    if (!last || size === 0) return;
    let place = 0;
    for (;;) {
      let childPlace = 2 * place + 1;
      if (childPlace >= size) break;
      const left = this.#heap[childPlace];
      const right = this.#heap[childPlace + 1];
      if (left && right && isBefore(right, left)) childPlace += 1;
      const child = this.#heap[childPlace];
      if (!child || isBefore(last, child)) break;
      this.#heap[place] = child;
      place = childPlace;
    }
    this.#heap[place] = last;
  }
}

function isBefore(a: Task, b: Task): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
