/** `p2p show --scrape`: what each tracker says of a swarm. */
import type { EngineApi, TrackerScrape } from '../engine/engine-types.js';
import { TrackerError } from '../errors.js';
import { parseMagnet } from '../metainfo/magnet.js';
import type { InfoHash } from '../metainfo/metainfo.js';
import { DEFAULT_ANNOUNCE_URL } from './announce-urls.js';
import { printable } from './printable.js';
import type { Style } from './style.js';
import { renderTable, type Column } from './table.js';

const COLUMNS: readonly Column[] = [
  { title: 'TRACKER' },
  { title: 'SEEDS', align: 'right' },
  { title: 'LEECHERS', align: 'right' },
  { title: 'COMPLETED', align: 'right' },
];

/** What a magnet link alone tells. */
export interface MagnetSwarm {
  readonly infoHash: InfoHash;
  readonly name: string | undefined;
  readonly trackers: readonly string[];
}

/** The swarm of a magnet link: its trackers can be asked without its metainfo. @returns undefined for other targets */
export function magnetSwarm(target: string, given: readonly string[]): MagnetSwarm | undefined {
  if (!/^magnet:/i.test(target)) return undefined;
  const { infoHash, name, trackers } = parseMagnet(target);
  return { infoHash, name, trackers: [...new Set([...given, ...trackers])] };
}

/**
 * Asks the trackers of a swarm; the one on this machine when there are none.
 * @throws {P2P_NOBODY_ANSWERED} when none answers; the message has what is wrong with each
 */
export async function scrapeSwarm(
  engine: Pick<EngineApi, 'scrape'>,
  { infoHash, trackers }: Pick<MagnetSwarm, 'infoHash' | 'trackers'>,
): Promise<readonly TrackerScrape[]> {
  const scrapes = await engine.scrape(infoHash, trackers.length > 0 ? trackers : [DEFAULT_ANNOUNCE_URL]);
  const errors = scrapes.flatMap(({ error }) => error ?? []);
  if (errors.length < scrapes.length) return scrapes;
  const message = `no tracker answered:\n${errors.map((error) => `  ${error.message}`).join('\n')}`;
  throw new TrackerError('P2P_NOBODY_ANSWERED', message, { trackers: scrapeFields(scrapes) });
}

/** A table, with what is wrong below it. */
export function renderScrapes(scrapes: readonly TrackerScrape[], columns: number, style: Style): string[] {
  const rows = scrapes.map(({ url, counts, error }) => {
    const nothing = error ? '-' : '0';
    const numbers = counts ? [counts.seeders, counts.leechers, counts.completed] : undefined;
    return [printable(url), ...(numbers?.map((count) => `${count}`) ?? [nothing, nothing, nothing])];
  });
  const notes = scrapes.flatMap(({ url, counts, error }) => {
    if (error) return [printable(error.message)];
    return counts ? [] : [`${printable(url)} does not know this torrent`];
  });
  return [...renderTable(COLUMNS, rows, columns, style.dim), ...notes.map((note) => style.dim(note))];
}

/** Fields of the result. */
export function scrapeFields(scrapes: readonly TrackerScrape[]) {
  return scrapes.map(({ url, counts, error }) => ({
    url,
    seeders: counts?.seeders ?? null,
    leechers: counts?.leechers ?? null,
    completed: counts?.completed ?? null,
    error: error ? { code: error.code, message: error.message } : null,
  }));
}
