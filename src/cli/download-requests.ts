/** From the words and flags of `peer download` to what the engine is asked. */
import type { DownloadRequest, FileChoice } from '../engine/engine-types.js';
import { defined } from './defined.js';

export interface DownloadFlagValues {
  readonly output: string;
  readonly seed?: boolean | undefined;
  readonly force?: boolean | undefined;
  readonly timeout?: number | undefined;
  readonly files?: readonly (readonly FileChoice[])[] | undefined;
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
      seedAfter: flags.seed === true ? true : undefined,
      force: flags.force === true ? true : undefined,
      timeoutMs: flags.timeout,
      files: flags.files?.flat(),
    }),
  }));
}
