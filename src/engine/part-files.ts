/** What an earlier run of the same download left: which pieces of the `.part` are there and right. */
import { StorageError } from '../errors.js';
import type { Metainfo } from '../metainfo/metainfo.js';
import { Bitfield } from '../protocol/bitfield.js';
import { allocatedBytes, entryKind, type DownloadTarget } from './download-target.js';
import { checkPieces, type HashJob } from './piece-hashing.js';
import type { StateStore } from './state-store.js';
import { torrentFiles } from './torrent-files.js';

export interface FoundPart {
  readonly owned: Bitfield;
  /** Bytes that its files take on the disk. */
  readonly allocatedBytes: number;
}

/**
 * Looks at the `.part`. What the store has written down is hashed again before it is believed; a `.part` that the store
 * does not know is taken up when any of its pieces is right.
 * @throws {P2P_PART_OF_ANOTHER_TORRENT} when it holds another torrent's data
 */
export async function findPart(
  metainfo: Metainfo,
  target: DownloadTarget,
  store: StateStore,
  tools: Pick<HashJob, 'pool' | 'registry' | 'hashPluginUrls'> & { readonly verifyWith: string | undefined },
): Promise<FoundPart> {
  const { layout } = metainfo;
  const there = await entryKind(target.partPath);
  const nothing = { owned: new Bitfield(layout.pieceCount), allocatedBytes: 0 };
  if (there === 'nothing') return nothing;
  const { infoHash } = metainfo;
  const isOurs = there === (metainfo.isFolder ? 'folder' : 'file');
  if (!isOurs || store.otherDownloadAt(infoHash, target.targetPath) !== undefined) throw otherTorrent(target);
  const files = torrentFiles(metainfo, target.partPath);
  const ownership = store.ownership(infoHash, target.targetPath);
  const { good } = await checkPieces({
    ...tools,
    metainfo,
    files,
    ...(ownership ? { only: union(ownership.intents, ownership.verified) } : {}),
  });
  const allocated = await allocatedBytes(files.map((file) => file.path));
  if (!ownership && good.isEmpty() && allocated > 0) throw otherTorrent(target);
  return { owned: good, allocatedBytes: allocated };
}

function union(one: Bitfield, other: Bitfield): Bitfield {
  return new Bitfield(
    one.length,
    one.bytes.map((byte, at) => byte | (other.bytes[at] ?? 0)),
  );
}

function otherTorrent(target: DownloadTarget): StorageError {
  return new StorageError(
    'P2P_PART_OF_ANOTHER_TORRENT',
    `'${target.partPath}' belongs to another torrent; finish that one, move it away, or choose another folder with -o`,
    { path: target.partPath },
  );
}
