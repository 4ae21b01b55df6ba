/**
 * How much a link is supplied ahead, in bytes and not in pieces: enough for the way of a message from here to its
 * worker and of a request to the peer, so that it never runs dry; hundreds of 128-byte pieces at once, but only one of
 * 16 MiB on a slow link, which would keep it from the others.
 */

/** What of a link decides its supply. */
export interface SupplyView {
  readonly downBytesPerSec: number;
  readonly roundTripMs: number;
  /** Bytes of pieces that it finished since it was unchoked. */
  readonly doneBytes: number;
  /** Since when, after it was unchoked, it has had something to fetch. */
  readonly startMs: number | undefined;
}

/** Requests queued at the peer (RequestPipeline), and the way through the main thread and back. */
const MARGIN_MS = 150;
/** Longer ones are queues, not ways. */
const LONGEST_ROUND_TRIP_MS = 500;
const LEAST_BYTES = 131_072;
/** So much lasts for the way of a message to the worker and back at a MB/s or two. */
const LEAST_SHARE_BYTES = 2_048;
const LEAST_STARTING_BYTES = 262_144;
const MOST_BYTES = 67_108_864;
/** Before the first measures say more, the supply doubles with what came, as TCP's slow start does. */
const SLOW_START_MS = 1_000;
const MOST_SLOW_START_BYTES = 16_777_216;
const WEB_SEED_AHEAD_MS = 1_000;
const LEAST_WEB_SEED_BYTES = 1_048_576;
/** Time between two measures: nobody looks again sooner while a long piece is on its way. */
const MEASURE_MS = 250;

/**
 * Bytes that should be assigned and not yet there. One more piece is due while there are fewer.
 * @param pieceLengthBytes of the torrent
 * @param shareBytes most that one link may take of what is left to assign, see `fairShareBytes`
 */
export function supplyTarget(link: SupplyView, pieceLengthBytes: number, shareBytes: number, nowMs: number): number {
  const rate = link.downBytesPerSec / 1000;
  const untilNextLookMs = rate > 0 ? Math.min(MEASURE_MS, pieceLengthBytes / rate) : 0;
  const roundTripMs = Math.min(link.roundTripMs, LONGEST_ROUND_TRIP_MS);
  // Requests are sent for two round trips ahead.
  const steadyBytes = rate * (2 * roundTripMs + MARGIN_MS + untilNextLookMs);
  const isStarting = link.startMs === undefined || nowMs - link.startMs < SLOW_START_MS;
  const startingBytes = Math.max(LEAST_STARTING_BYTES, Math.min(2 * link.doneBytes, MOST_SLOW_START_BYTES));
  const wantedBytes = isStarting ? Math.max(startingBytes, steadyBytes) : steadyBytes;
  return Math.min(Math.max(LEAST_BYTES, wantedBytes), Math.max(shareBytes, LEAST_SHARE_BYTES), MOST_BYTES);
}

/**
 * The same for a web seed: at least a second ahead, since each request for a range costs a round trip, and the longer the
 * range the fewer there are.
 */
export function webSeedTarget(link: SupplyView, pieceLengthBytes: number, shareBytes: number, nowMs: number): number {
  const aheadBytes = Math.max((link.downBytesPerSec * WEB_SEED_AHEAD_MS) / 1000, LEAST_WEB_SEED_BYTES);
  const mostBytes = Math.min(Math.max(shareBytes, LEAST_SHARE_BYTES), MOST_BYTES);
  return Math.max(supplyTarget(link, pieceLengthBytes, shareBytes, nowMs), Math.min(aheadBytes, mostBytes));
}

/**
 * Most of what is left to assign that one link may take: half of its even share, so that a small file is not all the first
 * link's, and near the end nobody hoards (guided self-scheduling: Polychronopoulos and Kuck, 1987).
 * @param contenderCount links that fetch or are about to; one alone may take all
 */
export function fairShareBytes(openBytes: number, contenderCount: number): number {
  return contenderCount > 1 ? openBytes / (2 * contenderCount) : Infinity;
}
