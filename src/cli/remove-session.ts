/** `p2p peer remove` once its command line is read. */
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
    const { removedBytes, removedPath } = await removeCopy(settings.stateDir, copy, settings.withData);
    const data =
      removedPath === undefined ? '' : `, and removed ${printable(removedPath)} (${formatSize(removedBytes)})`;
    output.text(`Forgot ${printable(name)}${data}.`);
    return { name, infoHash, path, removedBytes, removedPath: removedPath ?? null };
  } finally {
    reader.close();
  }
}
