/**
 * When to look a torrent up in the DHT and announce it there (BEP 5): soon again at first, since two peers that begin
 * together find nobody the first time, then every five minutes; with very many torrents more seldom, a few at a time.
 */

/** After the first, second and third time. */
const FIRST_PAUSES_MS = [3_000, 10_000, 30_000];
const PAUSE_MS = 300_000;
const LEAST_PAUSE_PER_TORRENT_MS = 1_000;
const MOST_AT_ONCE = 4;

interface Lookup {
  nextMs: number;
  count: number;
  isRunning: boolean;
}

export class DhtLookups {
  readonly #lookups = new Map<string, Lookup>();
  #running = 0;

  add(infoHash: string, nowMs: number): void {
    if (!this.#lookups.has(infoHash)) this.#lookups.set(infoHash, { nextMs: nowMs, count: 0, isRunning: false });
  }

  remove(infoHash: string): void {
    if (this.#lookups.get(infoHash)?.isRunning) this.#running -= 1;
    this.#lookups.delete(infoHash);
  }

  has(infoHash: string): boolean {
    return this.#lookups.has(infoHash);
  }

  /** When `poll` has something, unless `handleDone` comes first; undefined when it has not. */
  get nextMs(): number | undefined {
    if (this.#running >= MOST_AT_ONCE) return undefined;
    const waiting = [...this.#lookups.values()].filter(({ isRunning }) => !isRunning);
    return waiting.length === 0 ? undefined : Math.min(...waiting.map(({ nextMs }) => nextMs));
  }

  /** A torrent to look up now; ask again, until there is none. */
  poll(nowMs: number): string | undefined {
    if (this.#running >= MOST_AT_ONCE) return undefined;
    for (const [infoHash, lookup] of this.#lookups) {
      if (lookup.isRunning || lookup.nextMs > nowMs) continue;
      lookup.isRunning = true;
      this.#running += 1;
      return infoHash;
    }
    return undefined;
  }

  handleDone(infoHash: string, nowMs: number): void {
    const lookup = this.#lookups.get(infoHash);
    if (!lookup?.isRunning) return;
    lookup.isRunning = false;
    this.#running -= 1;
    const leastMs = this.#lookups.size * LEAST_PAUSE_PER_TORRENT_MS;
    lookup.nextMs = nowMs + (FIRST_PAUSES_MS[lookup.count] ?? Math.max(PAUSE_MS, leastMs));
    lookup.count += 1;
  }
}
