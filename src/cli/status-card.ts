/** One transfer in full: pieces, peers, trackers, processes. */
import type { CopyDetail, RunStatus } from '../engine/status-types.js';
import type { TrackerSnapshot } from '../swarm/swarm-snapshot.js';
import { formatCount, formatDuration, formatRate, formatSize } from '../units.js';
import { fitText } from './display-width.js';
import { countOf } from './format-pieces.js';
import { renderPeers } from './peer-table.js';
import { printable } from './printable.js';
import { figuresOf, renderShare } from './status-table.js';
import type { Style } from './style.js';
import type { Terminal } from './terminal.js';

const BAR_COLUMNS = 30;
const MOST_MAP_COLUMNS = 72;
const LABEL_COLUMNS = 9;
const INDENT = '  ';

export function renderStatusCard(
  copy: CopyDetail,
  terminal: Pick<Terminal, 'columns' | 'hasUnicode'>,
  style: Style,
): string[] {
  const { reason } = figuresOf(copy);
  const rows: [label: string, value: string][] = [
    ['state', copy.activity + (copy.runs.length > 0 ? ` (${copy.runs.map(describeRun).join(', ')})` : '')],
    ...(reason === undefined ? [] : [['why', printable(reason)] satisfies [string, string]]),
    ['progress', `${renderShare(copy, barColumns(terminal), terminal.hasUnicode)}  ${sizes(copy)}`],
    ...(isChosen(copy)
      ? [['files', `${copy.chosenFiles} of ${copy.fileCount} are chosen`] satisfies [string, string]]
      : []),
    ['pieces', pieces(copy)],
    ['traffic', traffic(copy)],
    ['path', printable(copy.rootPath)],
    ['info hash', copy.infoHash],
    ['since', new Date(copy.createdAtMs).toISOString().slice(0, 16).replace('T', ' ')],
  ];
  return [
    style.bold(printable(copy.name)),
    ...rows.map(([label, value]) =>
      fitText(`${INDENT}${style.dim(label.padEnd(LABEL_COLUMNS))}  ${value}`, Math.max(terminal.columns, 40)),
    ),
    ...pieceMap(copy, terminal),
    ...trackerLines(copy, style),
    ...webSeedLines(copy, style),
    ...peerLines(copy, terminal, style),
  ];
}

function barColumns({ columns }: Pick<Terminal, 'columns'>): number {
  return Math.max(0, Math.min(BAR_COLUMNS, columns - 50));
}

function describeRun({ pid, startedAtMs, updatedAtMs }: RunStatus): string {
  return `process ${pid}, for ${formatDuration(Math.max(updatedAtMs - startedAtMs, 0))}`;
}

function sizes({ wantedVerifiedBytes, wantedBytes }: CopyDetail): string {
  return `${formatSize(wantedVerifiedBytes)} of ${formatSize(wantedBytes)}`;
}

function isChosen({ chosenFiles, fileCount }: CopyDetail): boolean {
  return chosenFiles !== undefined && chosenFiles !== fileCount;
}

function pieces({ verifiedPieces, pieceCount, pieceLengthBytes, durable }: CopyDetail): string {
  const length = pieceLengthBytes === undefined ? '' : ` of ${formatSize(pieceLengthBytes)}`;
  const onDisk = durable.count();
  const flushed = onDisk < verifiedPieces ? `, ${formatCount(onDisk)} of them flushed to the disk` : '';
  return `${formatCount(verifiedPieces)} of ${countOf(pieceCount, 'piece')}${length}${flushed}`;
}

function traffic(copy: CopyDetail): string {
  const { downBytesPerSec, upBytesPerSec, etaMs } = figuresOf(copy);
  const sums = `${formatSize(copy.downTotalBytes)} received, ${formatSize(copy.upTotalBytes)} sent in all runs`;
  if (copy.runs.length === 0) return sums;
  const left = etaMs === undefined ? '' : `, ${formatDuration(etaMs)} left`;
  return `${formatRate(downBytesPerSec)} down, ${formatRate(upBytesPerSec)} up${left}; ${sums}`;
}

/** All pieces in a line or two of one character for some each: all here, some, none. */
function pieceMap(
  { verified, pieceCount, verifiedPieces }: CopyDetail,
  terminal: Pick<Terminal, 'columns' | 'hasUnicode'>,
): string[] {
  if (pieceCount === 0 || verifiedPieces === 0 || verifiedPieces === pieceCount) return [];
  const [all, some, none] = terminal.hasUnicode ? ['█', '▒', '░'] : ['#', '+', '.'];
  const cells = Math.max(1, Math.min(MOST_MAP_COLUMNS, pieceCount, terminal.columns - INDENT.length - 1));
  let map = '';
  for (let cell = 0; cell < cells; cell += 1) {
    const first = Math.floor((cell * pieceCount) / cells);
    const end = Math.floor(((cell + 1) * pieceCount) / cells);
    let here = 0;
    for (let index = first; index < end; index += 1) if (verified.has(index)) here += 1;
    map += here === end - first ? all : here > 0 ? some : none;
  }
  return ['', `${INDENT}${map}`];
}

function trackerLines({ runs, trackerTiers }: CopyDetail, style: Style): string[] {
  const live = new Map(
    runs.flatMap(({ snapshot }) => snapshot.swarm.trackers.map((each) => [each.url, each] as const)),
  );
  const urls = [...new Set([...trackerTiers.flat(), ...live.keys()])];
  if (urls.length === 0) return [];
  return [
    '',
    style.dim(`${INDENT}trackers`),
    ...urls.map((url) => `${INDENT}${INDENT}${printable(url)}${describeTracker(live.get(url))}`),
  ];
}

function describeTracker(tracker: TrackerSnapshot | undefined): string {
  if (!tracker) return '';
  if (tracker.state === 'failed') return `  failed: ${printable(tracker.message)}`;
  const counts =
    tracker.seeders === undefined
      ? ''
      : `, ${countOf(tracker.seeders, 'seeder')}, ${countOf(tracker.leechers ?? 0, 'leecher')}`;
  return `  ${tracker.state}${counts}`;
}

function webSeedLines({ runs }: CopyDetail, style: Style): string[] {
  const seeds = runs.flatMap(({ snapshot }) => snapshot.swarm.webSeeds);
  if (seeds.length === 0) return [];
  return [
    '',
    style.dim(`${INDENT}web seeds`),
    ...seeds.map(({ url, state, message }) => {
      const why = message === '' ? '' : `: ${printable(message)}`;
      return `${INDENT}${INDENT}${printable(url)}  ${state}${why}`;
    }),
  ];
}

function peerLines({ runs }: CopyDetail, { columns }: Pick<Terminal, 'columns'>, style: Style): string[] {
  const links = runs.flatMap(({ snapshot }) => snapshot.swarm.links);
  if (runs.length === 0) return [];
  if (links.length === 0) return ['', style.dim(`${INDENT}no peers`)];
  return ['', ...renderPeers(links, columns - INDENT.length, style).map((line) => `${INDENT}${line}`)];
}
