/** The figures of a benchmark as a page of Markdown, which is published beside its charts. */
import type { Row } from './report.js';
import type { Results } from './result-file.js';
import { formatCell } from './result-table.js';

/** What is the same for each row of a run. */
const OF_RUN = ['machine', 'kernel', 'node', 'versions', 'settings', 'at'];
const NO_FIGURE = ['benchmark', 'case', 'client', 'note', ...OF_RUN];

/** A table for each case, with what it was measured on. */
export function formatPage({ benchmark, rows }: Results): string {
  const cases = [...new Set(rows.map((row) => row.case))];
  const head = `# Figures of \`npm run bench -- ${benchmark}\`\n\nWritten by \`--publish\`; medians, with least and most.\n`;
  return [
    head,
    ...cases.map((name) =>
      formatCase(
        name,
        rows.filter((row) => row.case === name),
      ),
    ),
  ].join('\n');
}

function formatCase(name: string, rows: readonly Row[]): string {
  const figures = [...new Set(rows.flatMap((row) => Object.keys(row)))].filter((key) => !NO_FIGURE.includes(key));
  const hasClients = rows.some(({ client }) => client !== undefined);
  const hasNotes = rows.some(({ note }) => note !== undefined);
  const columns = [...(hasClients ? ['client'] : []), ...figures, ...(hasNotes ? ['note'] : [])];
  const lines = [columns, columns.map(() => '---'), ...rows.map((row) => columns.map((key) => formatCell(row[key])))];
  const table = lines.map((cells) => `| ${cells.map(escapeCell).join(' | ')} |`);
  const about = OF_RUN.flatMap((key) => (rows[0]?.[key] === undefined ? [] : [`${key} ${formatCell(rows[0][key])}`]));
  return `## ${name}\n\n${table.join('\n')}\n\nMeasured with: ${about.join('; ')}.\n`;
}

function escapeCell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '&lt;');
}
