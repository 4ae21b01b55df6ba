/**
 * What of a stored copy is believed at a start without hashing it, and what is hashed first. Pure.
 *
 *   a file that ...                                     its pieces
 *   is what it was when its pieces were known right     owned as they are written down
 *   is not in the records                               hashed where anything may have been written
 *   was touched by somebody                             hashed, all of them
 *   is not there                                        missing
 *
 * "What it was" is size, times and inode for files at rest: after a clean stop, and for files that are only read. While a
 * download runs its files change all the time: after a crash size and inode must do, only what is durable is believed,
 * and whatever else may have been written (intents, verified) is hashed. A piece across several files is judged by the
 * worst of them. (ARCHITECTURE.md, Copies, locks and the database.)
 */
import type { PieceLayout } from '../metainfo/piece-layout.js';
import { Bitfield } from '../protocol/bitfield.js';
import type { CopyFile, Ownership } from '../store/copy-store.js';
import { isSameFile, isUntouched } from './file-stamps.js';

/** What the store knows of a copy. */
export interface KnownCopy {
  readonly ownership: Ownership;
  /** How its files looked, by index. */
  readonly files: ReadonlyMap<number, CopyFile>;
  /** Whether its files were only read when its last run ended, or that ended in order. */
  readonly isAtRest: boolean;
  readonly stoppedCleanly: boolean;
}

/** Pieces in neither are missing. */
export interface CopyTrust {
  /** Owned, without a look at their bytes. */
  readonly trusted: Bitfield;
  /** To be hashed: owned if that holds. */
  readonly doubtful: Bitfield;
}

/**
 * @param isReal whether a file has bytes of its own on disk: pad files and empty files have none
 * @param known undefined for a copy that the store does not know: all of it is doubtful
 * @param present how the files look now, by index
 */
export function judgeCopy(
  layout: PieceLayout,
  isReal: (fileIndex: number) => boolean,
  known: KnownCopy | undefined,
  present: ReadonlyMap<number, CopyFile>,
): CopyTrust {
  const { pieceCount } = layout;
  const written = known ? union(known.ownership.intents, known.ownership.verified) : Bitfield.full(pieceCount);
  const trusted = known ? believable(known).clone() : new Bitfield(pieceCount);
  const touched = new Bitfield(pieceCount);
  const gone = new Bitfield(pieceCount);
  for (let fileIndex = 0; fileIndex < layout.fileCount; fileIndex += 1) {
    const range = isReal(fileIndex) ? layout.piecesOfFile(fileIndex) : undefined;
    if (!range) continue;
    const now = present.get(fileIndex);
    const before = known?.files.get(fileIndex);
    if (now && before && (known?.isAtRest === true ? isUntouched(before, now) : isSameFile(before, now))) continue;
    for (let index: number = range.first; index <= range.last; index += 1) {
      trusted.clear(index);
      if (!now) gone.set(index);
      else if (before) touched.set(index);
    }
  }
  const doubtful = union(written, touched);
  for (const index of gone.indices()) doubtful.clear(index);
  for (const index of trusted.indices()) doubtful.clear(index);
  return { trusted, doubtful };
}

/**
 * The same copy under its final name, where every piece may be, whatever is written down: a power cut may take the last
 * records of a download, and leave the name that it was given when it was complete.
 */
export function underFinalName(known: KnownCopy): KnownCopy {
  const { ownership } = known;
  return { ...known, ownership: { ...ownership, intents: Bitfield.full(ownership.intents.length) } };
}

/** Bits that either has. */
export function union(one: Bitfield, other: Bitfield): Bitfield {
  const both = one.clone();
  for (const [at, byte] of other.bytes.entries()) both.bytes[at] = (both.bytes[at] ?? 0) | byte;
  return both;
}

/** After a clean stop everything verified was flushed; after another one only what is durable was. */
function believable({ ownership, stoppedCleanly }: KnownCopy): Bitfield {
  return stoppedCleanly ? ownership.verified : ownership.durable;
}
