/** Stored copies as those who start transfers need them. */
import { InvariantError } from '../errors.js';
import type { Metainfo } from '../metainfo/metainfo.js';
import { parseMetainfo } from '../metainfo/parse-metainfo.js';
import type { Bitfield } from '../protocol/bitfield.js';
import type { CopyRecord } from '../store/copy-store.js';
import type { EngineContext } from './engine-context.js';
import type { ResolvedTarget } from './engine-types.js';
import type { StateStore } from './state-store.js';
import { trackerTiersOf } from './target-resolver.js';

/** A stored copy as if its target had just been looked up. */
export function recallCopy(store: StateStore, record: CopyRecord, trackers: readonly string[]): ResolvedTarget {
  const bytes = store.metainfoBytes(record.infoHash);
  if (!bytes) throw new InvariantError(`the store lost the torrent of copy ${record.id}`);
  const trackerTiers = trackerTiersOf(trackers, store.trackerTiers(record.id));
  return { metainfo: parseMetainfo(bytes), trackerTiers, peers: [] };
}

/** Tells what became of a copy that was known. */
export function sayResumed(
  engine: EngineContext,
  { infoHash, name, layout }: Metainfo,
  found: { readonly owned: Bitfield; readonly trustedPieces: number; readonly hashedPieces: number },
): void {
  const { owned, trustedPieces, hashedPieces } = found;
  const { pieceCount } = layout;
  engine.emit({
    type: 'resumed',
    ...{ infoHash, name, pieceCount, trustedPieces, hashedPieces, ownedPieces: owned.count() },
  });
}
