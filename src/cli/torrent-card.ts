/** A torrent's metainfo for people. */
import type { Metainfo } from '../metainfo/metainfo.js';
import type { Bitfield } from '../protocol/bitfield.js';
import { formatCount, formatSize } from '../units.js';
import { countOf } from './format-pieces.js';
import { printable } from './printable.js';
import type { Style } from './style.js';

const MOST_FILES = 20;

const KINDS: Readonly<Record<Metainfo['kind'], string>> = {
  'dual-hash': 'dual-hash: for every BitTorrent client, with stronger hashes for ours',
  pure: 'pure: for p2p peers alone',
  v1: 'BitTorrent v1',
};

export interface TorrentCardOptions {
  /** Announce URLs in use. */
  readonly trackers: readonly string[];
  readonly magnet: string;
  readonly allFiles: boolean;
  /** Files that a magnet link chooses, one bit each; undefined for all. */
  readonly chosen?: Bitfield | undefined;
}

/** The card of `p2p show`. */
export function renderTorrentCard(metainfo: Metainfo, others: TorrentCardOptions, style: Style): string[] {
  const { layout } = metainfo;
  const rows: [label: string, value: string][] = [
    ['size', `${formatSize(layout.totalBytes)} (${formatCount(layout.totalBytes)} bytes)`],
    ['pieces', `${formatCount(layout.pieceCount)} of ${formatSize(layout.pieceLengthBytes)}`],
    ['kind', KINDS[metainfo.kind]],
    ['hashes', [...metainfo.digests.keys()].map(printable).join(', ')],
    ['info hash', metainfo.infoHash],
    ['BLAKE3', metainfo.blake3InfoHash],
    ...others.trackers.map((url, index): [string, string] => [index === 0 ? 'trackers' : '', printable(url)]),
    ...metainfo.webSeeds.map((url, index): [string, string] => [index === 0 ? 'web seeds' : '', printable(url)]),
  ];
  if (metainfo.isPrivate) rows.push(['private', 'yes: only the trackers above tell who has it']);
  if (metainfo.createdBy !== undefined) rows.push(['made by', printable(metainfo.createdBy)]);
  if (metainfo.creationDate !== undefined) rows.push(['made on', formatDate(metainfo.creationDate)]);
  if (metainfo.comment !== undefined) rows.push(['comment', printable(metainfo.comment)]);
  for (const note of metainfo.notes) rows.push(['note', printable(note)]);
  rows.push(['magnet', printable(others.magnet)]);
  return [
    style.bold(printable(metainfo.name) + (metainfo.isFolder ? '/' : '')),
    ...rows.map(([label, value]) => `  ${style.dim(label.padEnd(9))}  ${value}`),
    ...(metainfo.isFolder ? fileLines(metainfo, others, style) : []),
  ];
}

/** Each file with its place in the torrent's list, which `--files` takes. */
function fileLines(metainfo: Metainfo, { allFiles, chosen }: TorrentCardOptions, style: Style): string[] {
  const files = metainfo.files.map((file, place) => ({ ...file, place })).filter(({ isPad }) => !isPad);
  const shown = allFiles ? files : files.slice(0, MOST_FILES);
  const rows = shown.map(({ place, lengthBytes, path }) => {
    const mark = chosen && !chosen.has(place) ? '-' : `${place}`;
    return [mark, formatSize(lengthBytes), path.map(printable).join('/')] as const;
  });
  const widthOf = (column: 0 | 1): number => rows.reduce((most, row) => Math.max(most, row[column].length), 0);
  const [placeWidth, sizeWidth] = [widthOf(0), widthOf(1)];
  return [
    '',
    style.dim(countOf(files.length, 'file') + (chosen ? `, ${chosen.count()} chosen by the link` : '')),
    ...rows.map(([place, size, path]) => `  ${place.padStart(placeWidth)}  ${size.padStart(sizeWidth)}  ${path}`),
    ...(shown.length < files.length ? [style.dim(`  and ${files.length - shown.length} more: --files shows all`)] : []),
  ];
}

/** A date that a torrent's maker wrote down may be any number. */
function formatDate(seconds: number): string {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? `${seconds} s since 1970` : date.toISOString().replace(/\.\d+Z$/, 'Z');
}
