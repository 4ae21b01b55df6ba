/** What p2p would find after a power cut: the rebuilt folder, its database opened, and what that claims compared. */
import { existsSync, linkSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

import { torrentFiles } from '../../../src/engine/torrent-files.js';
import type { Metainfo } from '../../../src/metainfo/metainfo.js';
import type { PieceIndex } from '../../../src/metainfo/piece-layout.js';
import { openSqlite } from '../../../src/database/sqlite.js';
import { CopyStore } from '../../../src/store/copy-store.js';
import { openStateDatabase } from '../../../src/store/database.js';
import type { DiskImage, ImageFile } from './simulated-disk.js';

/** A torrent, and what its files must hold, one after the other. */
export interface KnownTorrent {
  readonly metainfo: Metainfo;
  readonly bytes: Uint8Array;
}

/** Where a recorded process had what it wrote. */
export interface RecordedPlaces {
  /** The recorded folder. */
  readonly root: string;
  /** Below it. */
  readonly stateDir: string;
  readonly torrents: readonly KnownTorrent[];
}

/** What the database says after a power cut. */
export interface RecoveredState {
  /** What a person was told on opening: a torn database. */
  readonly notes: readonly string[];
  /** Pieces that are recorded as durable, `NAME/INDEX`. */
  readonly durable: ReadonlySet<string>;
  /** Names of torrents of which anything is on record as written, or about to be. */
  readonly begun: ReadonlySet<string>;
  /** Of the pieces that may be believed without a look at them, those that are wrong. */
  readonly wrong: readonly string[];
}

/** Looks at an image as the next start would. @param workDir a folder that is emptied and used */
export function recoverState(image: DiskImage, places: RecordedPlaces, workDir: string): RecoveredState {
  return withStore(image, relative(places.root, places.stateDir), workDir, (store, notes) => {
    const durable = new Set<string>();
    const begun = new Set<string>();
    const wrong: string[] = [];
    for (const copy of store.listCopies()) {
      const torrent = places.torrents.find(({ metainfo }) => metainfo.infoHash === copy.infoHash);
      if (!torrent) throw new Error(`nobody downloaded ${copy.infoHash}`);
      const found = foundFiles(image, places.root, torrent.metainfo, copy.rootPath);
      const owned = store.ownership(copy.id);
      if (!owned.intents.isEmpty() || !owned.verified.isEmpty()) begun.add(copy.name);
      for (const index of owned.durable.indices()) durable.add(`${copy.name}/${index}`);
      const believed = copy.stoppedCleanly ? owned.verified : owned.durable;
      for (const index of believed.indices()) {
        if (!isRight(torrent, torrent.metainfo.layout.pieceIndex(index), found)) wrong.push(`${copy.name}/${index}`);
      }
    }
    return { notes, durable, begun, wrong };
  });
}

/**
 * Opens the database that an image holds.
 * @param stateDir path in the image
 * @param workDir a folder that is emptied and used
 * @param look gets what a person was told as well
 */
export function withStore<T>(
  image: DiskImage,
  stateDir: string,
  workDir: string,
  look: (store: CopyStore, notes: readonly string[]) => T,
): T {
  writeImage(image, workDir, (path) => dirname(path) === stateDir);
  const notes: string[] = [];
  const database = openStateDatabase(join(workDir, stateDir), { onNote: (note) => notes.push(note) });
  try {
    return look(new CopyStore(database), notes);
  } finally {
    database.close();
  }
}

/** Writes the files of an image that `isWanted` takes into a folder, which is emptied before. */
export function writeImage(image: DiskImage, folder: string, isWanted: (path: string) => boolean = () => true): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  for (const path of image.folders) mkdirSync(join(folder, path));
  const first = new Map<ImageFile, string>();
  for (const [path, file] of image.files) {
    if (!isWanted(path)) continue;
    const other = first.get(file);
    if (other === undefined) writeFileSync(join(folder, path), file.bytes);
    else linkSync(other, join(folder, path));
    first.set(file, other ?? join(folder, path));
  }
}

/**
 * Makes the rebuilt files look like those that the database remembers: a real disk would have kept their inodes, and may
 * have kept their times. So the next start has every reason to trust them.
 * @param image what was written to `places.root`
 */
export function adoptInodes(image: DiskImage, places: RecordedPlaces): void {
  const path = join(places.stateDir, 'p2p.db');
  if (!existsSync(path) || statSync(path).size === 0) return;
  const database = openSqlite(path, 1000);
  try {
    if (database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'copy_files'").get() === undefined) return;
    const rows = database
      .prepare<[], { copy_id: number; file_index: number; inode: number; info_hash: string; root_path: string }>(
        'SELECT copy_id, file_index, inode, info_hash, root_path FROM copy_files JOIN copies ON id = copy_id',
      )
      .all();
    const adopt = database.prepare<[bigint, bigint, bigint, number, number]>(
      'UPDATE copy_files SET inode = ?, mtime_ns = ?, ctime_ns = ? WHERE copy_id = ? AND file_index = ?',
    );
    for (const row of rows) {
      const metainfo = places.torrents.find((each) => each.metainfo.infoHash === row.info_hash)?.metainfo;
      for (const root of metainfo ? [`${row.root_path}.part`, row.root_path] : []) {
        const file = metainfo && torrentFiles(metainfo, root)[row.file_index]?.path;
        if (file === undefined || image.files.get(relative(places.root, file))?.inode !== row.inode) continue;
        const { ino, mtimeNs, ctimeNs } = statSync(file, { bigint: true });
        adopt.run(ino, mtimeNs, ctimeNs, row.copy_id, row.file_index);
      }
    }
  } finally {
    database.close();
  }
}

/** Whether the files of a finished download are all there and right. */
export function isWhole(image: DiskImage, root: string, torrent: KnownTorrent, targetPath: string): boolean {
  const { metainfo } = torrent;
  const found = filesUnder(image, root, metainfo, targetPath);
  if (found.some((file, index) => file?.bytes.length !== metainfo.files[index]?.lengthBytes)) return false;
  const { layout } = metainfo;
  return Array.from({ length: layout.pieceCount }, (_, index) => layout.pieceIndex(index)).every((index) =>
    isRight(torrent, index, found),
  );
}

type FoundFile = ImageFile | undefined;

/** The copy's files: under the final name if that is there, else under the one it has while it is not complete. */
function foundFiles(image: DiskImage, root: string, metainfo: Metainfo, rootPath: string): readonly FoundFile[] {
  const complete = filesUnder(image, root, metainfo, rootPath);
  return complete.some(Boolean) ? complete : filesUnder(image, root, metainfo, `${rootPath}.part`);
}

function filesUnder(image: DiskImage, root: string, metainfo: Metainfo, rootPath: string): readonly FoundFile[] {
  return torrentFiles(metainfo, rootPath).map(({ path = '' }) => image.files.get(relative(root, path)));
}

function isRight({ metainfo, bytes }: KnownTorrent, index: PieceIndex, found: readonly FoundFile[]): boolean {
  const { layout } = metainfo;
  let at = layout.pieceOffset(index);
  for (const { fileIndex, fileOffset, lengthBytes } of layout.fileSlices(at, layout.pieceSize(index))) {
    const file = found[fileIndex];
    const wanted = bytes.subarray(at, at + lengthBytes);
    if (!file || !file.bytes.subarray(fileOffset, fileOffset + lengthBytes).equals(wanted)) return false;
    at += lengthBytes;
  }
  return true;
}
