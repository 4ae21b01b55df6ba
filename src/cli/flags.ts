/** The flags of all commands, each made once: ranges, units and defaults come from `options.ts`. */
import { readFileSync } from 'node:fs';
import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import type { FileChoice } from '../engine/engine-types.js';
import { OptionError } from '../errors.js';
import { OPTIONS, type IntegerOption, type OptionName } from '../options.js';
import { parseDurationMs, parseRateBytesPerSec, parseSizeBytes } from '../units.js';

/** Of every command. */
export const globalFlags = {
  json: Flags.boolean({
    description: 'Print JSON lines (docs/command-line.md) instead of text.',
    helpGroup: 'GLOBAL',
    default: false,
  }),
  help: Flags.boolean({ char: 'h', description: 'Show this help.', helpGroup: 'GLOBAL', default: false }),
};

const stateFlag = Flags.string({
  description: `Folder of the state database [default: the user's data folder].`,
  env: 'P2P_STATE',
  helpValue: 'DIR',
  helpGroup: 'GLOBAL',
});

/** Of commands that keep or read state. */
export const stateFlags = { state: stateFlag };

/** Where trackers are. */
export const trackerFlags = {
  'tracker-host': Flags.string({
    char: 'i',
    description: 'Host of a tracker, for http://HOST:PORT/announce.',
    helpValue: 'HOST',
    helpGroup: 'TRACKER',
  }),
  'tracker-port': integerFlag('trackerPort', { char: 'd', helpGroup: 'TRACKER', min: 1 }),
  tracker: Flags.string({
    description: 'Announce URL of a tracker; may be given several times.',
    helpValue: 'URL',
    helpGroup: 'TRACKER',
    multiple: true,
    multipleNonGreedy: true,
  }),
};

/** Of commands that publish. */
export const publishFlags = {
  ...trackerFlags,
  token: tokenFlag('File that holds the secret for publishing; P2P_TOKEN may hold the secret itself.', 'TRACKER'),
};

/** Of commands that talk to peers. */
export const peerFlags = {
  port: integerFlag('port', { char: 'p', helpGroup: 'NETWORK' }),
  'port-count': integerFlag('portCount', { helpGroup: 'NETWORK' }),
  bind: Flags.string({
    description:
      'Local address, IPv4 or IPv6, to listen on, and to reach peers and trackers from [default: all, as the system chooses].',
    helpValue: 'ADDRESS',
    helpGroup: 'NETWORK',
  }),
  lsd: Flags.boolean({
    description: 'Find peers in the local network without a tracker (BEP 14); not for private torrents.',
    env: 'P2P_LSD',
    helpGroup: 'NETWORK',
    allowNo: true,
    default: true,
  }),
  dht: Flags.boolean({
    description:
      'Find peers in the DHT (BEP 5); not for private torrents [default: unless a tracker is in the local network].',
    env: 'P2P_DHT',
    helpGroup: 'NETWORK',
    allowNo: true,
  }),
  'dht-bootstrap': hostPortFlag('Node to enter the DHT by, instead of the public ones; may be given several times.'),
  'upload-limit': rateFlag('Most bytes a second sent to peers, all together: 10M, 500K.'),
  'max-peers': integerFlag('maxPeers', { helpGroup: 'NETWORK' }),
  'upload-slots': integerFlag('uploadSlots', { helpGroup: 'NETWORK' }),
  'worker-threads': integerFlag('workerThreads', { helpGroup: 'NETWORK' }),
  'memory-mib': integerFlag('memoryMiB', { helpGroup: 'NETWORK' }),
  'open-files': integerFlag('openFiles', { helpGroup: 'NETWORK' }),
};

/** How to seed, and when that is enough. */
export const seedLimitFlags = {
  'super-seeding': Flags.boolean({
    description: 'As the only seed of a crowd, show each piece to one peer at first (BEP 16).',
    allowNo: true,
    default: true,
    helpGroup: 'NETWORK',
  }),
  'seed-ratio': Flags.custom<number>({
    description:
      'Stop seeding when this many times the size was sent in this run: 1.5. With a download, go on until then.',
    helpValue: 'N',
    helpGroup: 'NETWORK',
    parse: async (text) => parseSeedRatio(text),
  })(),
  'seed-time': Flags.custom<number>({
    description: 'Stop seeding after so long: 30m, 2h. With a download, go on until then.',
    helpValue: 'TIME',
    helpGroup: 'NETWORK',
    parse: async (text) => parseDurationMs(text),
  })(),
};

/** `--sequential`. */
export const sequentialFlag = Flags.boolean({
  description: 'Fetch pieces in order, to play while loading; what is rare goes on being spread beside it.',
});

/** Of commands that receive. */
export const downloadLimitFlags = {
  'web-seeds': Flags.boolean({
    description: 'Fetch also from the web servers that the torrent names.',
    allowNo: true,
    default: true,
    helpGroup: 'NETWORK',
  }),
  'download-limit': rateFlag('Most bytes a second taken from peers, all together: 10M, 500K.'),
};

/** Of commands that hash pieces. */
export const hashingFlags = {
  'hash-plugin': Flags.string({
    description: 'Module with further hash algorithms, for this run: a package, a file or a folder.',
    helpValue: 'MODULE',
    multiple: true,
    multipleNonGreedy: true,
    helpGroup: 'HASHING',
  }),
};

/** Of commands that check pieces. */
export const verifyingFlags = {
  ...hashingFlags,
  'verify-with': Flags.string({
    description: 'Hash algorithm to check pieces with, or "all" [default: the best that the torrent carries].',
    helpValue: 'NAME',
    helpGroup: 'HASHING',
  }),
};

/** Of commands that build a torrent. */
export const torrentFlags = {
  'piece-length': Flags.custom<number>({
    description: 'Bytes of a piece: a power of two from 128 to 64M [default: by size].',
    helpValue: 'SIZE',
    helpGroup: 'TORRENT',
    parse: async (text) => parseSizeBytes(text),
  })(),
  hash: Flags.custom<readonly string[]>({
    description: 'Hash algorithms of the torrent, with commas between [default: blake3,sha1].',
    helpValue: 'LIST',
    helpGroup: 'TORRENT',
    parse: async (text) => parseHashList(text),
  })(),
};

/** Which pieces a seeder pretends not to have. */
export const maskFlags = {
  missing: Flags.custom<readonly number[]>({
    char: 'm',
    description: 'Pieces that are not offered: indices from 0 and ranges, such as 1 2 10-19.',
    helpValue: 'N',
    helpGroup: 'MASK',
    multiple: true,
    multipleNonGreedy: true,
    parse: async (text) => parsePieces(text),
  })(),
  from: shareFlag('Offer only pieces from this share of the file on, 0 to 1. Short: -r1.'),
  to: shareFlag('Offer only pieces before this share of the file, 0 to 1. Short: -r2.'),
};

/** `--files`: which files of a folder. */
export const filesFlag = Flags.custom<readonly FileChoice[]>({
  description:
    'Fetch only these files of a folder: a glob such as *.flac or "music/**" (in quotes; ! in front takes away), or ' +
    'places in the list of "p2p show", such as 0,4-6. May be given several times.',
  helpValue: 'GLOB',
  multiple: true,
  multipleNonGreedy: true,
  parse: async (text) => parseFileChoice(text),
})();

/** `--timeout`. */
export const timeoutFlag = Flags.custom<number>({
  description: 'Give up when no new piece was verified for so long: 30s, 5m [default: never].',
  helpValue: 'TIME',
  parse: async (text) => parseDurationMs(text),
})();

export const TARGET_DESCRIPTION =
  'A .torrent file, magnet link, info hash, URL, or name in the catalogue (name:NAME forces that).';

/** A word that names a torrent. Never read from stdin: a peer in the background must not touch it. */
export function targetArg() {
  return Args.string({ required: true, ignoreStdin: true, description: TARGET_DESCRIPTION });
}

/** A secret is named by its file and never an argument itself: process lists show those. */
export function tokenFlag(description: string, helpGroup?: string) {
  return Flags.string({ description, helpValue: 'FILE', ...(helpGroup === undefined ? {} : { helpGroup }) });
}

/** The `parse` of `--output`: an empty word would mean the working directory, which nobody asked for. */
export async function parseOutputPath(text: string): Promise<string> {
  if (text === '') throw new OptionError('an empty path names no place to write to');
  return text;
}

/**
 * A flag of a tunable in `options.ts`: its range stands there. Checked here, since a flag may have another name there.
 * @param settings.min where this flag takes less than the tunable
 */
export function integerFlag(
  name: OptionName,
  settings: {
    readonly char?: 'p' | 'd';
    readonly helpGroup?: string;
    readonly description?: string;
    readonly min?: number;
  } = {},
) {
  const { min = OPTIONS[name].min, ...look } = settings;
  const option: IntegerOption = OPTIONS[name];
  const range = `${option.unit}, ${min} to ${option.max}; default ${option.default}`;
  return Flags.custom<number>({
    ...look,
    description: `${look.description ?? option.doc} [${range}]`,
    helpValue: 'N',
    parse: async (text) => {
      const value = /^\d+$/.test(text) ? Number(text) : NaN;
      if (!(value >= min && value <= option.max)) {
        throw new OptionError(`'${text}' is not a whole number from ${min} to ${option.max}`);
      }
      return value;
    },
  })();
}

/**
 * The secret for publishing: from the file that `--token` names, else from `P2P_TOKEN`.
 * @throws {P2P_OPTION_INVALID} when the file cannot be read or is empty; never shows what it holds
 */
export function readToken(file: string | undefined, env: NodeJS.ProcessEnv = process.env): string | undefined {
  if (file === undefined) return env['P2P_TOKEN'] || undefined;
  let token: string;
  try {
    token = readFileSync(file, 'utf8').trim();
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? 'unreadable';
    throw new OptionError(`the file that --token names cannot be read (${reason})`);
  }
  if (token === '') throw new OptionError('the file that --token names is empty');
  return token;
}

/**
 * `7` or `3-9`, from a flag.
 * @throws {P2P_OPTION_INVALID}
 */
export function parsePieces(text: string): number[] {
  const match = /^(\d{1,15})(?:-(\d{1,15}))?$/.exec(text.trim());
  if (!match) throw new OptionError(`'${text}' is neither a piece index nor a range such as 10-19`);
  const first = Number(match[1]);
  const last = match[2] === undefined ? first : Number(match[2]);
  if (last < first) throw new OptionError(`the range ${text} runs backwards`);
  if (last - first >= MOST_PIECES) throw new OptionError(`the range ${text} holds more pieces than any torrent`);
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

/**
 * `*.flac`, or places in the list of files as BEP 53 writes them: `0,4-6`.
 * @throws {P2P_OPTION_INVALID} for a range that runs backwards, and for an empty word
 */
export function parseFileChoice(text: string): FileChoice[] {
  if (text === '') throw new OptionError('an empty word names no file');
  if (!/^\d{1,9}(?:-\d{1,9})?(?:,\d{1,9}(?:-\d{1,9})?)*$/.test(text)) return [{ type: 'glob', glob: text }];
  return text.split(',').map((part) => {
    const [first = 0, last = first] = part.split('-').map(Number);
    if (last < first) throw new OptionError(`the range ${part} runs backwards`);
    return { type: 'range', first, last };
  });
}

function parseSeedRatio(text: string): number {
  if (!/^\d{1,6}(?:\.\d{1,6})?$/.test(text)) throw new OptionError(`'${text}' is not a ratio such as 1.5`);
  return Number(text);
}

/** The 16 MiB of a .torrent hold fewer digests than this. */
const MOST_PIECES = 1_048_576;

function parseHashList(text: string): string[] {
  const names = text.split(',').map((name) => name.trim().toLowerCase());
  if (names.some((name) => name === '')) throw new OptionError(`'${text}' is not a list such as blake3,sha1`);
  return [...new Set(names)];
}

function shareFlag(description: string) {
  return Flags.custom<number>({
    description,
    helpValue: 'F',
    helpGroup: 'MASK',
    parse: async (text) => {
      const share = Number(text);
      if (text.trim() === '' || !(share >= 0 && share <= 1))
        throw new OptionError(`'${text}' is not a share from 0 to 1`);
      return share;
    },
  })();
}

/** A host with a port. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** Any number of `HOST:PORT`. */
export function hostPortFlag(description: string, helpGroup = 'NETWORK') {
  return Flags.custom<HostPort>({
    description,
    helpValue: 'HOST:PORT',
    helpGroup,
    multiple: true,
    multipleNonGreedy: true,
    parse: async (text) => parseHostPort(text),
  })({ multiple: true });
}

/**
 * `host:port`, `10.0.0.1:6881`, `[2001:db8::1]:6881`.
 * @throws {P2P_OPTION_INVALID}
 */
export function parseHostPort(text: string): HostPort {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^\s:/?#@[\]]+)):(\d{1,5})$/i.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || !(port >= 1 && port <= 65_535)) {
    throw new OptionError(`'${text}' is not HOST:PORT, such as 192.168.1.5:6881`);
  }
  return { host, port };
}

function rateFlag(description: string) {
  return Flags.custom<number>({
    description,
    helpValue: 'RATE',
    helpGroup: 'NETWORK',
    parse: async (text) => parseRateBytesPerSec(text),
  })();
}
