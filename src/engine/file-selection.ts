/**
 * Which files of a folder torrent are fetched: `--files`, and `so=` of magnet links (BEP 53). A selection is a bit a
 * file, in the order of the torrent; `undefined` stands for all of them.
 */
import picomatch from 'picomatch';

import { OptionError } from '../errors.js';
import { escapeText } from '../metainfo/escape-text.js';
import type { Metainfo } from '../metainfo/metainfo.js';
import type { PieceLayout } from '../metainfo/piece-layout.js';
import { Bitfield } from '../protocol/bitfield.js';
import type { FileChoice } from './engine-types.js';

/** Names that an error lists. */
const MOST_NAMES = 10;

/**
 * The files that a user names, pad files never among them. A glob is compared with each path and with each folder above
 * it; one without a slash with names alone, in whichever folder. Globs that begin with `!` take away, from everything
 * when there are no others.
 * @returns undefined when that is all of them
 * @throws {P2P_FILES_NOT_FOUND} naming the first choice that no file fits, and files that there are
 */
export function chooseFiles(metainfo: Metainfo, choices: readonly FileChoice[]): Bitfield | undefined {
  const { files } = metainfo;
  const taken = new Bitfield(files.length);
  const leftOut = new Bitfield(files.length);
  for (const choice of choices) {
    const isLeftOut = choice.type === 'glob' && choice.glob.startsWith('!');
    const found = filesOf(metainfo, choice);
    if (found.length === 0) throw nothingFits(metainfo, choice);
    for (const index of found) (isLeftOut ? leftOut : taken).set(index);
  }
  if (choices.every((choice) => choice.type === 'glob' && choice.glob.startsWith('!'))) taken.fill();
  const chosen = new Bitfield(files.length);
  let isAll = true;
  for (const [index, { isPad }] of files.entries()) {
    if (isPad) continue;
    if (taken.has(index) && !leftOut.has(index)) chosen.set(index);
    else isAll = false;
  }
  if (isAll) return undefined;
  if (chosen.isEmpty()) throw notFound(metainfo, 'what --files takes away is all that it chooses');
  return chosen;
}

/** The pieces that hold bytes of chosen files: those at their borders are wanted whole. */
export function wantedPieces(layout: PieceLayout, chosen: Bitfield): Bitfield {
  const wanted = new Bitfield(layout.pieceCount);
  for (const fileIndex of chosen.indices()) {
    const range = layout.piecesOfFile(fileIndex);
    if (!range) continue;
    for (let index: number = range.first; index <= range.last; index += 1) wanted.set(index);
  }
  return wanted;
}

function filesOf({ files, name, isFolder }: Metainfo, choice: FileChoice): number[] {
  const isThere = (index: number): boolean => files[index]?.isPad === false;
  if (choice.type === 'range') return [...files.keys()].filter((at) => isIn(choice, at) && isThere(at));
  const matches = matcherOf(choice.glob.replace(/^!/, ''));
  return [...files.keys()].filter((at) => isThere(at) && matches(isFolder ? (files[at]?.path ?? []) : [name]));
}

function isIn({ first, last }: Extract<FileChoice, { type: 'range' }>, index: number): boolean {
  return first <= index && index <= last;
}

function matcherOf(glob: string): (path: readonly string[]) => boolean {
  if (glob === '') return () => false;
  const pattern = glob.replace(/(?<=.)\/+$/, '');
  const isMatch = picomatch(pattern, { dot: true, nonegate: true, basename: !pattern.includes('/') });
  return (path) => path.some((_, at) => isMatch(path.slice(0, at + 1).join('/')));
}

function nothingFits(metainfo: Metainfo, choice: FileChoice): OptionError {
  const last = metainfo.files.length - 1;
  if (choice.type === 'range') return notFound(metainfo, `there is no file ${choice.first}: files are 0 to ${last}`);
  return notFound(metainfo, `no file of ${escapeText(metainfo.name)} fits '${escapeText(choice.glob)}'`);
}

function notFound({ files, name, isFolder }: Metainfo, problem: string): OptionError {
  const paths = files.filter(({ isPad }) => !isPad).map(({ path }) => (isFolder ? path.join('/') : name));
  const shown = paths.slice(0, MOST_NAMES).map(escapeText).join(', ');
  const more = paths.length > MOST_NAMES ? ` and ${paths.length - MOST_NAMES} more` : '';
  const details = { fileCount: paths.length };
  return new OptionError(`${problem}; it has ${shown}${more} ('p2p show --files' lists all)`, details, FILES_NOT_FOUND);
}

const FILES_NOT_FOUND = 'P2P_FILES_NOT_FOUND';
