/** Turns oclif's parse errors, which carry its whole configuration, into ours. */
import type { P2pError } from '../errors.js';
import { OptionError } from '../errors.js';
import { closest } from './edit-distance.js';
import { printable } from './printable.js';

/** What oclif's errors have in common with the parts that we read. */
interface OclifError extends Error {
  readonly oclif?: { readonly exit?: number | false };
  readonly code?: string;
  readonly flags?: readonly string[];
  readonly args?: readonly { readonly name?: string; readonly description?: string }[] | readonly string[];
  readonly parse?: { readonly input?: { readonly flags?: Record<string, unknown> } };
}

/**
 * @returns ours; `exit` for a plain request to end; undefined when the error is not oclif's
 */
export function toUsageError(thrown: unknown): P2pError | 'exit' | undefined {
  if (!(thrown instanceof Error)) return undefined;
  const error: OclifError = thrown;
  if (error.code === 'EEXIT') return 'exit';
  // Told apart by what they carry: a bundler renames classes, and a plugin brings another copy of oclif.
  if (error.parse !== undefined && error.flags !== undefined) return unknownFlags(error);
  if (error.parse !== undefined && error.args !== undefined) {
    return error.message.startsWith('Unexpected') ? tooManyWords(error) : missingWords(error);
  }
  return error.oclif === undefined ? undefined : usage(error.message);
}

/** The message without oclif's frame: `Parsing --port \n\tREASON\nSee more help with --help`. */
export function stripOclifFrame(message: string): string {
  return message
    .replace(/^Parsing --([\w-]+)\s*\n\t/, '--$1: ')
    .replace(/^Flag --/, '--')
    .replace(/\n*See more help with --help\s*$/, '')
    .trim();
}

function unknownFlags(error: OclifError): P2pError {
  const [flag = ''] = error.flags ?? [];
  const name = flag.split('=')[0] ?? flag;
  const known = Object.keys(error.parse?.input?.flags ?? {}).map((each) => `--${each}`);
  const meant = closest(name, known);
  const hint = meant === undefined ? '' : `. Did you mean ${meant}?`;
  return new OptionError(`there is no flag ${printable(name)}${hint}`, { flags: error.flags ?? [] }, 'P2P_USAGE');
}

function missingWords(error: OclifError): P2pError {
  const names = (error.args ?? []).map((arg) => (typeof arg === 'string' ? arg : (arg.name ?? '')).toUpperCase());
  return new OptionError(
    `${names.join(' and ')} ${names.length === 1 ? 'is' : 'are'} missing`,
    { missing: names },
    'P2P_USAGE',
  );
}

function tooManyWords(error: OclifError): P2pError {
  const words = (error.args ?? []).map((arg) => printable(typeof arg === 'string' ? arg : (arg.name ?? '')));
  const shown = words.map((word) => `'${word}'`).join(', ');
  return new OptionError(`unexpected ${words.length === 1 ? 'word' : 'words'} ${shown}`, { words }, 'P2P_USAGE');
}

function usage(message: string): P2pError {
  return new OptionError(stripOclifFrame(message), {}, 'P2P_USAGE');
}
