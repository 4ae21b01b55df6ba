/** One process at most writes a copy: `STATE/locks/<copy>.lock` says which. */
import { join, resolve } from 'node:path';

import { StorageError } from '../errors.js';
import { sha1, toHex } from '../hashing/digests.js';
import type { InfoHash } from '../metainfo/metainfo.js';
import { readLockHolder, takeLockFile } from '../database/lock-file.js';

/** The right to write one copy, or one `.part`. */
export interface CopyLock {
  /** Gives the copy free; idempotent. It is free as well as soon as the process is gone, however it ended. */
  release(): void;
}

/**
 * Takes the lock of a copy for this process.
 * @param stateDir folder of the state database
 * @param rootPath absolute path that the copy has when it is complete
 * @throws {P2P_COPY_IN_USE} when somebody holds it; `details.pid` says which process, if it is known
 * @throws {P2P_STATE_UNUSABLE} when the lock file cannot be written
 */
export function lockCopy(stateDir: string, infoHash: InfoHash, rootPath: string): CopyLock {
  const path = lockPath(stateDir, infoHash, rootPath);
  const lock = takeLockFile(path);
  if (lock) return lock;
  const pid = readLockHolder(path);
  throw new StorageError(
    'P2P_COPY_IN_USE',
    `${rootPath} is being written by ${pid === undefined ? 'another process' : `process ${pid}`} already; ` +
      'wait for it or end it, or choose another folder with --output',
    { pid, infoHash, rootPath },
  );
}

/**
 * Takes the lock of a `.part`, so that two torrents of one name do not write into each other's data.
 * @param stateDir folder of the state database
 * @param partPath absolute
 * @throws {P2P_PART_OF_ANOTHER_TORRENT} when somebody holds it; `details.pid` says which process, if it is known
 * @throws {P2P_STATE_UNUSABLE} when the lock file cannot be written
 */
export function lockPart(stateDir: string, partPath: string): CopyLock {
  const path = join(resolve(stateDir), 'locks', `part-${toHex(sha1(new TextEncoder().encode(partPath)))}.lock`);
  const lock = takeLockFile(path);
  if (lock) return lock;
  const pid = readLockHolder(path);
  throw new StorageError(
    'P2P_PART_OF_ANOTHER_TORRENT',
    `${partPath} is being written for another torrent by ${pid === undefined ? 'another process' : `process ${pid}`}; ` +
      'wait for it or end it, or choose another folder with --output',
    { pid, path: partPath },
  );
}

function lockPath(stateDir: string, infoHash: InfoHash, rootPath: string): string {
  const copy = toHex(sha1(new TextEncoder().encode(`${infoHash}\0${rootPath}`)));
  return join(resolve(stateDir), 'locks', `${copy}.lock`);
}
