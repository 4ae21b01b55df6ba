/**
 * Where a download is written and how it gets its final name: `NAME.part` while it runs; when complete: closed in all
 * workers → flushed → renamed → folder flushed. No existing file is replaced unless that was asked for.
 */
import { constants } from 'node:fs';
import fs from 'node:fs/promises';
import path from 'node:path';

import { makeFolder } from '../database/make-folder.js';
import { syncFolder } from '../database/sync-folder.js';
import { StorageError } from '../errors.js';
import type { Metainfo } from '../metainfo/metainfo.js';
import type { Bitfield } from '../protocol/bitfield.js';
import { MAX_COMPONENT_BYTES, shortenName } from '../metainfo/safe-path.js';
import { formatSize } from '../units.js';
import { describeDiskError } from '../workers/disk-errors.js';
import { ensureFolders, foldersAbove } from '../workers/torrent-folders.js';
import { torrentFiles } from './torrent-files.js';

const { O_CREAT, O_WRONLY } = constants;
/** Absent on Windows, whose symbolic links need a privilege to make. */
const O_NOFOLLOW = (constants as { readonly O_NOFOLLOW?: number }).O_NOFOLLOW ?? 0;
const PART_SUFFIX = '.part';

export interface DownloadTarget {
  /** The file or folder that the user gets; absolute. */
  readonly targetPath: string;
  /** What is written until then. */
  readonly partPath: string;
}

/** @param outputDir created when absent, by `prepareOutput` */
export function downloadTarget(metainfo: Metainfo, outputDir: string): DownloadTarget {
  const folder = path.resolve(outputDir);
  const partName = `${shortenName(metainfo.name, MAX_COMPONENT_BYTES - PART_SUFFIX.length)}${PART_SUFFIX}`;
  return { targetPath: path.join(folder, metainfo.name), partPath: path.join(folder, partName) };
}

/**
 * Makes the output folder and checks that what is still to come fits.
 * @throws {P2P_DISK_FULL} naming how much is missing, {P2P_DISK_FAILED} when the folder cannot be made
 */
export async function prepareOutput(target: DownloadTarget, neededBytes: number): Promise<void> {
  const folder = path.dirname(target.targetPath);
  try {
    makeFolder(folder);
    await fs.access(folder, fs.constants.W_OK);
  } catch (error) {
    throw describeDiskError(error, 'write into', folder);
  }
  const freeBytes = await freeSpace(folder);
  if (freeBytes >= neededBytes) return;
  throw new StorageError(
    'P2P_DISK_FULL',
    `'${folder}' has ${formatSize(freeBytes)} free, ${formatSize(neededBytes)} are needed: ` +
      `${formatSize(neededBytes - freeBytes)} too little; make room or choose another folder with -o`,
    { path: folder, freeBytes, neededBytes },
  );
}

async function freeSpace(folder: string): Promise<number> {
  try {
    const { bavail, bsize } = await fs.statfs(folder);
    return bavail * bsize;
  } catch (error) {
    throw describeDiskError(error, 'ask for the free space of', folder);
  }
}

/** What lies at a path: nothing, a file, a folder, or something else. Links are not followed. */
export async function entryKind(entryPath: string): Promise<'nothing' | 'file' | 'folder' | 'other'> {
  try {
    const stats = await fs.lstat(entryPath);
    if (stats.isFile()) return 'file';
    return stats.isDirectory() ? 'folder' : 'other';
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // ENOTDIR: a file stands where the folder above it would be.
    if (code === 'ENOENT' || code === 'ENOTDIR') return 'nothing';
    throw describeDiskError(error, 'look at', entryPath);
  }
}

/** Bytes that the files of a `.part` take on the disk now: sparse parts do not count. */
export async function allocatedBytes(paths: readonly (string | undefined)[]): Promise<number> {
  let total = 0;
  for (const filePath of paths) {
    const stats = filePath === undefined ? undefined : await fs.stat(filePath).catch(() => undefined);
    total += (stats?.blocks ?? 0) * 512;
  }
  return total;
}

/**
 * Makes what no piece has written: empty files, and the folder of a torrent that has only such. Their names are flushed.
 * @param chosen only these files, one bit each; all when left out
 * @throws {P2P_DISK_FULL} {P2P_DISK_FAILED}
 * @throws {P2P_PATH_UNSAFE} when a symbolic link is in the way
 */
export async function createEmptyFiles(metainfo: Metainfo, partPath: string, chosen?: Bitfield): Promise<void> {
  const changed = new Set<string>();
  try {
    if (metainfo.isFolder) makeFolder(partPath);
    for (const [index, file] of torrentFiles(metainfo, partPath).entries()) {
      if (file.lengthBytes > 0 || file.path === undefined || chosen?.has(index) === false) continue;
      ensureFolders(file.path, file.depth);
      const handle = await fs.open(file.path, O_WRONLY | O_CREAT | O_NOFOLLOW, 0o644);
      await handle.close();
      for (const folder of foldersAbove(file.path, file.depth)) changed.add(folder);
    }
    for (const folder of changed) await syncFolder(folder);
  } catch (error) {
    throw describeDiskError(error, 'create the empty files of', partPath);
  }
}

/**
 * Gives the complete download its final name. All workers have closed and flushed its files.
 * @param force replace what is there; otherwise it stays and this throws
 * @throws {P2P_TARGET_EXISTS} when something came there meanwhile, {P2P_DISK_FAILED}
 */
export async function finishTarget(target: DownloadTarget, isFolder: boolean, force: boolean): Promise<void> {
  const { targetPath, partPath } = target;
  const there = await entryKind(targetPath);
  if (there !== 'nothing' && !force) throw targetExists(targetPath);
  try {
    if (there === 'nothing' && !isFolder) await linkIntoPlace(partPath, targetPath);
    else await renameOver(partPath, targetPath, there === 'folder' || (isFolder && there !== 'nothing'));
    await syncFolder(path.dirname(targetPath));
  } catch (error) {
    throw describeDiskError(error, 'rename to', targetPath);
  }
}

/**
 * Gives one complete file its final name; the names are not flushed.
 * @throws {P2P_TARGET_EXISTS} when something is there that may not be replaced, {P2P_DISK_FAILED}
 */
export async function moveIntoPlace(partPath: string, targetPath: string, force: boolean): Promise<void> {
  const there = await entryKind(targetPath);
  if (there !== 'nothing' && (!force || there === 'folder')) throw targetExists(targetPath);
  try {
    if (there === 'nothing') await linkIntoPlace(partPath, targetPath);
    else await fs.rename(partPath, targetPath);
  } catch (error) {
    throw describeDiskError(error, 'rename to', targetPath);
  }
}

/** The error for a target that is there and is not what the torrent promises. */
export function targetExists(targetPath: string): StorageError {
  return new StorageError(
    'P2P_TARGET_EXISTS',
    `'${targetPath}' is there already and has other content; move it away, choose another folder with -o, or replace it with --force`,
    { path: targetPath },
  );
}

/** `rename` would replace without a word what came there since we looked; a hard link does not. */
async function linkIntoPlace(partPath: string, targetPath: string): Promise<void> {
  try {
    await fs.link(partPath, targetPath);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') throw targetExists(targetPath);
    // File systems without hard links (FAT, some network shares): the check before is all there is.
    await fs.rename(partPath, targetPath);
    return;
  }
  await fs.unlink(partPath);
}

async function renameOver(partPath: string, targetPath: string, moveAside: boolean): Promise<void> {
  if (!moveAside) {
    await fs.rename(partPath, targetPath);
    return;
  }
  const aside = await freeNameBeside(targetPath);
  await fs.rename(targetPath, aside);
  try {
    await fs.rename(partPath, targetPath);
  } catch (error) {
    await fs.rename(aside, targetPath);
    throw error;
  }
  // A power cut would otherwise be free to leave the old folder in its place, and what is in it removed.
  await syncFolder(path.dirname(targetPath));
  await fs.rm(aside, { recursive: true, force: true });
}

/** Where the old folder waits: a crash leaves it there under a name that says what it is. */
async function freeNameBeside(targetPath: string): Promise<string> {
  const { dir, base } = path.parse(targetPath);
  for (let number = 1; ; number += 1) {
    const suffix = `.replaced-${number}`;
    const aside = path.join(dir, `${shortenName(base, MAX_COMPONENT_BYTES - suffix.length)}${suffix}`);
    if ((await entryKind(aside)) === 'nothing') return aside;
  }
}

/**
 * A file that is complete under both names: the last run ended between giving it the new one and taking the old one away.
 */
export async function removeLeftPart({ targetPath, partPath }: DownloadTarget): Promise<void> {
  if ((await entryKind(partPath)) !== 'file') return;
  try {
    const [target, part] = await Promise.all([fs.stat(targetPath), fs.stat(partPath)]);
    if (target.ino === part.ino && target.dev === part.dev) await fs.unlink(partPath);
  } catch (error) {
    throw describeDiskError(error, 'remove', partPath);
  }
}
