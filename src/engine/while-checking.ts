/** Has `p2p status` say that a known copy is checked, for as long as that takes: hashing a large one takes minutes. */
import type { Metainfo } from '../metainfo/metainfo.js';
import type { EngineContext } from './engine-context.js';
import { transferSnapshot } from './transfer-snapshot.js';

/**
 * Does `work`. When it succeeds, what follows is told by the transfer that it was done for.
 * @param rootPath absolute path that the data has when complete; a copy that is new there is not told of yet
 */
export async function whileChecking<T>(
  engine: EngineContext,
  metainfo: Metainfo,
  rootPath: string,
  work: () => Promise<T>,
): Promise<T> {
  const store = engine.store();
  const copy = store.recorderOf(metainfo.infoHash, rootPath);
  if (!copy) return work();
  const snapshot = transferSnapshot({ metainfo, session: undefined, path: rootPath }, 'checking');
  const stopReporting = engine.report({ copy, snapshot: () => snapshot });
  try {
    return await work();
  } catch (error) {
    // Not after the engine is closed: with it all that this process said is taken back.
    if (!engine.signal.aborted) store.leave(copy);
    throw error;
  } finally {
    stopReporting();
  }
}
