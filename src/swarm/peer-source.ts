/** How we heard of a peer. */

/**
 * `pex` is peer exchange (BEP 11), `lsd` local discovery (BEP 14), `dht` the distributed hash table (BEP 5), `magnet` a
 * peer that a magnet link names, `typed` one of the command line; `incoming` dialled us before we heard of it.
 */
export type PeerSource = 'tracker' | 'pex' | 'lsd' | 'dht' | 'magnet' | 'typed' | 'incoming' | 'web-seed';

/** Whether anybody may have put it there, many at a time: such addresses never displace others. */
export function isHearsay(source: PeerSource): boolean {
  return source === 'pex' || source === 'lsd' || source === 'dht';
}
