/** The catalogues of several trackers together: publishing, looking for a twin, listing. */
import { P2pError, TrackerError } from '../errors.js';
import type { Metainfo } from '../metainfo/metainfo.js';
import { parseMetainfo } from '../metainfo/parse-metainfo.js';
import { catalogueBaseUrl, fetchMetainfo, findByName, listAll, publish } from '../tracker/catalogue-client.js';
import type { CatalogueEntry } from './engine-types.js';

/** A dead tracker must not keep a seeder waiting. */
const PUBLISH_TIMEOUT_MS = 15_000;

export interface PublishRequest {
  /** Announce URLs. */
  readonly trackers: readonly string[];
  /** The .torrent file. */
  readonly bytes: Uint8Array;
  /** The secret of the trackers in `trusted`; the others never see it. */
  readonly token: string | undefined;
  readonly trusted: readonly string[];
  readonly onNote: (message: string) => void;
}

/**
 * Publishes to each catalogue that takes it. One that is down or not there is a note: seeding goes on.
 * @returns whether any took it
 * @throws {P2P_REFUSED} when a catalogue wants a token, or another one
 */
export async function publishEverywhere(request: PublishRequest): Promise<boolean> {
  const published = await Promise.all(request.trackers.map((url) => publishAt(url, request)));
  return published.includes(true);
}

async function publishAt(url: string, { bytes, token, trusted, onNote }: PublishRequest): Promise<boolean> {
  const baseUrl = catalogueBaseUrl(url);
  if (baseUrl === undefined) return false;
  try {
    const ourToken = trusted.includes(url) ? token : undefined;
    const reply = await publish(baseUrl, bytes, ourToken, { timeoutMs: PUBLISH_TIMEOUT_MS });
    if (reply.type === 'published') return true;
    onNote(`${url} has no catalogue, so others need the magnet link or the .torrent file (${reply.reason})`);
  } catch (error) {
    if (!(error instanceof TrackerError) || error.code === 'P2P_REFUSED') throw error;
    onNote(`not published at ${url}: ${error.message}`);
  }
  return false;
}

/** What is published under a name already. */
export interface Twins {
  /** Torrents of the same size: a new one is built in the form of one, so that equal bytes join one swarm. */
  readonly twins: readonly Metainfo[];
  /** Info hashes of all of that name. */
  readonly namesakes: readonly string[];
}

/** What the catalogues have under a name. Those that do not answer are passed over. */
export async function findTwins(trackers: readonly string[], name: string, totalBytes: number): Promise<Twins> {
  const namesakes = new Set<string>();
  const twins = new Map<string, Metainfo>();
  for (const url of trackers) {
    const baseUrl = catalogueBaseUrl(url);
    if (baseUrl === undefined) continue;
    try {
      const found = await findByName(baseUrl, name);
      if (found.type !== 'entries') continue;
      for (const entry of found.entries) {
        namesakes.add(entry.infoHash);
        if (entry.totalBytes !== totalBytes || twins.has(entry.infoHash)) continue;
        const reply = await fetchMetainfo(baseUrl, entry.infoHash);
        if (reply.type === 'torrent') twins.set(entry.infoHash, parseMetainfo(reply.bytes));
      }
    } catch (error) {
      if (!(error instanceof P2pError)) throw error;
    }
  }
  return { twins: [...twins.values()], namesakes: [...namesakes] };
}

/**
 * What all catalogues list, without repeats.
 * @throws {P2P_TRACKER_UNREACHABLE} and others when none could be asked
 */
export async function listEverywhere(trackers: readonly string[]): Promise<CatalogueEntry[]> {
  const entries = new Map<string, CatalogueEntry>();
  let failure: TrackerError | undefined;
  let answered = false;
  for (const url of trackers) {
    const baseUrl = catalogueBaseUrl(url);
    if (baseUrl === undefined) continue;
    try {
      const reply = await listAll(baseUrl);
      if (reply.type === 'entries') {
        answered = true;
        for (const entry of reply.entries) entries.set(entry.infoHash, entry);
      } else {
        failure = new TrackerError('P2P_TRACKER_UNREACHABLE', `${url} has no catalogue: ${reply.reason}`);
      }
    } catch (error) {
      if (!(error instanceof TrackerError)) throw error;
      failure = error;
    }
  }
  if (!answered && failure) throw failure;
  return [...entries.values()];
}
