/** Tracker URLs out of metainfo and magnet links. */

/** Trackers taken from one torrent. A stranger's file must not make us knock at thousands of doors. */
export const MAX_TRACKERS = 100;
/** Characters of one announce URL, as the tracker's own limit for a request line. */
export const MAX_TRACKER_URL_LENGTH = 8_192;

/** Whether this is an announce URL that we may contact: http, https or udp, with a host, printable ASCII. */
export function isTrackerUrl(text: string): boolean {
  return (
    text.length <= MAX_TRACKER_URL_LENGTH &&
    /^(?:https?|udp):\/\/[^/?#]/i.test(text) &&
    /^[\x21-\x7e]+$/.test(text) &&
    URL.canParse(text)
  );
}

/**
 * The tiers with what is unusable left out: other schemes, repeats (the first stays), empty tiers, and whatever follows
 * the first `MAX_TRACKERS`.
 */
export function usableTiers(tiers: readonly (readonly string[])[]): string[][] {
  const seen = new Set<string>();
  const usable: string[][] = [];
  for (const tier of tiers) {
    const kept: string[] = [];
    for (const url of tier) {
      if (seen.size >= MAX_TRACKERS) break;
      if (seen.has(url) || !isTrackerUrl(url)) continue;
      seen.add(url);
      kept.push(url);
    }
    if (kept.length > 0) usable.push(kept);
  }
  return usable;
}
