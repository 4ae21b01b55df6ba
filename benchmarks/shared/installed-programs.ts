/** Other programs to compare with: whether they are on this machine, in which version, and how they get there. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export type ProgramName = keyof typeof PROGRAMS;

export interface InstalledProgram {
  readonly name: ProgramName;
  /** Undefined where it is not installed. */
  readonly version: string | undefined;
  /** The note of a row whose program is missing. */
  readonly missingNote: string;
}

interface Probe {
  readonly command: readonly [string, ...string[]];
  /** Its first group is the version, in stdout or stderr. */
  readonly version: RegExp;
  readonly packages: string;
}

/** python3-libtorrent belongs to the Python of the system, whichever comes first on the path. */
export const SYSTEM_PYTHON = '/usr/bin/python3';

const PROGRAMS = {
  libtorrent: {
    command: [SYSTEM_PYTHON, '-c', 'import libtorrent; print(libtorrent.__version__)'],
    version: /^([\d.]+)$/m,
    packages: 'python3-libtorrent',
  },
  aria2: { command: ['aria2c', '--version'], version: /aria2 version (\S+)/, packages: 'aria2' },
  transmission: {
    command: ['transmission-cli', '--version'],
    version: /transmission-cli (\S+)/,
    packages: 'transmission-cli',
  },
  rtorrent: { command: ['rtorrent', '-h'], version: /client version (\S+?)\.?$/m, packages: 'rtorrent' },
  nginx: { command: ['nginx', '-v'], version: /nginx\/(\S+)/, packages: 'nginx-light' },
  curl: { command: ['curl', '--version'], version: /^curl (\S+)/, packages: 'curl' },
  mktorrent: { command: ['mktorrent', '-h'], version: /mktorrent (\S+)/, packages: 'mktorrent' },
  b3sum: { command: ['b3sum', '--version'], version: /b3sum (\S+)/, packages: 'b3sum' },
} as const satisfies Readonly<Record<string, Probe>>;

export function findProgram(name: ProgramName): InstalledProgram {
  const { command, version, packages }: Probe = PROGRAMS[name];
  const [program, ...args] = command;
  const { stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', timeout: 10_000 });
  // Neither is there when the program is not.
  const said = `${stdout as string | null}\n${stderr as string | null}`;
  return { name, version: version.exec(said)?.[1], missingNote: `not installed: apt-get install ${packages}` };
}

/** Name → version of those that are installed. */
export function versionsOf(
  programs: readonly { readonly name: string; readonly version: string | undefined }[],
): Record<string, string> {
  const versions: Record<string, string> = {};
  for (const { name, version } of programs) if (version !== undefined) versions[name] = version;
  return versions;
}

/** Our own version. */
export function ourVersion(): string {
  const file = fileURLToPath(new URL('../../../package.json', import.meta.url));
  return packageVersion(file) ?? 'unknown';
}

/** @param folder whose `node_modules` may hold it. @returns undefined when it does not */
export function moduleVersion(folder: string, name: string): string | undefined {
  return packageVersion(path.resolve(folder, 'node_modules', name, 'package.json'));
}

function packageVersion(file: string): string | undefined {
  if (!existsSync(file)) return undefined;
  return (JSON.parse(readFileSync(file, 'utf8')) as { readonly version: string }).version;
}
