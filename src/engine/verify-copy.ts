/** Compares files on disk with a torrent: each bad piece, and the files that it touches. */
import fs from 'node:fs/promises';
import path from 'node:path';

import { OptionError } from '../errors.js';
import type { Metainfo } from '../metainfo/metainfo.js';
import type { PieceIndex } from '../metainfo/piece-layout.js';
import type { TorrentFile } from '../workers/worker-messages.js';
import type { VerifyReport } from './engine-types.js';
import { checkPieces, type HashJob } from './piece-hashing.js';
import { presentFiles, shownPath } from './torrent-files.js';

/** What hashing needs here. */
export type VerifyTools = Pick<HashJob, 'pool' | 'registry' | 'hashPluginUrls' | 'onProgress'> & {
  readonly verifyWith: string | undefined;
};

/**
 * @param givenPath the file or folder itself, or the folder that holds it
 * @throws {P2P_PATH_NOT_FOUND} when nothing is there
 */
export async function verifyCopy(metainfo: Metainfo, givenPath: string, tools: VerifyTools): Promise<VerifyReport> {
  return verifyRoot(metainfo, await findRoot(metainfo, givenPath), tools);
}

/** The same for exactly this file or folder; when nothing is there, all of it is bad. */
export async function verifyRoot(metainfo: Metainfo, rootPath: string, tools: VerifyTools): Promise<VerifyReport> {
  const { layout } = metainfo;
  const files = await presentFiles(metainfo, rootPath);
  const badFiles = await fileProblems(metainfo, files);
  const { good, algorithms } = await checkPieces({ ...tools, metainfo, files });
  const badPieces: { pieceIndex: number; files: string[] }[] = [];
  for (let index = 0; index < layout.pieceCount; index += 1) {
    if (!good.has(index))
      badPieces.push({ pieceIndex: index, files: filesOfPiece(metainfo, layout.pieceIndex(index)) });
  }
  return { pieceCount: layout.pieceCount, badPieces, badFiles, algorithms };
}

/** Files that are absent or of another size, empty ones too. */
export async function fileProblems(
  metainfo: Metainfo,
  files: readonly TorrentFile[],
): Promise<VerifyReport['badFiles']> {
  const badFiles: { path: string; problem: string }[] = [];
  for (const [index, file] of files.entries()) {
    const problem = file.path === undefined ? undefined : await fileProblem(file.path, file.lengthBytes);
    if (problem !== undefined) badFiles.push({ path: shownPath(metainfo, index), problem });
  }
  return badFiles;
}

/** The path itself; or, when a folder is named that is not the torrent's own, what has the torrent's name in it. */
async function findRoot(metainfo: Metainfo, givenPath: string): Promise<string> {
  const absolute = path.resolve(givenPath);
  const stats = await fs.stat(absolute).catch(() => undefined);
  if (!stats)
    throw new OptionError(`there is no file or folder '${givenPath}'`, { path: absolute }, 'P2P_PATH_NOT_FOUND');
  const inside = path.join(absolute, metainfo.name);
  if (!stats.isDirectory() || (metainfo.isFolder && path.basename(absolute) === metainfo.name)) return absolute;
  const isInside = await fs.stat(inside).then(
    (found) => found.isDirectory() === metainfo.isFolder,
    () => false,
  );
  return isInside ? inside : absolute;
}

async function fileProblem(filePath: string, lengthBytes: number): Promise<string | undefined> {
  const stats = await fs.stat(filePath).catch(() => undefined);
  if (!stats) return 'is not there';
  if (!stats.isFile()) return 'is no file';
  return stats.size === lengthBytes ? undefined : `has ${stats.size} bytes instead of ${lengthBytes}`;
}

function filesOfPiece(metainfo: Metainfo, pieceIndex: PieceIndex): string[] {
  const { layout } = metainfo;
  return layout
    .fileSlices(layout.pieceOffset(pieceIndex), layout.pieceSize(pieceIndex))
    .filter((slice) => metainfo.files[slice.fileIndex]?.isPad === false)
    .map((slice) => shownPath(metainfo, slice.fileIndex));
}
