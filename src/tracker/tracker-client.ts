/**
 * The peer's side of all trackers, over HTTP and UDP: announces and scrapes. It holds what UDP needs between two
 * announces. Thread: main.
 */
import { announce as announceOverHttp, type AnnounceReply, type AnnounceRequest } from './announce-client.js';
import { mergeReplies } from './merge-replies.js';
import { scrapeOverHttp, type ScrapeCounts, type ScrapeRequest } from './scrape-client.js';
import { groupAddresses, resolveHost, type Family } from './tracker-addresses.js';
import { UdpTrackers } from './udp-trackers.js';
import { untilAborted } from './until-aborted.js';

export type { AnnounceReply, AnnounceRequest } from './announce-client.js';
export type { ScrapeCounts, ScrapeRequest } from './scrape-client.js';

/** What comes over the second family so soon after the first counts too; the tracker heard us in any case. */
const SECOND_FAMILY_MS = 1_000;

export class TrackerClient {
  readonly #families: readonly Family[];
  readonly #udp: UdpTrackers;

  /** @param families on which we listen */
  constructor(families: readonly Family[] = ['ipv4', 'ipv6'], udp = new UdpTrackers()) {
    this.#families = families;
    this.#udp = udp;
  }

  /**
   * Tells a tracker about us, by each family of addresses on which we listen and it is reached, and takes peers from it.
   * @throws {P2P_TRACKER_UNREACHABLE} when it does not answer in time, or its URL is none
   * @throws {P2P_TRACKER_FAILURE} when it says no; the message has its reason, safe to print
   * @throws {P2P_TRACKER_REPLY_INVALID} when it answers nonsense
   * @throws the signal's reason when it aborts
   */
  async announce(request: AnnounceRequest): Promise<AnnounceReply> {
    if (isUdp(request.url)) {
      const groups = await this.#udp.groupsOf(request, this.#families);
      const asked = groups.map((group) => this.#udp.announce(request, group));
      return mergeReplies(asked, SECOND_FAMILY_MS);
    }
    const families = await this.#familiesOverHttp(request);
    const asked = families.map((family) => announceOverHttp(family ? { ...request, family } : request));
    return mergeReplies(asked, SECOND_FAMILY_MS);
  }

  /**
   * Asks a tracker how many peers a torrent has (BEP 48).
   * @returns undefined when it does not know the torrent
   * @throws as `announce`; {P2P_TRACKER_FAILURE} also when it cannot be asked this
   */
  async scrape(request: ScrapeRequest): Promise<ScrapeCounts | undefined> {
    return isUdp(request.url) ? this.#udp.scrape(request) : scrapeOverHttp(request);
  }

  /** Gives up what is under way over UDP. Idempotent. */
  async close(): Promise<void> {
    await this.#udp.close();
  }

  /** Undefined where the system may choose. */
  async #familiesOverHttp({ url, signal }: AnnounceRequest): Promise<readonly (Family | undefined)[]> {
    const host = URL.canParse(url) ? new URL(url).hostname.replace(/^\[|\]$/g, '') : '';
    try {
      const addresses = await untilAborted(resolveHost(host), signal);
      const groups = groupAddresses(addresses, this.#families);
      return groups.length > 0 ? groups.map(({ family }) => family) : [undefined];
    } catch {
      signal?.throwIfAborted();
      // The request finds the same, and says it.
      return [undefined];
    }
  }
}

function isUdp(url: string): boolean {
  return /^udp:/i.test(url);
}
