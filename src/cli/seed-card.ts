/** What a seeder says about one torrent, and what others have to type. */
import type { Metainfo } from '../metainfo/metainfo.js';
import { formatSize } from '../units.js';
import { countOf } from './format-pieces.js';
import { printable } from './printable.js';
import type { Style } from './style.js';

/** Lines such as name, size, hash, and the command for others; an empty line ends them. */
export function renderSeed(
  seed: {
    readonly metainfo: Metainfo;
    readonly offeredPieces: number;
    readonly magnet: string;
    readonly command: string;
    readonly trackers: readonly string[];
    readonly published: boolean;
  },
  style: Style,
): string[] {
  const { metainfo, offeredPieces } = seed;
  const { layout } = metainfo;
  const masked = offeredPieces < layout.pieceCount ? `, ${offeredPieces} of them offered` : '';
  const pieces = `${countOf(layout.pieceCount, 'piece')} of ${formatSize(layout.pieceLengthBytes)}${masked}`;
  const files = metainfo.isFolder ? `, ${countOf(metainfo.files.filter(({ isPad }) => !isPad).length, 'file')}` : '';
  const command = `  others type:  ${style.cyan(printable(seed.command))}`;
  const forOthers = metainfo.isPrivate
    ? ['  private: others need the .torrent file; no name and no magnet link leads to it', command]
    : [`  magnet     ${printable(seed.magnet)}`, command];
  return [
    `${style.bold(printable(metainfo.name))}  ${formatSize(layout.totalBytes)}${files}, ${pieces}`,
    `  info hash  ${metainfo.infoHash}`,
    ...seed.trackers.map((url, index) => `  ${index === 0 ? 'tracker  ' : '         '}  ${printable(url)}`),
    ...forOthers,
    '',
  ];
}
