/** What a running peer answers to the words that are typed: pure functions of its transfers. */
import type { TransferSnapshot } from '../engine/engine-types.js';
import { formatCount, formatDuration, formatRate, formatSize } from '../units.js';
import { displayWidth, fitText } from './display-width.js';
import { countOf } from './format-pieces.js';
import { formatSources } from './format-sources.js';
import { renderPeers } from './peer-table.js';
import { printable } from './printable.js';
import { renderBar, shareOf, stallReason } from './progress-line.js';
import type { Style } from './style.js';
import type { Terminal } from './terminal.js';

/** How answers look. */
export interface AnswerLook {
  readonly terminal: Pick<Terminal, 'columns' | 'hasUnicode'>;
  readonly style: Style;
}

/** What can be typed, with what it does. */
const WORDS: readonly (readonly [word: string, what: string])[] = [
  ['prog', 'how far each transfer is'],
  ['peers', 'who is connected'],
  ['exit', 'leave, keeping what came'],
  ['help', 'these words'],
];
const INDENT = '  ';
const MOST_BAR_COLUMNS = 30;
const LEAST_BAR_COLUMNS = 8;
const LEAST_NAME_COLUMNS = 8;

/**
 * The answer to a typed line, any but `exit`.
 * @param line as typed; words are known in any case
 * @param snapshots of all transfers, in order
 * @returns printable lines, none wider than the terminal where its width allows that
 */
export function answerTo(line: string, snapshots: readonly TransferSnapshot[], look: AnswerLook): string[] {
  switch (line.toLowerCase()) {
    case 'prog':
      return snapshots.length === 0 ? ['Nothing runs yet.'] : snapshots.flatMap((each) => progressOf(each, look));
    case 'peers':
      return snapshots.length === 0 ? ['Nothing runs yet.'] : snapshots.flatMap((each) => peersOf(each, look));
    case 'help':
      return WORDS.map(([word, what]) => `${INDENT}${look.style.bold(word.padEnd(7))}${what}`);
    default: {
      const hint = ` is not known here; type help.`;
      const typed = fitText(`'${printable(line)}'`, Math.max(LEAST_NAME_COLUMNS, look.terminal.columns - hint.length));
      return [`${typed}${hint}`];
    }
  }
}

/** `story.txt  ████░░  57%`, and under it the figures. */
function progressOf(snapshot: TransferSnapshot, { terminal, style }: AnswerLook): string[] {
  const { state, swarm, etaMs } = snapshot;
  const percent = `${Math.floor(shareOf(snapshot) * 100)}%`;
  const room = terminal.columns - 1 - percent.length - 2 * INDENT.length;
  const name = fitText(printable(snapshot.name), Math.max(LEAST_NAME_COLUMNS, room - LEAST_BAR_COLUMNS));
  const barColumns = Math.max(LEAST_BAR_COLUMNS, Math.min(MOST_BAR_COLUMNS, room - displayWidth(name)));
  const bar = style.green(renderBar(shareOf(snapshot), barColumns, terminal.hasUnicode));
  const reason = stallReason(snapshot);
  const figures = [
    state,
    `${formatCount(swarm.wantedVerifiedPieces)} of ${countOf(swarm.wantedPieces, 'piece')}`,
    `${formatSize(swarm.wantedVerifiedBytes)} of ${formatSize(swarm.wantedBytes)}`,
    `${formatRate(swarm.downBytesPerSec)} down`,
    `${formatRate(swarm.upBytesPerSec)} up`,
    formatSources(swarm.links),
    ...(etaMs !== undefined && state === 'downloading' ? [`${formatDuration(etaMs)} left`] : []),
    ...(reason === undefined || reason === state ? [] : [reason]),
  ];
  return [[style.bold(name), bar, percent].join(INDENT), ...joined(figures, terminal.columns)];
}

/** The name, and under it the connected peers, busiest first. */
function peersOf(snapshot: TransferSnapshot, { terminal, style }: AnswerLook): string[] {
  const { links } = snapshot.swarm;
  const count = links.length === 0 ? 'no peer is connected' : formatSources(links);
  const room = Math.max(LEAST_NAME_COLUMNS, terminal.columns - count.length - 2);
  const title = `${style.bold(fitText(printable(snapshot.name), room))}: ${count}`;
  if (links.length === 0) return [title];
  return [title, ...renderPeers(links, terminal.columns, style)];
}

/** The parts behind commas, on as few indented lines as they fit on. */
function joined(parts: readonly string[], columns: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const part of parts) {
    const longer = line === '' ? `${INDENT}${part}` : `${line}, ${part}`;
    if (line !== '' && displayWidth(longer) >= columns) {
      lines.push(`${line},`);
      line = fitText(`${INDENT}${part}`, columns);
    } else line = fitText(longer, columns);
  }
  return [...lines, line];
}
