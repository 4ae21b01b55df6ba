/** Copies that the store knows, taken up where they were: with the metainfo and the trackers that are stored. */
import path from 'node:path';

import { OptionError } from '../errors.js';
import type { InfoHash } from '../metainfo/metainfo.js';
import { entryKind } from './download-target.js';
import { checkTrackers, type EngineContext } from './engine-context.js';
import type { ResumeRequest, Transfer } from './engine-types.js';
import { recallCopy } from './recall-copy.js';
import { startResolved } from './start-download.js';
import { resumeSeed } from './start-seed.js';

/** What `EngineApi.resume` promises. */
export async function resumeCopy(engine: EngineContext, request: ResumeRequest): Promise<Transfer> {
  checkTrackers(request.trackers);
  const { infoHash, rootPath, trackers } = request;
  const record = engine.store().recordOf(infoHash as InfoHash, rootPath);
  if (!record) {
    throw new OptionError(`no copy of ${infoHash} at '${rootPath}' is known here`, {}, 'P2P_TARGET_NOT_FOUND');
  }
  const isComplete = record.state === 'complete';
  if (isComplete && (await entryKind(rootPath)) === 'nothing') throw goneAway(rootPath);
  const resolved = recallCopy(engine.store(), record, trackers);
  if (record.role === 'seed') return resumeSeed(engine, resolved, rootPath, request);
  const seedAfter = request.seedAfter ?? isComplete;
  const outputDir = path.dirname(rootPath);
  return startResolved(engine, { ...request, outputDir, seedAfter, choice: 'as-before' }, resolved);
}

/** It was complete, and somebody took it away: to fetch it once more is not what resuming promises. */
function goneAway(rootPath: string): OptionError {
  return new OptionError(
    `'${rootPath}' was complete and is not there any more; 'p2p peer remove' forgets it, 'p2p peer download' fetches it again`,
    { path: rootPath },
    'P2P_PATH_NOT_FOUND',
  );
}
