/** The catalogues of several trackers together: looking for a twin, listing. */
import { MetainfoError, TrackerError } from '../errors.js';
import type { Metainfo } from '../metainfo/metainfo.js';
import { parseMetainfo } from '../metainfo/parse-metainfo.js';
import { catalogueBaseUrl, fetchMetainfo, findByName, listAll } from '../tracker/catalogue-client.js';
import type { CatalogueEntry } from './engine-types.js';

/** Torrents of one name and size that are looked at; a catalogue of strangers may list any number. */
const MAX_TWINS = 8;

/** What is published under a name already. */
export interface Twins {
  /** Torrents of the same size: a new one is built in the form of one, so that equal bytes join one swarm. */
  readonly twins: readonly Metainfo[];
  /** Info hashes of all of that name. */
  readonly namesakes: readonly string[];
}

/**
 * What the catalogues have under a name. Those that do not answer and torrents that cannot be read are passed over.
 * @throws the signal's reason when it aborts
 */
export async function findTwins(
  trackers: readonly string[],
  { name, totalBytes }: { readonly name: string; readonly totalBytes: number },
  signal: AbortSignal,
): Promise<Twins> {
  const namesakes = new Set<string>();
  const found = await Promise.all(
    trackers.map(async (url) => {
      const baseUrl = catalogueBaseUrl(url);
      if (baseUrl === undefined) return [];
      const reply = await unlessDown(findByName(baseUrl, name, { signal }));
      if (reply?.type !== 'entries') return [];
      for (const { infoHash } of reply.entries) namesakes.add(infoHash);
      const sameSize = reply.entries.filter((entry) => entry.totalBytes === totalBytes).slice(0, MAX_TWINS);
      return Promise.all(sameSize.map(({ infoHash }) => fetchTwin(baseUrl, infoHash, signal)));
    }),
  );
  const twins = new Map(found.flat().flatMap((twin) => (twin ? [[twin.infoHash, twin]] : [])));
  return { twins: [...twins.values()], namesakes: [...namesakes] };
}

async function fetchTwin(baseUrl: string, infoHash: string, signal: AbortSignal): Promise<Metainfo | undefined> {
  const reply = await unlessDown(fetchMetainfo(baseUrl, infoHash, { signal }));
  if (reply?.type !== 'torrent') return undefined;
  try {
    const twin = parseMetainfo(reply.bytes);
    return twin.infoHash === infoHash ? twin : undefined;
  } catch (error) {
    if (error instanceof MetainfoError) return undefined;
    throw error;
  }
}

/** The answer of a catalogue; undefined when it is down or answers nonsense. */
async function unlessDown<Reply>(asked: Promise<Reply>): Promise<Reply | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof TrackerError) return undefined;
    throw error;
  }
}

/**
 * What all catalogues list, without repeats.
 * @throws {P2P_TRACKER_UNREACHABLE} and others when none could be asked
 * @throws the signal's reason when it aborts
 */
export async function listEverywhere(trackers: readonly string[], signal: AbortSignal): Promise<CatalogueEntry[]> {
  const entries = new Map<string, CatalogueEntry>();
  let failure: TrackerError | undefined;
  let answered = false;
  for (const url of trackers) {
    try {
      for (const entry of await listAt(url, signal))
        entries.set(entry.infoHash, merged(entries.get(entry.infoHash), entry));
      answered = true;
    } catch (error) {
      if (!(error instanceof TrackerError)) throw error;
      failure = error;
    }
  }
  if (!answered && failure) throw failure;
  return [...entries.values()];
}

/** Trackers of one swarm know about the same peers: the one that knows more tells. */
function merged(one: CatalogueEntry | undefined, other: CatalogueEntry): CatalogueEntry {
  if (!one) return other;
  const seeders = Math.max(one.seeders, other.seeders);
  return { ...other, seeders, leechers: Math.max(one.leechers, other.leechers) };
}

async function listAt(url: string, signal: AbortSignal): Promise<readonly CatalogueEntry[]> {
  const baseUrl = catalogueBaseUrl(url);
  if (baseUrl === undefined) throw unreachable(`${url} has no catalogue: it is not reached over http or https`);
  const reply = await listAll(baseUrl, { signal });
  if (reply.type === 'entries') return reply.entries;
  throw unreachable(`${url} has no catalogue: ${reply.reason}`);
}

function unreachable(message: string): TrackerError {
  return new TrackerError('P2P_TRACKER_UNREACHABLE', message);
}
