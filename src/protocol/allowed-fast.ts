/** Which pieces a peer may ask for while it is choked (BEP 6, allowed fast set generation). */
import { sha1 } from '../hashing/digests.js';

/** Pieces that one peer is allowed: BEP 6 suggests 10. */
export const ALLOWED_FAST_COUNT = 10;

const ROUND_INDICES = 5;

/**
 * The set of one peer, in the order of the algorithm. It depends on the first three bytes of an IPv4 address (of an IPv6
 * address the first six, where BEP 6 says nothing), so that a peer gains nothing by coming again from beside.
 * @param host the peer's IP address
 * @param infoHash 20 bytes
 * @param count how many are wanted; a torrent of fewer pieces has no more
 */
export function allowedFastSet(host: string, infoHash: Uint8Array, pieceCount: number, count: number): number[] {
  const allowed = new Set<number>();
  let digest = sha1(Uint8Array.from([...networkOf(host), ...infoHash]));
  while (allowed.size < Math.min(count, pieceCount)) {
    const view = new DataView(digest.buffer, digest.byteOffset, digest.byteLength);
    for (let at = 0; at < ROUND_INDICES && allowed.size < count; at += 1)
      allowed.add(view.getUint32(at * 4) % pieceCount);
    digest = sha1(digest);
  }
  return [...allowed];
}

function networkOf(host: string): number[] {
  const [, a, b, c] = /(\d+)\.(\d+)\.(\d+)\.\d+$/.exec(host) ?? [];
  if (a !== undefined) return [Number(a), Number(b), Number(c), 0];
  const groups = host.split('::')[0]?.split(':') ?? [];
  return [0, 1, 2].flatMap((at) => {
    const group = parseInt(groups[at] ?? '', 16) || 0;
    return [group >>> 8, group & 0xff];
  });
}
