/** `p2p peer remove` once its command line is read. */
import type { RemovedCopy } from '../engine/remove-copy.js';
import { formatSize } from '../units.js';
import type { ResultFields } from './base-command.js';
import type { Output } from './output.js';
import { printable } from './printable.js';
import { oneOf } from './select-copies.js';

export interface RemoveSettings {
  readonly stateDir: string;
  readonly target: string;
  readonly withData: boolean;
}

/** @throws {P2P_TARGET_NOT_FOUND} {P2P_TARGET_AMBIGUOUS} {P2P_COPY_IN_USE} and what removing throws */
export async function removeTransfer(output: Output, settings: RemoveSettings): Promise<ResultFields> {
  const [{ StatusReader }, { removeCopy }] = await Promise.all([
    import('../engine/read-status.js'),
    import('../engine/remove-copy.js'),
  ]);
  const reader = new StatusReader(settings.stateDir, (message) => output.note(message));
  try {
    const copy = oneOf(reader.find(settings.target, process.cwd()), settings.target);
    const { name, infoHash, rootPath: path } = copy;
    const removed = await removeCopy(settings.stateDir, copy, settings.withData);
    output.text(`Forgot ${printable(name)}${describe(removed)}.`);
    for (const file of removed.keptFiles) output.note(`${file} was changed since it was downloaded, and stays`);
    const { removedBytes, removedPath = null, keptFiles, isFolderKept } = removed;
    return { name, infoHash, path, removedBytes, removedPath, keptFiles, isFolderKept };
  } finally {
    reader.close();
  }
}

function describe({ removedBytes, removedPath, keptFiles, isFolderKept }: RemovedCopy): string {
  if (removedPath === undefined) return '';
  const size = formatSize(removedBytes);
  if (!isFolderKept) return `, and removed ${printable(removedPath)} (${size})`;
  const others = keptFiles.length > 0 ? 'which stays' : 'which stays, since other things lie in it';
  return `, and removed its files (${size}) from ${printable(removedPath)}, ${others}`;
}
