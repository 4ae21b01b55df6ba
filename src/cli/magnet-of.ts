/** The magnet link of a target, with the trackers and peers that it was found with. */
import type { ResolvedTarget } from '../engine/engine-types.js';
import { formatMagnet } from '../metainfo/magnet.js';
import { trackersOf } from './json-fields.js';

/** A link that other clients read too, unless the torrent is for ours alone. */
export function magnetOf(target: ResolvedTarget): string {
  return formatMagnet(target.metainfo, { trackers: trackersOf(target), peers: target.peers });
}
