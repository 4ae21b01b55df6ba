/** Medians and spread of a few runs, and what they were measured on. */
import { cpus } from 'node:os';

/**
 * The median: the middle one, or the mean of the two in the middle.
 * @param values at least one
 */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >>> 1;
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2;
}

/** `1.91 (1.85 to 2.30)`: the median, and the least and the greatest of the runs. */
export function withSpread(values: readonly number[], digits: number): string {
  const [middle, least, most] = [median(values), Math.min(...values), Math.max(...values)].map((value) =>
    value.toFixed(digits),
  );
  return values.length === 1 ? `${middle}` : `${middle} (${least} to ${most})`;
}

/** What belongs to every result. */
export function environment(): { readonly node: string; readonly machine: string } {
  return { node: process.version, machine: `${cpus().length} x ${cpus()[0]?.model.trim() ?? 'unknown'}` };
}
