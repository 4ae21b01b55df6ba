/** When a transfer has seeded enough: `--seed-ratio`, `--seed-time`. */
import { OptionError } from '../errors.js';
import { formatDuration } from '../units.js';

const LOOK_EVERY_MS = 250;

/** Whichever is reached first ends seeding; without either it goes on. */
export interface SeedLimits {
  /** Payload sent in this run, over the bytes of the torrent that are wanted. */
  readonly seedRatio?: number | undefined;
  /** Milliseconds of seeding. */
  readonly seedTimeMs?: number | undefined;
}

/** How far seeding is. */
export interface SeedFigures {
  readonly sentBytes: number;
  readonly sizeBytes: number;
  readonly seedingMs: number;
}

/** @throws {P2P_OPTION_INVALID} for a limit below 0 */
export function checkSeedLimits({ seedRatio = 0, seedTimeMs = 0 }: SeedLimits): void {
  if (!(seedRatio >= 0)) throw new OptionError(`a seed ratio of ${seedRatio} is below 0`);
  if (!(seedTimeMs >= 0)) throw new OptionError(`a seed time of ${seedTimeMs} ms is below 0`);
}

/** Which limit is reached, for people; undefined while none is. */
export function reachedLimit({ seedRatio, seedTimeMs }: SeedLimits, figures: SeedFigures): string | undefined {
  const { sentBytes, sizeBytes, seedingMs } = figures;
  if (seedRatio !== undefined && sentBytes >= seedRatio * sizeBytes) return `sent ${seedRatio} times its size`;
  if (seedTimeMs !== undefined && seedingMs >= seedTimeMs) return `seeded for ${formatDuration(seedTimeMs)}`;
  return undefined;
}

/** Looks at a transfer that seeds, until a limit is reached. */
export class SeedWatch {
  readonly #limits: SeedLimits;
  #timer: NodeJS.Timeout | undefined;

  constructor(limits: SeedLimits) {
    this.#limits = limits;
  }

  /** @param onReached called once, with the limit for people; seeding began now */
  start(figures: () => Omit<SeedFigures, 'seedingMs'>, onReached: (reason: string) => void): void {
    if (this.#limits.seedRatio === undefined && this.#limits.seedTimeMs === undefined) return;
    const startedMs = performance.now();
    this.#timer = setInterval(() => {
      const reason = reachedLimit(this.#limits, { ...figures(), seedingMs: performance.now() - startedMs });
      if (reason === undefined) return;
      this.close();
      onReached(reason);
    }, LOOK_EVERY_MS);
  }

  /** Idempotent. */
  close(): void {
    clearInterval(this.#timer);
  }
}
