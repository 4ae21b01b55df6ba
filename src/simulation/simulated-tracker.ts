/** A tracker in virtual time: it answers after a latency with some of the others. */
import { formatAddress, type PeerAddress } from '../protocol/peer-address.js';
import { seededRandom } from '../swarm/seeded-random.js';
import type { AnnounceEvent, SwarmEvent } from '../swarm/swarm-events.js';
import type { VirtualClock } from './virtual-clock.js';

export const SIMULATED_TRACKER_URL = 'http://tracker.simulated/announce';

const INTERVAL_MS = 120_000;
const MIN_INTERVAL_MS = 15_000;
const ANSWER_MS = 50;

export class SimulatedTracker {
  /** Out of order: announces fail. */
  isDown = false;
  readonly #clock: VirtualClock;
  readonly #random: () => number;
  readonly #peers = new Map<string, { readonly address: PeerAddress; readonly sinceMs: number }>();

  constructor(clock: VirtualClock, seed: number | string) {
    this.#clock = clock;
    this.#random = seededRandom(`tracker ${seed}`);
  }

  announce(address: PeerAddress, event: AnnounceEvent, numWant: number, answer: (event: SwarmEvent) => void): void {
    this.#clock.after(ANSWER_MS, () => {
      if (this.isDown) {
        answer({ type: 'announce-failed', url: SIMULATED_TRACKER_URL, message: 'out of order' });
        return;
      }
      const key = formatAddress(address);
      this.#peers.delete(key);
      if (event !== 'stopped') this.#peers.set(key, { address, sinceMs: this.#clock.nowMs });
      answer({
        type: 'announce-succeeded',
        url: SIMULATED_TRACKER_URL,
        intervalMs: INTERVAL_MS,
        minIntervalMs: MIN_INTERVAL_MS,
        peers: this.#others(key, numWant),
      });
    });
  }

  #others(key: string, numWant: number): readonly PeerAddress[] {
    const alive: PeerAddress[] = [];
    for (const [other, { address, sinceMs }] of this.#peers) {
      if (this.#clock.nowMs - sinceMs > 2 * INTERVAL_MS) this.#peers.delete(other);
      else if (other !== key) alive.push(address);
    }
    // A partial Fisher-Yates shuffle: only the first `numWant` places are drawn.
    const count = Math.min(numWant, alive.length);
    for (let at = 0; at < count; at += 1) {
      const from = at + Math.floor(this.#random() * (alive.length - at));
      const [here, there] = [alive[at], alive[from]];
      if (here && there) [alive[at], alive[from]] = [there, here];
    }
    return alive.slice(0, count);
  }
}
