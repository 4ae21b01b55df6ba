/** How fast a crowd can be at best. */

export interface Crowd {
  readonly sizeBytes: number;
  readonly downloaderCount: number;
  /** What all seeders together can send. */
  readonly seedBytesPerSec: number;
  /** What each downloader can send. */
  readonly uploadBytesPerSec: number;
  /** What each downloader can receive; not limited when undefined. */
  readonly downloadBytesPerSec?: number;
}

/**
 * The least time in which every downloader can have everything, whatever the protocol: the seeders have to send each byte
 * once, a downloader has to receive them all, and all uploads together have to carry a copy for each downloader.
 * Source: Kumar and Ross, "Peer-assisted file distribution: the minimum distribution time", 2006.
 */
export function fluidBoundSeconds(crowd: Crowd): number {
  const { sizeBytes, downloaderCount, seedBytesPerSec, uploadBytesPerSec, downloadBytesPerSec = Infinity } = crowd;
  const allBytesPerSec = seedBytesPerSec + downloaderCount * uploadBytesPerSec;
  return Math.max(
    sizeBytes / seedBytesPerSec,
    sizeBytes / downloadBytesPerSec,
    (downloaderCount * sizeBytes) / allBytesPerSec,
  );
}
