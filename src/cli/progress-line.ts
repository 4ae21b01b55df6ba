/** One transfer as one line of a terminal: a pure function of its snapshot and the columns there are. */
import type { TransferSnapshot } from '../engine/engine-types.js';
import { formatDuration, formatRate, formatSize } from '../units.js';
import { displayWidth, fitText, padText } from './display-width.js';
import { formatPieces } from './format-pieces.js';
import { formatSources } from './format-sources.js';
import { printable } from './printable.js';
import { styleFor, type Style } from './style.js';
import type { Terminal } from './terminal.js';

/** A part of the line; parts with a higher `rank` are left out first when columns are short. */
interface Part {
  readonly text: string;
  readonly rank: number;
  /** It is cut, down to so many columns, before it is left out. */
  readonly leastColumns?: number;
}

const GAP = '  ';
const LEAST_NAME_COLUMNS = 8;
const MOST_NAME_COLUMNS = 32;
const LEAST_BAR_COLUMNS = 8;
const LEAST_REASON_COLUMNS = 8;
const MOST_BAR_COLUMNS = 30;
/** So near to its limit a rate is held by it: the mean over some seconds never quite reaches it. */
const LIMITED_SHARE = 0.85;

/**
 * A line such as `story.txt  ██████░░░░  57%  34 of 60 KiB  12.4 MiB/s  3 peers  12s left`, at most `columns - 1` wide, so
 * that no terminal wraps it. Names are filled up to `alignedNameColumns`, so that several lines stand in columns. Below
 * about 60 columns bar, size and peers go first; name, percent and rate stay, or the reason why nothing arrives, cut if
 * need be.
 */
export function renderProgress(
  snapshot: TransferSnapshot,
  terminal: Pick<Terminal, 'columns' | 'hasUnicode'>,
  style: Style = styleFor(false),
  alignedNameColumns = 0,
): string {
  const columns = Math.max(20, terminal.columns - 1);
  const name = printable(snapshot.name);
  const parts = snapshot.state === 'seeding' ? seedingParts(snapshot) : downloadParts(snapshot);
  const nameColumns = Math.min(Math.max(displayWidth(name), alignedNameColumns), MOST_NAME_COLUMNS);
  // Who waits wants to know why more than for what.
  const ownNameColumns = stallReason(snapshot) === undefined ? LEAST_NAME_COLUMNS * 2 : LEAST_NAME_COLUMNS;
  const kept = keepFitting(parts, columns - Math.min(nameColumns, ownNameColumns));
  const used = kept.reduce((sum, { text }) => sum + GAP.length + displayWidth(text), 0);
  if (used > columns - LEAST_NAME_COLUMNS) {
    return fitText([name, ...kept.map(({ text }) => text)].join(GAP), columns);
  }
  const shownColumns = Math.min(nameColumns, columns - used);
  const shownName = padText(fitText(name, shownColumns), shownColumns);
  const barColumns = Math.min(MOST_BAR_COLUMNS, columns - used - displayWidth(shownName) - GAP.length);
  const hasBar = snapshot.state !== 'seeding' && barColumns >= LEAST_BAR_COLUMNS;
  const bar = hasBar ? [style.green(renderBar(shareOf(snapshot), barColumns, terminal.hasUnicode))] : [];
  return [style.bold(shownName), ...bar, ...kept.map(({ text }) => text)].join(GAP);
}

/** A bar of exactly `columns`. */
export function renderBar(share: number, columns: number, hasUnicode: boolean): string {
  const [full, empty] = hasUnicode ? ['█', '░'] : ['#', '.'];
  const filled = Math.min(columns, Math.floor(share * columns));
  return full.repeat(filled) + empty.repeat(columns - filled);
}

/** The same in words, for logs: `story.txt: 57%, 34 of 60 KiB, 12.4 MiB/s, 3 peers, 12s left`. */
export function progressInWords(snapshot: TransferSnapshot): string {
  const parts = snapshot.state === 'seeding' ? seedingParts(snapshot) : downloadParts(snapshot);
  return `${printable(snapshot.name)}: ${parts.map(({ text }) => text.trim()).join(', ')}`;
}

/** Why nothing arrives, in a few words; undefined when something does or nothing has to. */
export function stallReason(snapshot: TransferSnapshot): string | undefined {
  const { swarm, state } = snapshot;
  if (state === 'checking') return 'checking what is there';
  if (state === 'finishing') return 'finishing';
  if (state !== 'downloading') return undefined;
  if (swarm.downBytesPerSec > 0) return undefined;
  if (swarm.links.length === 0) {
    const failed = swarm.trackers.find((tracker) => tracker.state === 'failed' && tracker.message !== '');
    const webSeed = swarm.webSeeds.find(({ message }) => message !== '');
    if (webSeed) return `web seed ${printable(webSeed.message)}`;
    return failed && !swarm.everAnswered ? `no tracker: ${printable(failed.message)}` : 'looking for peers';
  }
  if (swarm.missingEverywhereCount > 0) {
    return `no peer has ${formatPieces(swarm.missingEverywhere.slice(0, 20), swarm.missingEverywhereCount)}`;
  }
  if (snapshot.waitsForDisk) return 'waiting for the disk';
  const wanted = swarm.links.filter(({ amInterested }) => amInterested);
  if (wanted.length > 0 && wanted.every(({ peerChoking }) => peerChoking)) {
    return `choked by ${wanted.length === 1 ? 'the peer that has' : `all ${wanted.length} peers that have`} what is missing`;
  }
  return undefined;
}

/** What holds a download back that goes on nevertheless; undefined when nothing does. */
export function slowReason(snapshot: TransferSnapshot): string | undefined {
  const { state, swarm, downloadLimitBytesPerSec: limit } = snapshot;
  if (state !== 'downloading' || swarm.downBytesPerSec === 0) return undefined;
  if (snapshot.waitsForDisk) return 'the disk is slower than the peers';
  if (limit !== undefined && swarm.downBytesPerSec >= limit * LIMITED_SHARE) {
    return `held to ${formatRate(limit)} by --download-limit`;
  }
  if (swarm.missingEverywhereCount > 0) {
    return `no peer has ${formatPieces(swarm.missingEverywhere.slice(0, 20), swarm.missingEverywhereCount)}`;
  }
  return undefined;
}

/** Share of the wanted bytes that are verified, 0 to 1. */
export function shareOf({ swarm }: TransferSnapshot): number {
  return swarm.wantedBytes === 0 ? 1 : swarm.wantedVerifiedBytes / swarm.wantedBytes;
}

function downloadParts(snapshot: TransferSnapshot): Part[] {
  const { swarm, etaMs } = snapshot;
  const parts: Part[] = [
    { text: padText(`${Math.floor(shareOf(snapshot) * 100)}%`, 4, 'right'), rank: 0 },
    { text: `${formatSize(swarm.wantedVerifiedBytes)} of ${formatSize(swarm.wantedBytes)}`, rank: 4 },
  ];
  const reason = stallReason(snapshot);
  if (reason === undefined && snapshot.state === 'downloading') {
    parts.push({ text: formatRate(swarm.downBytesPerSec), rank: 1 });
  }
  if (swarm.upBytesPerSec > 0) parts.push({ text: `${formatRate(swarm.upBytesPerSec)} up`, rank: 5 });
  parts.push({ text: formatSources(swarm.links), rank: 3 });
  if (reason !== undefined) parts.push({ text: reason, rank: 1, leastColumns: LEAST_REASON_COLUMNS });
  else if (etaMs !== undefined && snapshot.state === 'downloading') {
    parts.push({ text: `${formatDuration(etaMs)} left`, rank: 2 });
  }
  return parts;
}

function seedingParts({ swarm }: TransferSnapshot): Part[] {
  return [
    { text: 'seeding', rank: 3 },
    { text: `${formatRate(swarm.upBytesPerSec)} up`, rank: 0 },
    { text: `${formatSize(swarm.upTotalBytes)} sent`, rank: 2 },
    { text: formatSources(swarm.links), rank: 1 },
  ];
}

/** Cuts or leaves out parts by rank until the rest fits; the first by rank stays whatever happens. */
function keepFitting(parts: readonly Part[], columns: number): readonly Part[] {
  let kept = parts;
  const widthOf = (list: readonly Part[]): number =>
    list.reduce((sum, { text }) => sum + GAP.length + displayWidth(text), 0);
  while (kept.length > 1 && widthOf(kept) > columns) {
    const worst = kept.reduce((max, part) => (part.rank > max.rank ? part : max));
    const others = kept.filter((part) => part !== worst);
    const room = columns - widthOf(others) - GAP.length;
    if (worst.leastColumns !== undefined && room >= worst.leastColumns) {
      return kept.map((part) => (part === worst ? { ...part, text: fitText(part.text, room) } : part));
    }
    kept = others;
  }
  return kept;
}
