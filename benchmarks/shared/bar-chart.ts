/**
 * A chart as SVG: horizontal bars of medians with whiskers from least to most, a group for each case. It needs nothing but
 * a browser, and follows its light or dark mode; where that is not known it stands on white.
 */
import type { ChartSpec, Row } from './report.js';
import { isSpread, type Spread } from './statistics.js';

const WIDTH = 800;
const MARGIN = 20;
const TITLE_HEIGHT = 40;
const CASE_HEIGHT = 36;
const ROW_HEIGHT = 22;
const BAR_HEIGHT = 14;
const FOOT_HEIGHT = 34;
/** Where bars begin and where the longest whisker ends; values stand behind. */
const BAR_LEFT = 200;
const BAR_RIGHT = 590;
/** Of text in the chart's size; a label that is longer ends in dots. */
const LABEL_CHARACTERS = 27;
const NOTE_CHARACTERS = 85;

const STYLE = `
  text { font: 12px system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif; fill: #1f2328; }
  .page { fill: #ffffff; }
  .title { font-size: 15px; font-weight: 600; }
  .case { font-weight: 600; }
  .note, .foot { fill: #59636e; }
  .foot { font-size: 11px; }
  .ours { fill: #0969da; }
  .other { fill: #9aa4af; }
  .whisker { stroke: #1f2328; stroke-width: 1.2; fill: none; }
  .bound { stroke: #bc4c00; stroke-width: 2; }
  .axis { stroke: #d1d9e0; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .page { fill: #0d1117; }
    .note, .foot { fill: #9198a1; }
    .ours { fill: #4493f8; }
    .other { fill: #656c76; }
    .whisker { stroke: #e6edf3; }
    .bound { stroke: #f0883e; }
    .axis { stroke: #3d444d; }
  }`;

interface Bar {
  readonly label: string;
  readonly isOurs: boolean;
  readonly value: Spread | undefined;
  readonly bound: number | undefined;
  readonly note: string | undefined;
}

interface Group {
  readonly name: string;
  readonly bars: readonly Bar[];
}

/**
 * @param rows of all cases; one without the figure is shown with its note, and a case in which nobody has it is left out
 * @returns the file's content
 */
export function renderBarChart(spec: ChartSpec, rows: readonly Row[]): string {
  const groups = groupByCase(spec, rows);
  const widest = Math.max(0, ...groups.map(widestOf));
  const parts: string[] = [];
  let y = TITLE_HEIGHT;
  for (const group of groups) {
    const most = spec.isScaledByCase === true ? widestOf(group) : widest;
    parts.push(textAt(MARGIN, y + 24, 'case', group.name));
    y += CASE_HEIGHT;
    for (const bar of group.bars) {
      parts.push(renderBar(bar, y, spec.unit, (value) => BAR_LEFT + (value / (most || 1)) * (BAR_RIGHT - BAR_LEFT)));
      y += ROW_HEIGHT;
    }
    const [top, bottom] = [y - ROW_HEIGHT * group.bars.length, y];
    parts.push(`<path class="axis" d="M${BAR_LEFT} ${top}V${bottom}"/>`);
  }
  const height = y + FOOT_HEIGHT;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img">`,
    `<title>${escapeXml(spec.title)}</title>`,
    `<style>${STYLE}\n</style>`,
    `<rect class="page" width="${WIDTH}" height="${height}" rx="6"/>`,
    textAt(MARGIN, 28, 'title', spec.title),
    ...parts,
    ...renderFoot(spec, rows, height - 14),
    '</svg>\n',
  ].join('\n');
}

function groupByCase({ figure, bound }: ChartSpec, rows: readonly Row[]): Group[] {
  const groups = new Map<string, Bar[]>();
  for (const row of rows) {
    const value = spreadOf(row[figure]);
    if (value === undefined && row.note === undefined) continue;
    const best = bound && row[bound.figure];
    const bar: Bar = {
      label: row.client ?? '',
      isOurs: row.client?.startsWith('p2p') ?? true,
      value,
      bound: value && typeof best === 'number' ? best : undefined,
      note: row.note,
    };
    groups.set(row.case, [...(groups.get(row.case) ?? []), bar]);
  }
  return [...groups].map(([name, bars]) => ({ name, bars })).filter(({ bars }) => bars.some(({ value }) => value));
}

/** A figure that was measured once is a number. */
function spreadOf(value: unknown): Spread | undefined {
  if (isSpread(value)) return value;
  return typeof value === 'number' ? { median: value, min: value, max: value } : undefined;
}

function widestOf({ bars }: Group): number {
  return Math.max(0, ...bars.map(({ value, bound }) => Math.max(value?.max ?? 0, bound ?? 0)));
}

function renderBar(
  { label, isOurs, value, bound, note }: Bar,
  y: number,
  unit: string,
  x: (v: number) => number,
): string {
  const baseline = y + ROW_HEIGHT - 7;
  const name = textAt(BAR_LEFT - 8, baseline, 'label', shorten(label, LABEL_CHARACTERS), 'end');
  if (!value) return `${name}\n${textAt(BAR_LEFT + 8, baseline, 'note', shorten(note ?? '', NOTE_CHARACTERS))}`;
  const [top, middle] = [y + (ROW_HEIGHT - BAR_HEIGHT) / 2, y + ROW_HEIGHT / 2];
  const at = (v: number): string => x(v).toFixed(1);
  const length = (x(value.median) - BAR_LEFT).toFixed(1);
  const whisker = `M${at(value.min)} ${middle - 4}v8M${at(value.min)} ${middle}H${at(value.max)}M${at(value.max)} ${middle - 4}v8`;
  return [
    name,
    `<rect class="${isOurs ? 'ours' : 'other'}" x="${BAR_LEFT}" y="${top}" width="${length}" height="${BAR_HEIGHT}"/>`,
    ...(value.min === value.max ? [] : [`<path class="whisker" d="${whisker}"/>`]),
    ...(bound === undefined ? [] : [`<path class="bound" d="M${at(bound)} ${top - 2}v${BAR_HEIGHT + 4}"/>`]),
    textAt(BAR_RIGHT + 12, baseline, 'value', describe(value, unit)),
  ].join('\n');
}

/** `1.72 s (1.58 to 1.81)`. */
function describe({ median, min, max }: Spread, unit: string): string {
  const number = (value: number): string => value.toLocaleString('en-US', { maximumFractionDigits: 20 });
  return `${number(median)} ${unit}${min === max ? '' : ` (${number(min)} to ${number(max)})`}`;
}

/** On what it was measured, and what the mark means. */
function renderFoot({ bound }: ChartSpec, rows: readonly Row[], y: number): string[] {
  const [first] = rows;
  const where = [first?.['machine'], `Node ${String(first?.['node'])}`].join(', ');
  const foot = [
    textAt(MARGIN, y, 'foot', first ? `Median, whiskers from least to most. ${where}` : 'Nothing was measured.'),
  ];
  if (!bound) return foot;
  return [
    ...foot,
    `<path class="bound" d="M${BAR_RIGHT + 14} ${y - 11}v14"/>`,
    textAt(BAR_RIGHT + 22, y, 'foot', bound.label),
  ];
}

function textAt(x: number, y: number, className: string, text: string, anchor: 'start' | 'end' = 'start'): string {
  const end = anchor === 'end' ? ' text-anchor="end"' : '';
  return `<text x="${x}" y="${y}" class="${className}"${end}>${escapeXml(text)}</text>`;
}

function shorten(text: string, characters: number): string {
  return text.length <= characters ? text : `${text.slice(0, characters - 1)}…`;
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
