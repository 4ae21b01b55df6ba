/** What is there of a download at its start, and under which of their two names its files lie. */
import type { Metainfo } from '../metainfo/metainfo.js';
import { Bitfield } from '../protocol/bitfield.js';
import type { CopyFile, CopyRecord } from '../store/copy-store.js';
import { union, type KnownCopy } from './copy-trust.js';
import { DownloadFiles, findFinal, placedFiles } from './download-files.js';
import { entryKind, targetExists, type DownloadTarget } from './download-target.js';
import type { FileChoice } from './engine-types.js';
import { chooseFiles } from './file-selection.js';
import { isSameFile, isUntouched } from './file-stamps.js';
import { findPart, type FoundPart } from './part-files.js';
import type { StateStore } from './state-store.js';
import type { VerifyTools } from './verify-copy.js';

export interface PlacedRequest {
  readonly metainfo: Metainfo;
  readonly target: DownloadTarget;
  /** One bit a file; undefined when the download is one thing. */
  readonly chosen: Bitfield | undefined;
  readonly force: boolean;
  readonly store: StateStore;
}

export interface FoundPlaced extends FoundPart {
  readonly files: DownloadFiles;
}

/**
 * Files that a user wants, or those that were chosen before. A torrent that was downloaded file by file once goes on so.
 * @returns undefined when the download is one thing
 * @throws {P2P_FILES_NOT_FOUND}
 */
export function chosenFiles(
  metainfo: Metainfo,
  choice: readonly FileChoice[] | 'as-before' | undefined,
  stored: CopyRecord | undefined,
): Bitfield | undefined {
  const before = stored?.chosenFiles && new Bitfield(metainfo.files.length, stored.chosenFiles);
  if (choice === 'as-before') return before;
  const chosen = choice && choice.length > 0 ? chooseFiles(metainfo, choice) : undefined;
  return chosen ?? (before && allFiles(metainfo));
}

/**
 * Of a download with a choice of files, one that lies whole under its final name is taken as it is; what lies there and
 * is something else stays.
 * @throws {P2P_TARGET_EXISTS} when that is in the way of a chosen file, and as `findPart`
 */
export async function findPlaced(request: PlacedRequest, tools: VerifyTools): Promise<FoundPlaced> {
  const { metainfo, target, chosen, store, force } = request;
  if (!chosen) {
    const files = new DownloadFiles({ metainfo, target, chosen });
    return { ...(await findPart(metainfo, target, files.present, { store, tools })), files };
  }
  const known = store.known(metainfo.infoHash, target.targetPath);
  const kind = await entryKind(target.targetPath);
  if (kind !== 'nothing' && kind !== 'folder') throw targetExists(target.targetPath);
  const final = await findFinal(metainfo, target);
  for (;;) {
    const present = placedFiles(metainfo, target, final);
    const found = await findPart(metainfo, target, present, { store, tools, hasFinal: !final.isEmpty() });
    const isWhole = (index: number): boolean => isFileOwned(metainfo, index, found.owned);
    const strangers = [...final.indices()].filter(
      (index) => !isWhole(index) && !isAsKnown(known, index, found.stamps.get(index)),
    );
    if (strangers.length === 0) {
      const taken = new Bitfield(final.length);
      for (const index of final.indices()) if (isWhole(index)) taken.set(index);
      return { ...found, files: new DownloadFiles({ metainfo, target, chosen: union(chosen, taken), final }) };
    }
    const inTheWay = strangers.find((index) => chosen.has(index));
    if (inTheWay !== undefined && !force) throw targetExists(present[inTheWay]?.path ?? target.targetPath);
    for (const index of strangers) final.clear(index);
  }
}

/** All files but padding. */
function allFiles({ files }: Metainfo): Bitfield {
  const all = new Bitfield(files.length);
  for (const [index, { isPad }] of files.entries()) if (!isPad) all.set(index);
  return all;
}

function isFileOwned({ layout }: Metainfo, fileIndex: number, owned: Bitfield): boolean {
  const range = layout.piecesOfFile(fileIndex);
  if (!range) return true;
  for (let index: number = range.first; index <= range.last; index += 1) if (!owned.has(index)) return false;
  return true;
}

/** Whether it is what an earlier run put there, though a piece that it shares with another file is lacking now. */
function isAsKnown(known: KnownCopy | undefined, index: number, now: CopyFile | undefined): boolean {
  const before = known?.files.get(index);
  if (!known || !before || !now) return false;
  return known.isAtRest ? isUntouched(before, now) : isSameFile(before, now);
}
