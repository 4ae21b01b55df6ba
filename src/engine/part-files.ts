/** What an earlier run of the same download left: which pieces of the `.part` are there and right. */
import { open, readdir } from 'node:fs/promises';
import path from 'node:path';

import { StorageError } from '../errors.js';
import type { Metainfo } from '../metainfo/metainfo.js';
import { Bitfield } from '../protocol/bitfield.js';
import { allocatedBytes, entryKind, type DownloadTarget } from './download-target.js';
import { checkPieces } from './piece-hashing.js';
import type { StateStore } from './state-store.js';
import { torrentFiles } from './torrent-files.js';
import type { VerifyTools } from './verify-copy.js';
import { describeDiskError } from '../workers/disk-errors.js';
import type { TorrentFile } from '../workers/worker-messages.js';

export interface FoundPart {
  /** On the disk for sure, a power cut included. */
  readonly owned: Bitfield;
  /** Bytes that its files take on the disk. */
  readonly allocatedBytes: number;
}

/**
 * Looks at the `.part`. What the store has written down is hashed again before it is believed; a `.part` that the store
 * does not know is taken up when any of its pieces is right.
 * @throws {P2P_PART_OF_ANOTHER_TORRENT} when it holds another torrent's data, or what no torrent wrote
 */
export async function findPart(
  metainfo: Metainfo,
  target: DownloadTarget,
  store: StateStore,
  tools: VerifyTools,
): Promise<FoundPart> {
  const there = await entryKind(target.partPath);
  if (there === 'nothing') return { owned: new Bitfield(metainfo.layout.pieceCount), allocatedBytes: 0 };
  const { infoHash } = metainfo;
  const isOurs = there === (metainfo.isFolder ? 'folder' : 'file');
  if (!isOurs || store.isPartOfAnother(infoHash, target.targetPath)) throw otherTorrent(target);
  const files = torrentFiles(metainfo, target.partPath);
  const ownership = store.ownership(infoHash, target.targetPath);
  const written = ownership && union(ownership.intents, ownership.verified);
  const isKnown = written?.isEmpty() === false;
  const { good } = await checkPieces({ ...tools, metainfo, files, ...(isKnown ? { only: written } : {}) });
  if (!isKnown && good.isEmpty() && (await hasContent(target.partPath))) throw otherTorrent(target);
  const isDurable = [...good.indices()].every((index) => ownership?.durable.has(index));
  await settleFiles(files, !isDurable);
  return { owned: good, allocatedBytes: await allocatedBytes(files.map((file) => file.path)) };
}

/** Whether there is anything that a download of ours does not make before its first piece: folders and sparse files. */
async function hasContent(entryPath: string): Promise<boolean> {
  switch (await entryKind(entryPath)) {
    case 'nothing':
      return false;
    case 'file':
      return (await allocatedBytes([entryPath])) > 0;
    case 'folder':
      for (const name of await readdir(entryPath)) if (await hasContent(path.join(entryPath, name))) return true;
      return false;
    default:
      return true;
  }
}

/**
 * Cuts off what lies behind the end of a file.
 * @param flush whether an earlier run may have ended before the bytes were on the disk for sure
 */
async function settleFiles(files: readonly TorrentFile[], flush: boolean): Promise<void> {
  for (const { path: filePath, lengthBytes } of files) {
    if (filePath === undefined || (await entryKind(filePath)) !== 'file') continue;
    try {
      const handle = await open(filePath, 'r+');
      try {
        const { size } = await handle.stat();
        if (size > lengthBytes) await handle.truncate(lengthBytes);
        if (flush) await handle.datasync();
      } finally {
        await handle.close();
      }
    } catch (error) {
      throw describeDiskError(error, 'go on with', filePath);
    }
  }
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
    `'${target.partPath}' belongs to another torrent, or to no download of p2p; finish that one, move it away, or choose another folder with -o`,
    { path: target.partPath },
  );
}
