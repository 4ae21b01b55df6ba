/**
 * When to announce to which tracker (BEP 3, 12, 21). Trackers stand in tiers; the order within a tier is by lot, and a
 * tracker that answers moves to the front of its tier. An announce goes to the first tracker that is not resting after
 * a failure; when it fails, the next one is tried at once.
 */
import type { TrackerSnapshot } from './swarm-snapshot.js';
import type { AnnounceEvent } from './swarm-events.js';

const FIRST_RETRY_MS = 5_000;
const DEFAULT_INTERVAL_MS = 120_000;
const DEFAULT_MIN_INTERVAL_MS = 15_000;
/** A tracker that names a shorter interval is not believed. */
const LEAST_INTERVAL_MS = 1_000;
const LONGEST_INTERVAL_MS = 3_600_000;

/** What the swarm is about, as far as trackers care. */
export interface AnnounceNeed {
  /** It lacks a peer, or a piece that no connected peer has: ask as often as the tracker allows. */
  readonly isNeedy: boolean;
  /** It owns a part and fetches nothing (BEP 21). */
  readonly isPartialSeed: boolean;
}

export interface Announce {
  readonly url: string;
  readonly event: AnnounceEvent;
  /** Another tracker of the tier is ready, so that a silent one needs not be waited for. */
  readonly hasAlternative?: true;
}

export interface AnnounceAnswer {
  readonly url: string;
  readonly intervalMs: number;
  readonly minIntervalMs: number;
  readonly seeders?: number;
  readonly leechers?: number;
}

interface Tracker {
  readonly url: string;
  failures: number;
  /** Rests until then after a failure. */
  retryMs: number;
  message: string;
  seeders: number | undefined;
  leechers: number | undefined;
  everAnswered: boolean;
  /** It knows that we are here, and has to be told when we go. */
  knowsUs: boolean;
}

export class AnnounceSchedule {
  readonly #tiers: Tracker[][];
  #inFlight: Announce | undefined;
  /** The next announce is due then; sooner, at `#allowedMs`, when there is need. */
  #dueMs: number;
  #allowedMs: number;
  #intervalMs = DEFAULT_INTERVAL_MS;
  #owesCompleted = false;
  #isStopped = false;

  /** @param tiers announce URLs; what the user gave comes first */
  constructor(tiers: readonly (readonly string[])[], random: () => number, nowMs: number) {
    this.#tiers = withoutRepeats(tiers).map((tier) => shuffled(tier, random).map((url) => newTracker(url, nowMs)));
    this.#dueMs = nowMs;
    this.#allowedMs = nowMs;
  }

  /** Whether a tracker ever answered. */
  get everAnswered(): boolean {
    return this.#all().some((tracker) => tracker.everAnswered);
  }

  /** The announce that is due now; its outcome is awaited. */
  poll(need: AnnounceNeed, nowMs: number): Announce | undefined {
    const dueMs = this.nextMs(need);
    if (dueMs === undefined || dueMs > nowMs) return undefined;
    const tracker = this.#trackerAt(nowMs);
    if (!tracker) return undefined;
    const hasAlternative = this.#all().some((other) => other !== tracker && other.retryMs <= nowMs);
    this.#inFlight = {
      url: tracker.url,
      event: this.#eventFor(tracker, need),
      ...(hasAlternative && { hasAlternative }),
    };
    return this.#inFlight;
  }

  /** When `poll` has the next announce; undefined while one is under way, or when there is no tracker. */
  nextMs(need: AnnounceNeed): number | undefined {
    if (this.#isStopped || this.#inFlight) return undefined;
    const wantedMs = need.isNeedy || this.#owesCompleted ? Math.min(this.#allowedMs, this.#dueMs) : this.#dueMs;
    const tracker = this.#trackerAt(wantedMs);
    return tracker && Math.max(wantedMs, tracker.retryMs);
  }

  /** The download is complete: trackers count that, once. */
  handleComplete(nowMs: number): void {
    // One that never heard of us counts no completion: it will hear `started` with nothing left.
    if (!this.#all().some((tracker) => tracker.knowsUs)) return;
    this.#owesCompleted = true;
    this.#allowedMs = Math.min(this.#allowedMs, nowMs);
  }

  /** All that is wanted is there: trackers that think we are fetching learn of it as soon as they allow. */
  handlePartialSeed(nowMs: number): void {
    if (this.#all().some((tracker) => tracker.knowsUs)) this.#dueMs = Math.max(nowMs, this.#allowedMs);
  }

  handleSucceeded(answer: AnnounceAnswer, nowMs: number): void {
    const tier = this.#tierOf(answer.url);
    const tracker = tier?.find((candidate) => candidate.url === answer.url);
    const asked = this.#takeInFlight(answer.url);
    if (!tier || !tracker || !asked) return;
    tracker.failures = 0;
    tracker.retryMs = nowMs;
    tracker.message = '';
    tracker.seeders = answer.seeders;
    tracker.leechers = answer.leechers;
    tracker.everAnswered = true;
    tracker.knowsUs = true;
    if (asked.event === 'completed') this.#owesCompleted = false;
    tier.splice(tier.indexOf(tracker), 1);
    tier.unshift(tracker);
    this.#intervalMs = clamp(answer.intervalMs, LEAST_INTERVAL_MS, LONGEST_INTERVAL_MS);
    this.#dueMs = nowMs + this.#intervalMs;
    const minIntervalMs = answer.minIntervalMs > 0 ? answer.minIntervalMs : DEFAULT_MIN_INTERVAL_MS;
    this.#allowedMs = this.#owesCompleted ? nowMs : nowMs + clamp(minIntervalMs, LEAST_INTERVAL_MS, this.#intervalMs);
  }

  handleFailed(url: string, message: string, nowMs: number): void {
    if (!this.#takeInFlight(url)) return;
    const tracker = this.#all().find((candidate) => candidate.url === url);
    if (!tracker) return;
    tracker.failures += 1;
    tracker.message = message;
    tracker.retryMs = nowMs + Math.min(FIRST_RETRY_MS * 2 ** (tracker.failures - 1), this.#intervalMs);
  }

  /** The goodbyes to say; nothing is due after them. */
  stop(): readonly Announce[] {
    if (this.#isStopped) return [];
    this.#isStopped = true;
    const leaving = this.#all().filter((tracker) => tracker.knowsUs || tracker.url === this.#inFlight?.url);
    return leaving.map((tracker) => ({ url: tracker.url, event: 'stopped' }));
  }

  snapshot(need: AnnounceNeed, nowMs: number): readonly TrackerSnapshot[] {
    const nextMs = this.nextMs(need);
    const next = this.#trackerAt(nextMs ?? nowMs);
    return this.#all().map((tracker) => ({
      url: tracker.url,
      state: this.#stateOf(tracker),
      message: tracker.message,
      seeders: tracker.seeders,
      leechers: tracker.leechers,
      nextAnnounceInMs: Math.max(
        0,
        (tracker === next ? (nextMs ?? nowMs) : Math.max(tracker.retryMs, this.#dueMs)) - nowMs,
      ),
      everAnswered: tracker.everAnswered,
    }));
  }

  /** The first that does not rest at that time, in the order of BEP 12; when all do, the one that rests the shortest. */
  #trackerAt(timeMs: number): Tracker | undefined {
    const all = this.#all();
    return all.find((tracker) => tracker.retryMs <= timeMs) ?? all.reduce<Tracker | undefined>(earlier, undefined);
  }

  #eventFor(tracker: Tracker, need: AnnounceNeed): AnnounceEvent {
    if (need.isPartialSeed) return 'paused';
    if (!tracker.knowsUs) return 'started';
    return this.#owesCompleted ? 'completed' : 'none';
  }

  #stateOf(tracker: Tracker): TrackerSnapshot['state'] {
    if (tracker.url === this.#inFlight?.url) return 'announcing';
    if (tracker.failures > 0) return 'failed';
    return tracker.everAnswered ? 'ok' : 'waiting';
  }

  #takeInFlight(url: string): Announce | undefined {
    const asked = this.#inFlight;
    if (asked?.url !== url) return undefined;
    this.#inFlight = undefined;
    return asked;
  }

  #tierOf(url: string): Tracker[] | undefined {
    return this.#tiers.find((tier) => tier.some((tracker) => tracker.url === url));
  }

  #all(): Tracker[] {
    return this.#tiers.flat();
  }
}

function newTracker(url: string, nowMs: number): Tracker {
  return {
    url,
    failures: 0,
    retryMs: nowMs,
    message: '',
    seeders: undefined,
    leechers: undefined,
    everAnswered: false,
    knowsUs: false,
  };
}

function earlier(best: Tracker | undefined, candidate: Tracker): Tracker {
  return best && best.retryMs <= candidate.retryMs ? best : candidate;
}

function withoutRepeats(tiers: readonly (readonly string[])[]): readonly (readonly string[])[] {
  const seen = new Set<string>();
  return tiers.map((tier) => tier.filter((url) => !seen.has(url) && seen.add(url)));
}

function shuffled(urls: readonly string[], random: () => number): string[] {
  const lots = urls.map((url) => ({ url, lot: random() }));
  return lots.sort((a, b) => a.lot - b.lot).map(({ url }) => url);
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), Math.max(most, least));
}
