/** Attributes of files that a torrent may carry (BEP 47) and that a download gives to what it wrote. */
import { constants } from 'node:fs';
import fs from 'node:fs/promises';

import type { Metainfo } from '../metainfo/metainfo.js';
import { describeDiskError } from '../workers/disk-errors.js';
import type { TorrentFile } from '../workers/worker-messages.js';

/** Absent on Windows, which has no mode of that kind either. */
const { O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants as { readonly O_NOFOLLOW?: number; readonly O_NONBLOCK?: number };

/**
 * Makes files executable that are so in the torrent, for whomever may read them.
 * @param files where they lie
 * @param isNew which of them were written by this download
 * @throws {P2P_DISK_FAILED}
 */
export async function restoreAttributes(
  metainfo: Metainfo,
  files: readonly TorrentFile[],
  isNew: (fileIndex: number) => boolean,
): Promise<void> {
  if (process.platform === 'win32') return;
  for (const [index, { isExecutable, isPad }] of metainfo.files.entries()) {
    const { path: filePath } = files[index] ?? {};
    if (isExecutable !== true || isPad || filePath === undefined || !isNew(index)) continue;
    try {
      await makeExecutable(filePath);
    } catch (error) {
      throw describeDiskError(error, 'make executable', filePath);
    }
  }
}

async function makeExecutable(filePath: string): Promise<void> {
  const handle = await fs.open(filePath, constants.O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    const { mode } = await handle.stat();
    // Who may read it may run it: what the user's umask took away stays away.
    await handle.chmod((mode & 0o777) | ((mode & 0o444) >> 2));
  } finally {
    await handle.close();
  }
}
