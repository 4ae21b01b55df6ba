/** What `p2p verify` found, for people. */
import type { VerifyReport } from '../engine/engine-types.js';
import { countOf, formatPieces } from './format-pieces.js';
import { printable } from './printable.js';
import type { Style } from './style.js';

const MOST_PIECES = 50;
const MOST_FILES = 20;

/** Whether nothing is wrong. */
export function isIntact(report: VerifyReport): boolean {
  return report.badPieces.length === 0 && report.badFiles.length === 0;
}

/** Each bad piece with the files that it touches, each bad file with its problem; the sums at the end. */
export function renderVerifyReport(report: VerifyReport, style: Style): string[] {
  const checkedWith = report.algorithms.map(printable).join(', ');
  if (isIntact(report)) {
    return [`${style.green('All right:')} ${countOf(report.pieceCount, 'piece')} checked with ${checkedWith}.`];
  }
  const { badFiles, badPieces } = report;
  return [
    ...badFiles
      .slice(0, MOST_FILES)
      .map(({ path, problem }) => `${style.red('file')} ${printable(path)}: ${printable(problem)}`),
    ...(badFiles.length > MOST_FILES ? [`and ${badFiles.length - MOST_FILES} more files`] : []),
    ...badPieces
      .slice(0, MOST_PIECES)
      .map(({ pieceIndex, files }) => `${style.red('piece')} ${pieceIndex} is bad; it touches ${listFiles(files)}`),
    ...(badPieces.length > MOST_PIECES ? [`and ${badPieces.length - MOST_PIECES} more pieces`] : []),
  ];
}

/** The message of the error that a bad report ends with. */
export function verifyFailureMessage({ badPieces, badFiles, pieceCount }: VerifyReport): string {
  const indices = badPieces.map(({ pieceIndex }) => pieceIndex);
  const pieces = `${badPieces.length} of ${countOf(pieceCount, 'piece')} bad or missing`;
  const which = indices.length === 0 ? '' : ` (${formatPieces(indices)})`;
  const files = badFiles.length === 0 ? '' : `, ${countOf(badFiles.length, 'file')} absent or of another size`;
  return `${pieces}${which}${files}`;
}

function listFiles(files: readonly string[]): string {
  const shown = files.slice(0, 4).map(printable).join(', ');
  return files.length > 4 ? `${shown} and ${files.length - 4} more` : shown;
}
