/**
 * The announces of all tiers. BEP 12 asks a later tier only when all trackers of the earlier ones fail, so that peers
 * with different first trackers never meet; here each tier is announced to by itself, as most clients do.
 */
import { AnnounceSchedule, type Announce, type AnnounceAnswer, type AnnounceNeed } from './announce-schedule.js';
import type { TrackerSnapshot } from './swarm-snapshot.js';

export class AnnounceTiers {
  readonly #schedules: readonly AnnounceSchedule[];

  /** @param tiers announce URLs; one that stands in several counts in the first */
  constructor(tiers: readonly (readonly string[])[], random: () => number, nowMs: number) {
    const seen = new Set<string>();
    this.#schedules = tiers.map((tier) => {
      const urls = tier.filter((url) => !seen.has(url) && seen.add(url));
      return new AnnounceSchedule([urls], random, nowMs);
    });
  }

  /** Whether a tracker ever answered. */
  get everAnswered(): boolean {
    return this.#schedules.some((schedule) => schedule.everAnswered);
  }

  /** An announce that is due now; ask again, until there is none. */
  poll(need: AnnounceNeed, nowMs: number): Announce | undefined {
    for (const schedule of this.#schedules) {
      const announce = schedule.poll(need, nowMs);
      if (announce) return announce;
    }
    return undefined;
  }

  /** When `poll` has the next announce; undefined while nothing is to be waited for. */
  nextMs(need: AnnounceNeed): number | undefined {
    const times = this.#schedules.flatMap((schedule) => schedule.nextMs(need) ?? []);
    return times.length > 0 ? Math.min(...times) : undefined;
  }

  /** The download is complete. */
  handleComplete(nowMs: number): void {
    for (const schedule of this.#schedules) schedule.handleComplete(nowMs);
  }

  /** All that is wanted is there, and that is not all there is (BEP 21). */
  handlePartialSeed(nowMs: number): void {
    for (const schedule of this.#schedules) schedule.handlePartialSeed(nowMs);
  }

  handleSucceeded(answer: AnnounceAnswer, nowMs: number): void {
    for (const schedule of this.#schedules) schedule.handleSucceeded(answer, nowMs);
  }

  handleFailed(url: string, message: string, nowMs: number): void {
    for (const schedule of this.#schedules) schedule.handleFailed(url, message, nowMs);
  }

  /** The goodbyes to say; nothing is due after them. */
  stop(): readonly Announce[] {
    return this.#schedules.flatMap((schedule) => schedule.stop());
  }

  snapshot(need: AnnounceNeed, nowMs: number): readonly TrackerSnapshot[] {
    return this.#schedules.flatMap((schedule) => schedule.snapshot(need, nowMs));
  }
}
