/** The transfers of this machine as a table, with a line under each that waits for something. */
import path from 'node:path';
import type { CopyStatus } from '../engine/status-types.js';
import { formatDuration, formatRate, formatSize } from '../units.js';
import { fitText } from './display-width.js';
import { printable } from './printable.js';
import { renderBar, slowReason, stallReason } from './progress-line.js';
import type { Style } from './style.js';
import { renderTable, type Column } from './table.js';
import type { Terminal } from './terminal.js';

const BAR_COLUMNS = 12;
const NARROW_COLUMNS = 72;

const SHAPE: readonly Column[] = [
  { title: 'NAME', shrinks: true },
  { title: 'PROGRESS' },
  { title: 'SIZE', align: 'right', dropOrder: 5 },
  { title: 'DOWN', align: 'right', dropOrder: 4 },
  { title: 'UP', align: 'right', dropOrder: 3 },
  { title: 'PEERS', align: 'right', dropOrder: 2 },
  { title: 'LEFT', align: 'right', dropOrder: 6 },
  { title: 'STATE' },
  { title: 'FOLDER', shrinks: true, dropOrder: 7 },
];

/** What a copy does at the moment, summed over the processes that work on it. */
export interface CopyActivityFigures {
  readonly downBytesPerSec: number;
  readonly upBytesPerSec: number;
  readonly peers: number;
  readonly etaMs: number | undefined;
  /** Why it is not complete, or not faster; undefined when there is nothing to say. */
  readonly reason: string | undefined;
}

/** @param cwd folder that paths are shown from */
export function renderStatus(
  copies: readonly CopyStatus[],
  terminal: Pick<Terminal, 'columns' | 'hasUnicode'>,
  style: Style,
  cwd: string,
): string[] {
  const figures = copies.map(figuresOf);
  const barColumns = terminal.columns < NARROW_COLUMNS ? 0 : BAR_COLUMNS;
  const rows = copies.map((copy, index) => {
    const { downBytesPerSec, upBytesPerSec, peers, etaMs } = figures[index] ?? figuresOf(copy);
    const isRunning = copy.runs.length > 0;
    return [
      printable(copy.name),
      renderShare(copy, barColumns, terminal.hasUnicode),
      formatSize(copy.wantedBytes),
      isRunning ? formatRate(downBytesPerSec) : '',
      isRunning ? formatRate(upBytesPerSec) : '',
      isRunning ? `${peers}` : '',
      etaMs === undefined ? '' : formatDuration(etaMs),
      copy.activity,
      printable(shownFolder(copy.rootPath, cwd)),
    ];
  });
  const [title = '', ...lines] = renderTable(SHAPE, rows, terminal.columns, style.bold);
  return [title, ...lines.flatMap((line, index) => [line, ...reasonLines(figures[index]?.reason, terminal, style)])];
}

export function figuresOf(copy: CopyStatus): CopyActivityFigures {
  const snapshots = copy.runs.map(({ snapshot }) => snapshot);
  const sum = (pick: (snapshot: (typeof snapshots)[number]) => number): number =>
    snapshots.reduce((total, snapshot) => total + pick(snapshot), 0);
  return {
    downBytesPerSec: sum(({ swarm }) => swarm.downBytesPerSec),
    upBytesPerSec: sum(({ swarm }) => swarm.upBytesPerSec),
    peers: sum(({ swarm }) => swarm.links.length),
    etaMs: snapshots.map(({ etaMs }) => etaMs).find((etaMs) => etaMs !== undefined),
    reason: reasonOf(copy),
  };
}

/** `████░░░░  57%`: never 100% while anything is missing. */
export function renderShare(
  { wantedVerifiedBytes, wantedBytes, wantedVerifiedPieces, wantedPieces }: CopyStatus,
  barColumns: number,
  hasUnicode: boolean,
): string {
  const share = wantedBytes === 0 ? 1 : wantedVerifiedBytes / wantedBytes;
  const percent = `${wantedVerifiedPieces < wantedPieces ? Math.min(99, Math.floor(share * 100)) : 100}%`.padStart(4);
  return barColumns === 0 ? percent : `${renderBar(share, barColumns, hasUnicode)} ${percent}`;
}

/** A folder from where the user is when it lies below, else from the root. */
export function shownFolder(rootPath: string, cwd: string): string {
  const folder = path.dirname(rootPath);
  const relative = path.relative(cwd, folder);
  if (relative === '') return '.';
  return relative.startsWith('..') || path.isAbsolute(relative) ? folder : relative;
}

function reasonOf({ activity, runs, lastError, stoppedCleanly }: CopyStatus): string | undefined {
  if (activity === 'interrupted') {
    if (lastError) return lastError.message;
    const how = stoppedCleanly ? 'it was stopped' : 'its process was killed, or the machine went down';
    return `${how}; 'p2p peer resume' goes on with it`;
  }
  if (activity === 'stopped') return lastError?.message;
  const [run] = runs;
  return run && (stallReason(run.snapshot) ?? slowReason(run.snapshot));
}

function reasonLines(reason: string | undefined, { columns }: Pick<Terminal, 'columns'>, style: Style): string[] {
  return reason === undefined ? [] : [style.dim(fitText(`  ${printable(reason)}`, columns))];
}
