/** `p2p list` for people. */
import type { CatalogueEntry } from '../engine/engine-types.js';
import { formatCount, formatSize } from '../units.js';
import { printable } from './printable.js';
import type { Style } from './style.js';
import { renderTable, type Column } from './table.js';

const COLUMNS: readonly Column[] = [
  { title: 'NAME', shrinks: true },
  { title: 'SIZE', align: 'right' },
  { title: 'PIECES', align: 'right', dropOrder: 4 },
  { title: 'FILES', align: 'right', dropOrder: 5 },
  { title: 'SEEDS', align: 'right' },
  { title: 'LEECHERS', align: 'right', dropOrder: 1 },
  { title: 'PUBLISHED', dropOrder: 3 },
  { title: 'INFO HASH', dropOrder: 2 },
];

const SHORT_HASH_LENGTH = 12;
const WIDE_TERMINAL_COLUMNS = 140;

/**
 * A table, newest first. The info hash is whole where two entries share a name, since then only it tells them apart.
 */
export function renderCatalogue(entries: readonly CatalogueEntry[], columns: number, style: Style): string[] {
  const names = new Map<string, number>();
  for (const { name } of entries) names.set(name, (names.get(name) ?? 0) + 1);
  const rows = entries
    .toSorted((a, b) => b.publishedAtMs - a.publishedAtMs)
    .map((entry) => [
      printable(entry.name),
      formatSize(entry.totalBytes),
      formatCount(entry.pieceCount),
      `${entry.fileCount}`,
      `${entry.seeders}`,
      `${entry.leechers}`,
      formatTime(entry.publishedAtMs),
      columns >= WIDE_TERMINAL_COLUMNS || (names.get(entry.name) ?? 0) > 1
        ? entry.infoHash
        : entry.infoHash.slice(0, SHORT_HASH_LENGTH),
    ]);
  return renderTable(COLUMNS, rows, columns, style.dim);
}

/** `2025-01-31 14:05` in local time. */
function formatTime(timeMs: number): string {
  const date = new Date(timeMs);
  const two = (value: number): string => `${value}`.padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`;
}
