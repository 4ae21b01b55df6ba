/** From the words and flags of `peer download` to what the engine is asked. */
import type { DownloadRequest, FileChoice } from '../engine/engine-types.js';
import { defined } from './defined.js';
import type { HostPort } from './flags.js';

export interface DownloadFlagValues {
  readonly output: string;
  readonly seed?: boolean | undefined;
  readonly force?: boolean | undefined;
  readonly timeout?: number | undefined;
  readonly files?: readonly (readonly FileChoice[])[] | undefined;
  readonly sequential?: boolean | undefined;
  readonly 'seed-ratio'?: number | undefined;
  readonly 'seed-time'?: number | undefined;
  readonly peer?: readonly HostPort[] | undefined;
}

/** One request a target; a target named twice is fetched once. */
export function downloadRequests(
  targets: readonly string[],
  flags: DownloadFlagValues,
  trackers: readonly string[],
): DownloadRequest[] {
  return [...new Set(targets)].map((target) => ({
    target,
    trackers,
    outputDir: flags.output,
    ...defined({
      seedAfter: seedsAfter(flags) ? true : undefined,
      seedRatio: flags['seed-ratio'],
      seedTimeMs: flags['seed-time'],
      sequential: flags.sequential === true ? true : undefined,
      force: flags.force === true ? true : undefined,
      timeoutMs: flags.timeout,
      files: flags.files?.flat(),
      peers: flags.peer,
    }),
  }));
}

/** A limit of seeding asks for seeding. */
export function seedsAfter(flags: Pick<DownloadFlagValues, 'seed' | 'seed-ratio' | 'seed-time'>): boolean {
  return flags.seed === true || flags['seed-ratio'] !== undefined || flags['seed-time'] !== undefined;
}
