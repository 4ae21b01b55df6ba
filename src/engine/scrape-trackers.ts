/** What the trackers of a torrent say of its swarm (BEP 48). */
import { TrackerError, type ErrorValue } from '../errors.js';
import type { InfoHash } from '../metainfo/metainfo.js';
import type { ScrapeCounts, TrackerClient } from '../tracker/tracker-client.js';

/** The answer of one tracker. */
export interface TrackerScrape {
  /** Announce URL. */
  readonly url: string;
  /** Undefined when it does not know the torrent, or did not answer. */
  readonly counts: ScrapeCounts | undefined;
  /** Why it did not answer. */
  readonly error: ErrorValue | undefined;
}

/**
 * Asks all trackers at once. One that fails is told of in its answer.
 * @returns in the order of the trackers
 * @throws the signal's reason when it aborts
 */
export async function scrapeTrackers(
  client: Pick<TrackerClient, 'scrape'>,
  { infoHash, trackers }: { readonly infoHash: InfoHash; readonly trackers: readonly string[] },
  signal: AbortSignal,
): Promise<TrackerScrape[]> {
  return await Promise.all(
    trackers.map(async (url) => {
      try {
        return { url, counts: await client.scrape({ url, infoHash, signal }), error: undefined };
      } catch (error) {
        if (!(error instanceof TrackerError)) throw error;
        return { url, counts: undefined, error: error.toValue() };
      }
    }),
  );
}
