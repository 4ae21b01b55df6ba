/** The magnet link of a target, with the trackers and peers that it was found with. */
import type { ResolvedTarget, TargetQuery } from '../engine/engine-types.js';
import { formatMagnet } from '../metainfo/magnet.js';
import { DEFAULT_ANNOUNCE_URL } from './announce-urls.js';

/** Targets that carry their metainfo or trackers, so that no catalogue was asked for them. */
const CARRIES_TRACKERS = /\.torrent$|^magnet:/i;

/** A link that other clients read too, unless the torrent is for ours alone. */
export function magnetOf(target: ResolvedTarget, trackers: readonly string[]): string {
  return formatMagnet(target.metainfo, { trackers, peers: target.peers });
}

/**
 * The trackers of a target, without repeats: those that were named, its own, and the catalogue that knew it. The tracker
 * on this machine that is tried when there is none at all is no part of a .torrent file.
 */
export function trackersOf({ trackerTiers, metainfo }: ResolvedTarget, query: TargetQuery): string[] {
  const trackers = [...new Set(trackerTiers.flat())];
  if (query.trackers.length > 0 || metainfo.trackerTiers.length > 0) return trackers;
  return CARRIES_TRACKERS.test(query.target) ? trackers.filter((url) => url !== DEFAULT_ANNOUNCE_URL) : trackers;
}
