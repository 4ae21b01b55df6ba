/** Sizes, rates and durations: from what people type to numbers, and back. */
import { OptionError } from './errors.js';

const KIB = 1024;
const SIZE_PATTERN = /^(\d+(?:\.\d+)?)\s*(?:([kmgt])?(?:i?b)?)$/i;
const SIZE_FACTORS = { k: KIB, m: KIB ** 2, g: KIB ** 3, t: KIB ** 4 } as const;
const DURATION_PATTERN = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?$/i;
const DURATION_FACTORS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/**
 * A size as people type it: `16384`, `256K`, `1M`, `1.5G`. K, M, G, T are powers of 1024.
 * @returns whole bytes
 * @throws {P2P_OPTION_INVALID} when the text is no size, or past 2^53
 */
export function parseSizeBytes(text: string): number {
  const match = SIZE_PATTERN.exec(text.trim());
  if (!match) throw new OptionError(`'${text}' is not a size; write for example 16384, 256K or 1M`);
  const unit = match[2]?.toLowerCase() as keyof typeof SIZE_FACTORS | undefined;
  const sizeBytes = Math.round(Number(match[1]) * (unit ? SIZE_FACTORS[unit] : 1));
  if (!Number.isSafeInteger(sizeBytes)) throw new OptionError(`size '${text}' is too large`);
  return sizeBytes;
}

/**
 * A rate as people type it: `10M`, `500K`, `10M/s`: bytes a second.
 * @throws {P2P_OPTION_INVALID} when the text is no rate, or less than 1 KiB a second
 */
export function parseRateBytesPerSec(text: string): number {
  const sizeText = text.trim().replace(/\/s$|ps$/i, '');
  const rateBytesPerSec = parseSizeBytes(sizeText);
  if (rateBytesPerSec < KIB) {
    throw new OptionError(`rate '${text}' is below the least, 1K (1,024 bytes a second)`);
  }
  return rateBytesPerSec;
}

/**
 * A duration as people type it: `30s`, `500ms`, `2m`, `1h`; a bare number is seconds.
 * @throws {P2P_OPTION_INVALID} when the text is no duration, or zero
 */
export function parseDurationMs(text: string): number {
  const match = DURATION_PATTERN.exec(text.trim());
  if (!match) throw new OptionError(`'${text}' is not a duration; write for example 30s, 500ms or 2m`);
  const unit = (match[2]?.toLowerCase() ?? 's') as keyof typeof DURATION_FACTORS;
  const durationMs = Math.round(Number(match[1]) * DURATION_FACTORS[unit]);
  if (durationMs <= 0 || !Number.isSafeInteger(durationMs)) {
    throw new OptionError(`duration '${text}' must be more than 0`);
  }
  return durationMs;
}

/**
 * `1234567` → `1,234,567`. Without `toLocaleString`, whose first call costs a process 30 ms, for it loads the
 * tables of all languages.
 * @param count a whole number
 */
export function formatCount(count: number): string {
  return String(count).replace(/\B(?=(?:\d{3})+$)/g, ',');
}

/** `1536` → `1.5 KiB`: at most one decimal, binary units. */
export function formatSize(sizeBytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let value = sizeBytes;
  let unit = 0;
  while (value >= 999.95 && unit < units.length - 1) {
    value /= KIB;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 ? value.toFixed(0) : value.toFixed(1).replace(/\.0$/, '');
  return `${digits} ${units[unit] ?? 'B'}`;
}

/** `1048576` → `1 MiB/s`. */
export function formatRate(rateBytesPerSec: number): string {
  return `${formatSize(Math.round(rateBytesPerSec))}/s`;
}

/** `95000` → `1m 35s`; below ten seconds with one decimal. */
export function formatDuration(durationMs: number): string {
  if (durationMs < 9_950) return `${(durationMs / 1000).toFixed(1)}s`;
  const seconds = Math.round(durationMs / 1000);
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m ${seconds % 60}s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours}h ${minutes % 60}m`;
  return `${Math.floor(hours / 24)}d ${hours % 24}h`;
}
