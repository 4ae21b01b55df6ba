/**
 * Every tunable, once: default, range, unit and what it costs. Flags, their `--help` and docs/options.md come from here,
 * and `checkOptions` is the one place that says no.
 */
import { OptionError } from './errors.js';

/** A whole-number tunable. */
export interface IntegerOption {
  readonly default: number;
  readonly min: number;
  readonly max: number;
  readonly unit: string;
  /** What it does, and what more of it costs. One or two sentences. */
  readonly doc: string;
}

export const OPTIONS = {
  port: {
    default: 9000,
    min: 0,
    max: 65_535,
    unit: 'TCP port',
    doc: 'Port that other peers connect to; 0 takes any free one. The default moves on when taken, an explicit one is an error.',
  },
  portCount: {
    default: 1,
    min: 1,
    max: 64,
    unit: 'ports',
    doc: 'Open this many ports from --port on, each in another worker thread, for seeders of many fast peers.',
  },
  trackerPort: {
    default: 9999,
    min: 0,
    max: 65_535,
    unit: 'port',
    doc: 'Port of the tracker, over TCP and UDP.',
  },
  dhtPort: {
    default: 6881,
    min: 0,
    max: 65_535,
    unit: 'UDP port',
    doc: 'Port of a DHT node that runs by itself; 0 takes any free one. A peer that uses the DHT does so on the UDP port of the number of its --port.',
  },
  workerThreads: {
    default: 1,
    min: 1,
    max: 64,
    unit: 'threads',
    doc: 'Threads that hold connections, hash pieces and read and write files. Each costs about 10 MiB. When left out: one less than there are cores, at least 1 and at most 4.',
  },
  uploadSlots: {
    default: 8,
    min: 1,
    max: 500,
    unit: 'peers',
    doc: 'Peers that are served at once for each torrent (BEP 3, choking). More slots give each peer less.',
  },
  maxPeers: {
    default: 80,
    min: 1,
    max: 2_000,
    unit: 'connections',
    doc: 'Most connections of one torrent. Each costs a socket and, while it is served, up to 1 MiB.',
  },
  memoryMiB: {
    default: 64,
    min: 16,
    max: 16_384,
    unit: 'MiB',
    doc: 'Memory for blocks on their way to and from disk, for all threads together; when it is full, sockets wait.',
  },
  openFiles: {
    default: 128,
    min: 4,
    max: 10_000,
    unit: 'files',
    doc: 'Files kept open for each worker thread; the least recently used is closed.',
  },
} as const satisfies Record<string, IntegerOption>;

export type OptionName = keyof typeof OPTIONS;

/**
 * A checked value of a tunable.
 * @param value undefined takes the default
 * @throws {P2P_OPTION_INVALID} when it is no whole number in the option's range
 */
export function checkOption(name: OptionName, value: number | undefined): number {
  const option: IntegerOption = OPTIONS[name];
  if (value === undefined) return option.default;
  if (!Number.isInteger(value) || value < option.min || value > option.max) {
    throw new OptionError(`${flagName(name)} ${value} is not a whole number from ${option.min} to ${option.max}`, {
      name,
      value,
    });
  }
  return value;
}

/** `uploadSlots` → `--upload-slots`. */
export function flagName(name: OptionName): string {
  return `--${name.replace(/MiB$/, '-mib').replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
