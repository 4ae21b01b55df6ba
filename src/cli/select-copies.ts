/** Which of the stored transfers a command line means. */
import { OptionError } from '../errors.js';
import type { CopyStatus } from '../engine/status-types.js';
import { printable } from './printable.js';

/**
 * The one that a word names.
 * @throws {P2P_TARGET_AMBIGUOUS} when it names several, with the paths that tell them apart
 */
export function oneOf(copies: readonly CopyStatus[], target: string): CopyStatus {
  const [copy, ...others] = copies;
  if (copy && others.length === 0) return copy;
  const lines = copies.map(({ infoHash, rootPath }) => `  ${infoHash}  ${printable(rootPath)}`);
  throw new OptionError(
    `${copies.length} transfers are named '${printable(target)}'; name one by its path:\n${lines.join('\n')}`,
    { candidates: copies.map(({ infoHash, rootPath: path }) => ({ infoHash, path })) },
    'P2P_TARGET_AMBIGUOUS',
  );
}

/**
 * What is to be taken up: the named ones; without a name every unfinished download that no process works on, or with
 * `all` everything that no process works on.
 * @param find by a word
 */
export function copiesToResume(
  copies: readonly CopyStatus[],
  targets: readonly string[],
  all: boolean,
  find: (target: string) => readonly CopyStatus[],
): readonly CopyStatus[] {
  if (targets.length > 0) {
    const named = targets.map((target) => oneOf(unfinishedOf(find(target)), target));
    return [...new Map(named.map((copy) => [copy.copyId, copy])).values()];
  }
  return copies.filter(({ runs, activity }) => runs.length === 0 && (all || activity === 'interrupted'));
}

/** Of copies that share a name, the one that is unfinished is meant: it is what there is to go on with. */
function unfinishedOf(copies: readonly CopyStatus[]): readonly CopyStatus[] {
  const unfinished = copies.filter(({ activity }) => activity === 'interrupted');
  return unfinished.length === 1 ? unfinished : copies;
}
