/** Piece indices for people: `3, 7-9, 20`. */
import { formatCount } from '../units.js';

const MOST_RANGES = 12;

/**
 * Ascending indices as ranges, at most a dozen of them.
 * @param indices ascending, no repeats; may be only the first part of all
 * @param totalCount how many there are in all; the rest is counted at the end
 */
export function formatPieces(indices: readonly number[], totalCount: number = indices.length): string {
  const ranges = toRanges(indices);
  const shown = ranges.slice(0, MOST_RANGES);
  const shownCount = shown.reduce((sum, [first, last]) => sum + last - first + 1, 0);
  const texts = shown.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`));
  const rest = totalCount - shownCount;
  return rest > 0 ? `${texts.join(', ')} and ${rest} more` : texts.join(', ');
}

/** `480 pieces`, `1 piece`, `2 peers`: with the plural that the number wants. */
export function countOf(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;
}

function toRanges(indices: readonly number[]): [first: number, last: number][] {
  const ranges: [number, number][] = [];
  for (const index of indices) {
    const open = ranges.at(-1);
    if (open && open[1] === index - 1) open[1] = index;
    else ranges.push([index, index]);
  }
  return ranges;
}
