/** What `benchmarks/results/NAME.json` holds: of each case the rows of the last run that measured it. */
import type { ChartSpec, Row } from './report.js';

export interface Results {
  readonly benchmark: string;
  readonly charts: readonly ChartSpec[];
  /** Each with settings, versions and machine, and with the time of its run. */
  readonly rows: readonly Row[];
}

/** What one run told. */
export interface RunResults extends Results {
  /** ISO 8601. */
  readonly at: string;
}

/**
 * All rows of a case are of one run, so that what is compared was measured side by side.
 * @param before what the file held, undefined when there was none
 */
export function mergeResults(before: Results | undefined, { benchmark, at, charts, rows }: RunResults): Results {
  const measured = new Map<string, Row[]>();
  for (const { case: name, ...row } of rows) {
    measured.set(name, [...(measured.get(name) ?? []), { case: name, ...row, at }]);
  }
  const isNew = ({ case: name }: Row): boolean => !before?.rows.some((row) => row.case === name);
  // The order of the file stays, so that a case that is measured again does not move.
  const places = [...(before?.rows ?? []), ...rows.filter(isNew)].map((row) => row.case);
  const kept = (name: string): readonly Row[] => before?.rows.filter((row) => row.case === name) ?? [];
  const merged = [...new Set(places)].flatMap((name) => measured.get(name) ?? kept(name));
  const names = new Set(charts.map(({ name }) => name));
  const older = before?.charts.filter(({ name }) => !names.has(name)) ?? [];
  return { benchmark, charts: [...older, ...charts], rows: merged };
}
