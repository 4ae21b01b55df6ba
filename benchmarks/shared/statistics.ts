/** Medians and spread of a few runs, and what they were measured on. */
import { cpus, release, totalmem, type } from 'node:os';

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

/** A figure of several runs, shown as `1.91 (1.85 to 2.30)`. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/**
 * Median and spread, rounded.
 * @param values at least one
 */
export function spread(values: readonly number[], digits: number): Spread {
  const round = (value: number): number => Number(value.toFixed(digits));
  return { median: round(median(values)), min: round(Math.min(...values)), max: round(Math.max(...values)) };
}

export function isSpread(value: unknown): value is Spread {
  return typeof value === 'object' && value !== null && 'median' in value && 'min' in value && 'max' in value;
}

/** What belongs to every result. */
export interface Environment {
  readonly node: string;
  readonly machine: string;
  readonly kernel: string;
}

export function environment(): Environment {
  const gibibytes = Math.round(totalmem() / 1024 ** 3);
  const machine = `${cpus().length} x ${cpus()[0]?.model.trim() ?? 'unknown'}, ${gibibytes} GiB`;
  return { node: process.version, machine, kernel: `${type()} ${release()}` };
}
