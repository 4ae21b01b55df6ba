/** Tables that fit the terminal. */
import { displayWidth, fitText, padText } from './display-width.js';

export interface Column {
  readonly title: string;
  readonly align?: 'left' | 'right';
  /** May be cut with `…` when the table is too wide; the others keep their width. */
  readonly shrinks?: boolean;
  /** Left out as a whole when the table is still too wide; the highest number goes first. */
  readonly dropOrder?: number;
}

const GAP = '  ';
const LEAST_SHRUNK_COLUMNS = 8;

/**
 * Rows under their titles, at most `columns` wide where the columns allow it.
 * @param rows printable texts, one for each of `shape`
 */
export function renderTable(
  shape: readonly Column[],
  rows: readonly (readonly string[])[],
  columns: number,
  decorateTitle: (title: string) => string = (title) => title,
): string[] {
  let kept = shape.map((column, index) => ({ column, index, width: naturalWidth(column, index, rows) }));
  const least = (list: typeof kept): number =>
    list.reduce(
      (sum, { column, width }) => sum + (column.shrinks ? Math.min(width, LEAST_SHRUNK_COLUMNS) : width) + GAP.length,
      -GAP.length,
    );
  while (least(kept) > columns) {
    const droppable = kept.filter(({ column }) => column.dropOrder !== undefined);
    const victim = droppable.toSorted((a, b) => (b.column.dropOrder ?? 0) - (a.column.dropOrder ?? 0))[0];
    if (!victim) break;
    kept = kept.filter((each) => each !== victim);
  }
  for (const each of kept) {
    if (!each.column.shrinks) continue;
    const excess = kept.reduce((sum, { width }) => sum + width + GAP.length, -GAP.length) - columns;
    if (excess > 0) each.width = Math.max(Math.min(each.width, LEAST_SHRUNK_COLUMNS), each.width - excess);
  }
  const line = (cells: readonly string[]): string =>
    kept
      .map(({ column, index, width }) => padText(fitText(cells[index] ?? '', width), width, sideOf(column)))
      .join(GAP)
      .trimEnd();
  return [decorateTitle(line(shape.map(({ title }) => title))), ...rows.map(line)];
}

function naturalWidth(column: Column, index: number, rows: readonly (readonly string[])[]): number {
  return rows.reduce((widest, row) => Math.max(widest, displayWidth(row[index] ?? '')), displayWidth(column.title));
}

function sideOf(column: Column): 'left' | 'right' {
  return column.align === 'right' ? 'right' : 'left';
}
