/** Connected peers as a table. */
import { formatAddress } from '../protocol/peer-address.js';
import type { LinkSnapshot } from '../swarm/swarm-snapshot.js';
import { formatRate } from '../units.js';
import { printable } from './printable.js';
import type { Style } from './style.js';
import { renderTable, type Column } from './table.js';

const PEER_COLUMNS: readonly Column[] = [
  { title: 'peer' },
  { title: 'client', shrinks: true, dropOrder: 3 },
  { title: 'has', align: 'right' },
  { title: 'down', align: 'right', dropOrder: 1 },
  { title: 'up', align: 'right', dropOrder: 2 },
  { title: 'we', dropOrder: 4 },
  { title: 'it', dropOrder: 5 },
  { title: 'from', dropOrder: 6 },
];

/** The busiest first; at most `columns` wide where that is possible. */
export function renderPeers(links: readonly LinkSnapshot[], columns: number, style: Style): string[] {
  const rows = links.toSorted((a, b) => trafficOf(b) - trafficOf(a) || a.linkId - b.linkId).map(peerRow);
  return renderTable(PEER_COLUMNS, rows, columns, style.dim);
}

function peerRow(link: LinkSnapshot): string[] {
  return [
    printable(link.webSeed ?? formatAddress(link.address)),
    link.webSeed === undefined ? printable(link.client) : 'web seed',
    `${Math.floor(link.progress * 100)}%`,
    formatRate(link.downBytesPerSec),
    formatRate(link.upBytesPerSec),
    wishOf(link.amInterested, link.peerChoking),
    wishOf(link.peerInterested, link.amChoking),
    link.source,
  ];
}

/** The two flags of one direction: a choked peer that wants nothing misses nothing. */
function wishOf(isInterested: boolean, isChoked: boolean): string {
  if (!isInterested) return '-';
  return isChoked ? 'interested, choked' : 'interested';
}

function trafficOf({ downBytesPerSec, upBytesPerSec }: LinkSnapshot): number {
  return downBytesPerSec + upBytesPerSec;
}
