/** From the words and flags of `peer seed` to what the engine is asked. */
import type { MaskRequest, SeedRequest } from '../engine/engine-types.js';
import { OptionError } from '../errors.js';
import { defined } from './defined.js';
import { inputPaths } from './input-folder.js';

export interface SeedFlagValues {
  readonly torrent?: string | undefined;
  readonly trust?: boolean | undefined;
  readonly 'piece-length'?: number | undefined;
  readonly hash?: readonly string[] | undefined;
  readonly missing?: readonly (readonly number[])[] | undefined;
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  readonly 'seed-ratio'?: number | undefined;
  readonly 'seed-time'?: number | undefined;
}

/**
 * One request a path; all of `./input` when there is none.
 * @param note told what of `./input` is passed over
 * @throws {P2P_USAGE} when flags contradict one another
 * @throws {P2P_NOTHING_TO_SEED}
 */
export async function seedRequests(
  paths: readonly string[],
  flags: SeedFlagValues,
  trackers: readonly string[],
  note: (message: string) => void,
): Promise<SeedRequest[]> {
  checkTogether(paths, flags);
  const mask = maskOf(flags);
  return (paths.length === 0 ? await inputPaths(undefined, note) : paths).map((path) => ({
    path,
    trackers,
    ...defined({
      torrentFile: flags.torrent,
      trust: flags.trust === true ? true : undefined,
      pieceLengthBytes: flags['piece-length'],
      hashes: flags.hash,
      mask,
      seedRatio: flags['seed-ratio'],
      seedTimeMs: flags['seed-time'],
    }),
  }));
}

function checkTogether(paths: readonly string[], flags: SeedFlagValues): void {
  if (flags.trust === true && flags.torrent === undefined) {
    throw usage('--trust goes with --torrent: without a .torrent file, PATH has to be hashed to build one');
  }
  if (flags.torrent !== undefined) {
    if (paths.length !== 1)
      throw usage('--torrent needs exactly one PATH: the file or folder to serve as that torrent');
    if (flags['piece-length'] !== undefined || flags.hash !== undefined) {
      throw usage('--piece-length and --hash are settled by the .torrent file that --torrent names');
    }
  }
  if (flags.from !== undefined && flags.to !== undefined && flags.from >= flags.to) {
    throw usage(`--from ${flags.from} is not below --to ${flags.to}: nothing would be offered`);
  }
}

function maskOf({ missing, from, to }: SeedFlagValues): MaskRequest | undefined {
  if (missing === undefined && from === undefined && to === undefined) return undefined;
  const indices = missing === undefined ? undefined : [...new Set(missing.flat())].sort((a, b) => a - b);
  return defined({ missing: indices, from, to });
}

function usage(message: string): OptionError {
  return new OptionError(message, {}, 'P2P_USAGE');
}
