/** What seeders gave away, as they tell it when they are stopped. */
import type { P2pProcess } from './p2p-process.js';

/**
 * Stops a seeder, which has to end with exit code 0.
 * @returns payload that it sent in all, by info hash
 */
export async function stopAndCount(seeder: P2pProcess): Promise<Map<string, number>> {
  seeder.signal('SIGINT');
  const { seeds = [] } = await seeder.result();
  return new Map(seeds.map((seed) => [seed.infoHash, seed.upTotalBytes]));
}

/** The same for a seeder of one torrent. */
export async function stopAndCountOnly(seeder: P2pProcess): Promise<number> {
  return sum([...(await stopAndCount(seeder)).values()]);
}

export function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
