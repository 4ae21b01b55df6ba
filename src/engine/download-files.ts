/**
 * Where the files of one download lie. Without a choice of files it is one thing: `NAME.part`, and `NAME` when complete.
 * With a choice each chosen file gets its final name by itself when all of them are there. What pieces at the borders
 * bring of other files stays in `NAME.part`, where a later run that chooses more finds it:
 *
 *     NAME/a.flac          chosen and complete
 *     NAME.part/b.flac     not chosen: only what shares a piece with a.flac
 */
import fs from 'node:fs/promises';
import path from 'node:path';

import { syncFolder } from '../database/sync-folder.js';
import type { Metainfo } from '../metainfo/metainfo.js';
import { Bitfield } from '../protocol/bitfield.js';
import { describeDiskError } from '../workers/disk-errors.js';
import { ensureFolders, foldersAbove } from '../workers/torrent-folders.js';
import type { TorrentFile } from '../workers/worker-messages.js';
import {
  createEmptyFiles,
  entryKind,
  finishTarget,
  moveIntoPlace,
  removeLeftPart,
  type DownloadTarget,
} from './download-target.js';
import { restoreAttributes } from './file-attributes.js';
import { wantedPieces } from './file-selection.js';
import { removeEmptyFolders } from './remove-empty-folders.js';
import { torrentFiles } from './torrent-files.js';

export interface DownloadFilesOptions {
  readonly metainfo: Metainfo;
  readonly target: DownloadTarget;
  /** One bit a file; undefined when the download is one thing. */
  readonly chosen: Bitfield | undefined;
  /** Files that have their final names already; none when left out. */
  readonly final?: Bitfield;
}

export class DownloadFiles {
  readonly target: DownloadTarget;
  readonly chosen: Bitfield | undefined;
  /** Pieces that are fetched; undefined for all. */
  readonly wanted: Bitfield | undefined;
  readonly #metainfo: Metainfo;
  #final: Bitfield;
  #present: readonly TorrentFile[];

  constructor({ metainfo, target, chosen, final }: DownloadFilesOptions) {
    this.#metainfo = metainfo;
    this.target = target;
    this.chosen = chosen;
    this.wanted = chosen && wantedPieces(metainfo.layout, chosen);
    this.#final = final ?? new Bitfield(metainfo.files.length);
    this.#present = placedFiles(metainfo, target, this.#final);
  }

  /** The files of the torrent where they lie now. */
  get present(): readonly TorrentFile[] {
    return this.#present;
  }

  /**
   * Gives everything that is complete its final name. All workers have closed and flushed the files.
   * @param force replace what is there; otherwise it stays and this throws
   * @throws {P2P_TARGET_EXISTS} {P2P_PATH_UNSAFE} {P2P_DISK_FULL} {P2P_DISK_FAILED}
   */
  async finish(force: boolean): Promise<void> {
    if (this.chosen) await this.#finishChosen(this.chosen, force);
    else {
      await createEmptyFiles(this.#metainfo, this.target.partPath);
      await restoreAttributes(this.#metainfo, this.#present, () => true);
      await finishTarget(this.target, this.#metainfo.isFolder, force);
      this.#final = Bitfield.full(this.#metainfo.files.length);
    }
    this.#present = placedFiles(this.#metainfo, this.target, this.#final);
  }

  async #finishChosen(chosen: Bitfield, force: boolean): Promise<void> {
    const { targetPath, partPath } = this.target;
    const finalFiles = torrentFiles(this.#metainfo, targetPath);
    const partFiles = torrentFiles(this.#metainfo, partPath);
    const changedFolders = new Set<string>();
    const unnamed = chosen.clone();
    for (const index of this.#final.indices()) unnamed.clear(index);
    await createEmptyFiles(this.#metainfo, partPath, unnamed);
    await restoreAttributes(this.#metainfo, partFiles, (index) => unnamed.has(index));
    for (const index of unnamed.indices()) {
      const { path: from } = partFiles[index] ?? {};
      const { path: to, depth = 1 } = finalFiles[index] ?? {};
      if (from === undefined || to === undefined) continue;
      await giveName(from, to, { depth, force });
      this.#final.set(index);
      for (const folder of [...foldersAbove(from, depth).slice(1), ...foldersAbove(to, depth)])
        changedFolders.add(folder);
    }
    for (const folder of changedFolders) await flushNames(folder);
    if ((await entryKind(partPath)) === 'folder') await removeEmptyFolders(partPath);
    await flushNames(path.dirname(partPath));
  }
}

/**
 * The torrent's files: those in `final` under their final names, the others in the `.part`.
 * @param final one bit a file
 */
export function placedFiles(metainfo: Metainfo, target: DownloadTarget, final: Bitfield): TorrentFile[] {
  const finalFiles = torrentFiles(metainfo, target.targetPath);
  return torrentFiles(metainfo, target.partPath).map((file, index) =>
    final.has(index) ? (finalFiles[index] ?? file) : file,
  );
}

/** Files that lie under their final names, as far as a look from outside tells. */
export async function findFinal(metainfo: Metainfo, target: DownloadTarget): Promise<Bitfield> {
  const final = new Bitfield(metainfo.files.length);
  if ((await entryKind(target.targetPath)) !== 'folder') return final;
  const partFiles = torrentFiles(metainfo, target.partPath);
  for (const [index, file] of torrentFiles(metainfo, target.targetPath).entries()) {
    if (file.path === undefined || (await entryKind(file.path)) !== 'file') continue;
    const { size } = await fs.stat(file.path);
    if (size !== file.lengthBytes) continue;
    final.set(index);
    // The last run may have ended between giving it this name and taking the other away.
    await removeLeftPart({ targetPath: file.path, partPath: partFiles[index]?.path ?? '' });
  }
  return final;
}

async function giveName(
  from: string,
  to: string,
  { depth, force }: { readonly depth: number; readonly force: boolean },
): Promise<void> {
  try {
    ensureFolders(to, depth);
  } catch (error) {
    throw describeDiskError(error, 'make the folder of', to);
  }
  await moveIntoPlace(from, to, force);
}

async function flushNames(folder: string): Promise<void> {
  try {
    await syncFolder(folder);
  } catch (error) {
    throw describeDiskError(error, 'flush', folder);
  }
}
