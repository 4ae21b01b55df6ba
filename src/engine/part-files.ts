/** What an earlier run of the same download left: which pieces of the `.part` are there and right. */
import { open, readdir } from 'node:fs/promises';
import path from 'node:path';

import { syncFolder } from '../database/sync-folder.js';
import { StorageError } from '../errors.js';
import type { Metainfo } from '../metainfo/metainfo.js';
import { Bitfield } from '../protocol/bitfield.js';
import type { CopyFile } from '../store/copy-store.js';
import { allocatedBytes, entryKind, type DownloadTarget } from './download-target.js';
import { stampFiles } from './file-stamps.js';
import { findPresent } from './find-present.js';
import type { KnownCopy } from './copy-trust.js';
import type { StateStore } from './state-store.js';
import type { VerifyTools } from './verify-copy.js';
import { describeDiskError } from '../workers/disk-errors.js';
import { foldersAbove } from '../workers/torrent-folders.js';
import type { TorrentFile } from '../workers/worker-messages.js';

export interface FoundPart {
  /** On the disk for sure, a power cut included. */
  readonly owned: Bitfield;
  /** How its files look. */
  readonly stamps: ReadonlyMap<number, CopyFile>;
  /** Bytes that its files take on the disk. */
  readonly allocatedBytes: number;
  /** Pieces that were believed, and those that were hashed; undefined for a `.part` that the store does not know. */
  readonly resumed: { readonly trustedPieces: number; readonly hashedPieces: number } | undefined;
}

/** What looking takes. */
export interface PartTools {
  readonly store: StateStore;
  readonly tools: VerifyTools;
  /** Whether some of the files have their final names. */
  readonly hasFinal?: boolean;
}

/**
 * Looks at the `.part`. Of one that the store knows, what is doubtful is hashed (`judgeCopy`); another is hashed wholly,
 * and taken up when any of its pieces is right.
 * @param files where they lie: in the `.part`, or under their final names
 * @throws {P2P_PART_OF_ANOTHER_TORRENT} when it holds another torrent's data, or what no torrent wrote
 */
export async function findPart(
  metainfo: Metainfo,
  target: DownloadTarget,
  files: readonly TorrentFile[],
  { store, tools, hasFinal = false }: PartTools,
): Promise<FoundPart> {
  const there = await entryKind(target.partPath);
  const { infoHash, layout } = metainfo;
  if (there === 'nothing' && !hasFinal) {
    return { owned: new Bitfield(layout.pieceCount), stamps: new Map(), allocatedBytes: 0, resumed: undefined };
  }
  const isOurs = there === 'nothing' || there === (metainfo.isFolder ? 'folder' : 'file');
  const isAnothers = there !== 'nothing' && store.isPartOfAnother(infoHash, target.targetPath);
  if (!isOurs || isAnothers) throw otherTorrent(target);
  const stored = store.known(infoHash, target.targetPath);
  // A copy that never began to write tells nothing of what lies here.
  const known = stored && hasAny(stored) ? stored : undefined;
  const found = await findPresent(metainfo, files, known, tools);
  if (!known && found.owned.isEmpty() && (await hasContent(target.partPath))) throw otherTorrent(target);
  const isResized = await settleFiles(files, found.stamps, !found.isDurable);
  if (!found.isDurable) await flushNames(files, found.stamps);
  return {
    owned: found.owned,
    stamps: isResized ? await stampFiles(files) : found.stamps,
    allocatedBytes: await allocatedBytes(files.map((file) => file.path)),
    resumed: known && found,
  };
}

function hasAny({ ownership }: KnownCopy): boolean {
  return !ownership.intents.isEmpty() || !ownership.verified.isEmpty();
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
 * Gives files their length: cuts off what lies behind the end, and lengthens with a hole what was cut short, as it would be at
 * the first write. Done later it would look as if somebody had touched the file since it was written down how it looks.
 * @param flush whether an earlier run may have ended before the bytes were on the disk for sure
 * @returns whether any had another length
 */
async function settleFiles(
  files: readonly TorrentFile[],
  stamps: ReadonlyMap<number, CopyFile>,
  flush: boolean,
): Promise<boolean> {
  let isResized = false;
  for (const [index, { path: filePath, lengthBytes }] of files.entries()) {
    const stamp = stamps.get(index);
    const hasLength = stamp?.sizeBytes === lengthBytes;
    if (filePath === undefined || !stamp || (hasLength && !flush) || (await entryKind(filePath)) !== 'file') continue;
    isResized ||= !hasLength;
    try {
      const handle = await open(filePath, 'r+');
      try {
        if (!hasLength) await handle.truncate(lengthBytes);
        if (flush) await handle.datasync();
      } finally {
        await handle.close();
      }
    } catch (error) {
      throw describeDiskError(error, 'go on with', filePath);
    }
  }
  return isResized;
}

/** The run that made the files may have ended before it flushed their names. */
async function flushNames(files: readonly TorrentFile[], stamps: ReadonlyMap<number, CopyFile>): Promise<void> {
  const there = files.filter((_, index) => stamps.has(index));
  for (const folder of new Set(there.flatMap(({ path: filePath = '', depth }) => foldersAbove(filePath, depth)))) {
    await syncFolder(folder).catch((error: unknown) => {
      throw describeDiskError(error, 'flush', folder);
    });
  }
}

function otherTorrent(target: DownloadTarget): StorageError {
  return new StorageError(
    'P2P_PART_OF_ANOTHER_TORRENT',
    `'${target.partPath}' belongs to another torrent, or to no download of p2p; finish that one, move it away, or choose another folder with -o`,
    { path: target.partPath },
  );
}
