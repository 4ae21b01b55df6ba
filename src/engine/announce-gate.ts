/**
 * Lets only so many requests to each tracker be under way at a time. A process that takes up a thousand torrents would
 * otherwise open a thousand connections at once, and have time for nothing else. A tracker that does not answer holds up
 * nobody but those who ask the same one.
 */

const AT_ONCE = 8;
/** A place is given on so long after it was taken at the earliest: 100 requests a second, whatever the tracker could do. */
const PACE_MS = 80;

/** The requests to one tracker. */
interface Queue {
  underWay: number;
  /** Each takes over the place of one that has ended. */
  readonly waiting: Set<() => void>;
}

export class AnnounceGate {
  readonly #queues = new Map<string, Queue>();

  /**
   * Runs `work` when there is room, in the order of asking; not at all when the signal aborts before.
   * @param url of the tracker
   * @param isHurried it has no time for the pace
   */
  async run(url: string, work: () => Promise<void>, signal: AbortSignal, isHurried = false): Promise<void> {
    // Not `origin`, which is null for udp.
    const { protocol, host } = URL.canParse(url) ? new URL(url) : { protocol: '', host: url };
    const origin = `${protocol}//${host}`;
    const queue = this.#queues.get(origin) ?? { underWay: 0, waiting: new Set() };
    this.#queues.set(origin, queue);
    if (queue.underWay < AT_ONCE) queue.underWay += 1;
    else if (!(await takeOver(queue, signal))) return;
    const takenMs = performance.now();
    try {
      if (!signal.aborted) await work();
    } finally {
      const leave = (): void => {
        this.#leave(origin, queue);
      };
      const restMs = isHurried ? 0 : PACE_MS - (performance.now() - takenMs);
      if (queue.waiting.size > 0 && restMs > 0) setTimeout(leave, restMs).unref();
      else leave();
    }
  }

  #leave(origin: string, queue: Queue): void {
    const [next] = queue.waiting;
    if (next) next();
    else queue.underWay -= 1;
    if (queue.underWay === 0) this.#queues.delete(origin);
  }
}

/** Resolves with true when a place is ours, with false when the signal aborts first. */
function takeOver({ waiting }: Queue, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const settle = (isOurs: boolean): void => {
      waiting.delete(take);
      signal.removeEventListener('abort', giveUp);
      resolve(isOurs);
    };
    const take = (): void => {
      settle(true);
    };
    const giveUp = (): void => {
      settle(false);
    };
    signal.addEventListener('abort', giveUp, { once: true });
    waiting.add(take);
  });
}
