/** How much room a download still needs, and what a person has to do when the disk filled up in the middle. */
import { statfsSync } from 'node:fs';
import path from 'node:path';

import type { ErrorValue } from '../errors.js';
import type { PieceLayout } from '../metainfo/piece-layout.js';
import { Bitfield } from '../protocol/bitfield.js';
import { formatSize } from '../units.js';
import type { DownloadTarget } from './download-target.js';

/**
 * What the disk must take yet: at most the missing pieces, though what is there may take less room than it has bytes (holes,
 * a file system that compresses); and no more than the files lack, where missing pieces have their room already.
 * @param allocatedBytes what the files take on the disk now
 * @param wanted pieces that are fetched; all when left out
 */
export function bytesToCome(layout: PieceLayout, owned: Bitfield, allocatedBytes: number, wanted?: Bitfield): number {
  let missingBytes = 0;
  for (const index of (wanted ?? Bitfield.full(layout.pieceCount)).indices()) {
    if (!owned.has(index)) missingBytes += layout.pieceSize(layout.pieceIndex(index));
  }
  return Math.min(missingBytes, Math.max(0, layout.totalBytes - allocatedBytes));
}

/** Whether the disk of the data is full; that of the state folder is another matter, and says so itself. */
export function isRunningOut({ code, details }: ErrorValue): boolean {
  return code === 'P2P_DISK_FULL' && typeof details['systemCode'] === 'string';
}

/**
 * The error of a full disk, with what is lacking.
 * @param leftBytes what is still to be written
 */
export function roomNeeded(error: ErrorValue, { targetPath }: DownloadTarget, leftBytes: number): ErrorValue {
  const folder = path.dirname(targetPath);
  const freeBytes = freeSpace(folder);
  const missingBytes = Math.max(leftBytes - freeBytes, 0);
  const message =
    `the disk of '${folder}' is full: ${formatSize(leftBytes)} are still to come and ${formatSize(freeBytes)} are free; ` +
    `make room for ${formatSize(missingBytes)} more, then the same command goes on`;
  return { code: 'P2P_DISK_FULL', message, details: { ...error.details, folder, leftBytes, freeBytes, missingBytes } };
}

/** 0 where the system does not tell. */
function freeSpace(folder: string): number {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  } catch {
    return 0;
  }
}
