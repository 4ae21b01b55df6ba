/** A torrent's metainfo for people. */
import type { Metainfo } from '../metainfo/metainfo.js';
import { formatSize } from '../units.js';
import { countOf } from './format-pieces.js';
import { printable } from './printable.js';
import type { Style } from './style.js';

const MOST_FILES = 20;

const KINDS: Readonly<Record<Metainfo['kind'], string>> = {
  'dual-hash': 'dual-hash: for every BitTorrent client, with stronger hashes for ours',
  pure: 'pure: for p2p peers alone',
  v1: 'BitTorrent v1',
};

/**
 * The card of `p2p show`.
 * @param trackers announce URLs in use
 */
export function renderTorrentCard(
  metainfo: Metainfo,
  others: { readonly trackers: readonly string[]; readonly magnet: string; readonly allFiles: boolean },
  style: Style,
): string[] {
  const { layout } = metainfo;
  const rows: [label: string, value: string][] = [
    ['size', `${formatSize(layout.totalBytes)} (${layout.totalBytes.toLocaleString('en-US')} bytes)`],
    ['pieces', `${layout.pieceCount.toLocaleString('en-US')} of ${formatSize(layout.pieceLengthBytes)}`],
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
    ...(metainfo.isFolder ? fileLines(metainfo, others.allFiles, style) : []),
  ];
}

function fileLines(metainfo: Metainfo, all: boolean, style: Style): string[] {
  const files = metainfo.files.filter(({ isPad }) => !isPad);
  const shown = all ? files : files.slice(0, MOST_FILES);
  const sizes = shown.map(({ lengthBytes }) => formatSize(lengthBytes));
  const width = Math.max(0, ...sizes.map((size) => size.length));
  return [
    '',
    style.dim(countOf(files.length, 'file')),
    ...shown.map(({ path }, index) => `  ${(sizes[index] ?? '').padStart(width)}  ${path.map(printable).join('/')}`),
    ...(shown.length < files.length ? [style.dim(`  and ${files.length - shown.length} more: --files shows all`)] : []),
  ];
}

/** A date that a torrent's maker wrote down may be any number. */
function formatDate(seconds: number): string {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? `${seconds} s since 1970` : date.toISOString().replace(/\.\d+Z$/, 'Z');
}
