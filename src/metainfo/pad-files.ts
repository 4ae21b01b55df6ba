/**
 * Padding between the files of a new torrent (BEP 47), so that each begins on the border of a piece: a file that is chosen
 * alone then brings nothing of its neighbours, and equal files have equal pieces in different torrents.
 */
import type { NewFile } from './build-metainfo.js';

/**
 * The files with padding behind each that does not end on a border, but the last.
 * @param files in the order of the torrent
 */
export function padFiles<File extends NewFile>(
  files: readonly File[],
  pieceLengthBytes: number,
): readonly (File | NewFile)[] {
  return files.flatMap((file, index): (File | NewFile)[] => {
    const over = file.lengthBytes % pieceLengthBytes;
    if (over === 0 || index === files.length - 1) return [file];
    const lengthBytes = pieceLengthBytes - over;
    return [file, { path: ['.pad', String(lengthBytes)], lengthBytes, isPad: true }];
  });
}
