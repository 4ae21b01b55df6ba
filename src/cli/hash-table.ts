/** `p2p hashes` for people. */
import type { HashReport } from '../engine/engine-types.js';
import { printable } from './printable.js';
import type { Style } from './style.js';
import { renderTable } from './table.js';
import { formatCount } from '../units.js';

/** A table of algorithms with their implementation and their speed on this machine. */
export function renderHashes(hashes: readonly HashReport[], columns: number, style: Style): string[] {
  const rows = hashes.map((hash) => [
    printable(hash.name),
    printable(hash.implementation),
    `${hash.digestLength} bytes`,
    hash.bytesPerSec === undefined ? '' : `${formatCount(Math.round(hash.bytesPerSec / 1e6))} MB/s`,
    hash.builtIn ? 'built in' : 'plugin',
  ]);
  return renderTable(
    [
      { title: 'NAME' },
      { title: 'IMPLEMENTATION', shrinks: true },
      { title: 'DIGEST', align: 'right' },
      { title: 'ONE THREAD', align: 'right' },
      { title: 'FROM', dropOrder: 1 },
    ],
    rows,
    columns,
    style.dim,
  );
}
