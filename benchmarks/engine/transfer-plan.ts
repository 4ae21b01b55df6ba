/** What `npm run bench -- transfer` was asked for: who from whom, and how many of each. */
import { UsageError } from '../shared/run-benchmark.js';

/** How many seeders and downloaders. */
export interface TransferCase {
  readonly seederCount: number;
  readonly downloaderCount: number;
}

/** Names of clients. */
export interface TransferPair {
  readonly seeder: string;
  readonly downloader: string;
}

/** `1-1,4-1` → one seeder to one downloader, four to one. @throws {UsageError} when it is written otherwise */
export function parseCases(text: string): TransferCase[] {
  return text.split(',').map((each) => {
    const [, seeders = '', downloaders = ''] = /^([1-9]\d?)-([1-9]\d?)$/.exec(each) ?? [];
    if (seeders === '') throw new UsageError(`a case is written SEEDERS-DOWNLOADERS, such as 4-1, not '${each}'`);
    return { seederCount: Number(seeders), downloaderCount: Number(downloaders) };
  });
}

/**
 * `p2p,p2p:aria2` → p2p with itself, aria2 from p2p.
 * @throws {UsageError} when a client is unknown
 */
export function parsePairs(text: string, clients: readonly string[]): TransferPair[] {
  return text.split(',').map((each) => {
    const [seeder = '', downloader = seeder, ...more] = each.split(':');
    const unknown = [seeder, downloader].find((name) => !clients.includes(name));
    if (more.length > 0) throw new UsageError(`a pair is written SEEDER:DOWNLOADER, not '${each}'`);
    if (unknown !== undefined) throw new UsageError(`there is no client '${unknown}': ${clients.join(', ')}`);
    return { seeder, downloader };
  });
}

/** `1 to 4`. */
export function caseName({ seederCount, downloaderCount }: TransferCase): string {
  return `${seederCount} to ${downloaderCount}`;
}

/** `p2p from libtorrent`; of one with itself its name alone. */
export function pairName({ seeder, downloader }: TransferPair): string {
  return seeder === downloader ? seeder : `${downloader} from ${seeder}`;
}
