/** Rows as a table for the terminal. */
import { isSpread } from './statistics.js';

type Fields = Readonly<Record<string, unknown>>;

/** What stands above the table, however many rows there are. */
const ABOVE = ['benchmark', 'settings', 'versions', 'node', 'machine', 'kernel'];
const FIRST = ['case', 'client'];

/**
 * Columns that are the same in each row stand above the table, a note behind its row.
 * @returns lines, none for no rows
 */
export function formatTable(rows: readonly Fields[]): string[] {
  const [first] = rows;
  if (!first) return [];
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))].filter((name) => name !== 'note');
  const isShared = (name: string): boolean =>
    rows.length > 1 && rows.every((row) => formatCell(row[name]) === formatCell(first[name]));
  const above = names.filter((name) => ABOVE.includes(name) || (!FIRST.includes(name) && isShared(name)));
  const own = names.filter((name) => !above.includes(name));
  const columns = [...FIRST.filter((name) => own.includes(name)), ...own.filter((name) => !FIRST.includes(name))];
  return ['', ...above.map((name) => `${name}: ${formatCell(first[name])}`), '', ...formatRows(columns, rows)];
}

function formatRows(columns: readonly string[], rows: readonly Fields[]): string[] {
  const lines = [columns, ...rows.map((row) => columns.map((name) => formatCell(row[name])))];
  const widths = columns.map((_, index) => Math.max(...lines.map((line) => line[index]?.length ?? 0)));
  return lines.map((line, at) => {
    const cells = line.map((text, index) => {
      const width = widths[index] ?? 0;
      return FIRST.includes(columns[index] ?? '') ? text.padEnd(width) : text.padStart(width);
    });
    return [...cells, formatCell(rows[at - 1]?.['note'])].join('  ').trimEnd();
  });
}

/** `1.91 (1.85 to 2.30)` for a spread. */
export function formatCell(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (isSpread(value)) {
    return value.min === value.max ? `${value.median}` : `${value.median} (${value.min} to ${value.max})`;
  }
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
