/** The tables of docs/interoperability.md, made of what the tests of the matrix recorded. */
import type { CellResult, RecordedCell } from './matrix.js';

export const START_MARK = '<!-- What follows is written by `npm run interop`. -->';

/**
 * A table a section, in the order of the cells: rows are what was tried, columns with whom. What clients cannot do is
 * explained below.
 */
export function matrixTables(cells: readonly RecordedCell[]): string {
  const sections = [...new Set(cells.map(({ section }) => section))];
  return sections.map((section) => sectionTable(section, cells)).join('\n');
}

/** The page with new tables in the place of the old ones. */
export function withTables(page: string, tables: string): string {
  const at = page.indexOf(START_MARK);
  if (at < 0) throw new Error(`the page has no line ${START_MARK}`);
  return `${page.slice(0, at)}${START_MARK}\n\n${tables}`;
}

function sectionTable(section: string, all: readonly RecordedCell[]): string {
  const cells = all.filter((cell) => cell.section === section);
  const columns = [...new Set(cells.map(({ column }) => column))];
  const rows = [...new Set(cells.map(({ row }) => row))];
  const notes: string[] = [];
  const lines = rows.map((row) => {
    const texts = columns.map((column) => {
      const cell = cells.findLast((each) => each.row === row && each.column === column);
      return cellText(cell?.result, notes);
    });
    return `| ${row} | ${texts.join(' | ')} |`;
  });
  return [
    `### ${section}`,
    '',
    `| what | ${columns.join(' | ')} |`,
    `| --- |${' --- |'.repeat(columns.length)}`,
    ...lines,
    '',
    ...notes.map((note, at) => `${at + 1}. ${note}`),
    ...(notes.length > 0 ? [''] : []),
  ].join('\n');
}

/** Adds to `notes` what needs more words than fit into a cell. */
function cellText(result: CellResult | undefined, notes: string[]): string {
  switch (result?.type) {
    case undefined:
      return '';
    case 'worked':
      return `${result.seconds.toFixed(1)} s`;
    case 'skipped':
      return 'not tried';
    case 'failed':
      return `**failed** (${noteNumber(result.message.split('\n', 1)[0] ?? '', notes)})`;
    case 'impossible':
      return `no (${noteNumber(result.why, notes)})`;
  }
}

function noteNumber(note: string, notes: string[]): number {
  const known = notes.indexOf(note);
  return known < 0 ? notes.push(note) : known + 1;
}
