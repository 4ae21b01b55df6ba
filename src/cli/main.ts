/** Entry of the `p2p` command, after `bin/run.js`: finds the command, runs it, words its end, exits. */
import type { Config } from '@oclif/core/config';
import { EXIT_CODES } from '../errors.js';
import { hasFlag, hoistCommand, normaliseArgv } from './argv.js';
import type { BaseCommand } from './base-command.js';
import type { CommandClass, ResultFields } from './base-command.js';
import { COMMANDS } from './command-map.js';
import { findCommand, unknownCommand, type CommandLookup } from './command-lookup.js';
import { toFailure, type Failure } from './failure.js';
import { runForeignCommand } from './foreign-command.js';
import { P2pHelp } from './help.js';
import { loadConfig } from './load-config.js';
import { Output } from './output.js';
import { printable } from './printable.js';
import { Interrupted, stopOnClosedPipes } from './stop-signal.js';

export { COMMANDS };

type FoundCommand = Extract<CommandLookup, { type: 'command' }>;

/**
 * Runs a command line and ends the process with its exit code.
 * @param argv the words after `p2p`
 */
export async function main(argv: readonly string[]): Promise<void> {
  const output = new Output(hasFlag(argv, '--json'));
  stopOnClosedPipes();
  const crash = (thrown: unknown): void => {
    process.exit(reportFailure(output, toFailure(thrown, '')));
  };
  process.once('uncaughtException', crash).once('unhandledRejection', crash);
  process.exitCode = await runCommandLine(argv, output);
  await Promise.all([drained(process.stdout), drained(process.stderr)]);
  process.exit();
}

/**
 * The same without ending the process.
 * @returns the exit code
 */
export async function runCommandLine(argv: readonly string[], output: Output): Promise<number> {
  const words = hoistCommand(argv);
  let name = '';
  try {
    const { config, found } = await lookUp(words);
    if (found?.type === 'command') name = found.id.replaceAll(':', ' ');
    if (asksForHelp(found)) await showHelp(config, found?.id, output);
    else output.event('result', await runCommand(config, found, output));
    return EXIT_CODES.complete;
  } catch (error) {
    const failure = toFailure(error, name);
    // Nobody reads any more: the exit code alone tells whether everything was done.
    if (error instanceof Interrupted && !failure) return error.exitCode;
    return reportFailure(output, failure);
  }
}

/** `p2p plugins`, and words that name none of our commands, need the installed plugins to be loaded. */
async function lookUp(words: readonly string[]): Promise<{ config: Config; found: CommandLookup | undefined }> {
  const wanted = words[0] === 'help' ? words.slice(1) : words;
  const isHelp = words[0] === 'help' || wanted.length === 0 || wanted[0] === '--help' || wanted[0] === '-h';
  const ours = Object.keys(COMMANDS);
  const known = findCommand(wanted, ours);
  const runsOurs = words[0] !== 'help' && !asksForHelp(known);
  const mayBeForeign = known === undefined && wanted.some((word) => !word.startsWith('-'));
  const config = await loadConfig(import.meta.url, runsOurs ? 'nothing' : mayBeForeign ? 'plugins' : 'commands');
  const found = known ?? findCommand(wanted, config.commandIDs);
  if (found === undefined && !(isHelp && wanted.every((word) => word.startsWith('-')))) {
    throw unknownCommand(wanted, config.commandIDs);
  }
  return { config, found: words[0] === 'help' && found ? { type: 'topic', id: found.id } : found };
}

function asksForHelp(found: CommandLookup | undefined): found is Exclude<CommandLookup, FoundCommand> | undefined {
  return found?.type !== 'command' || hasFlag(found.rest, '--help', '-h') || isBarePeer(found);
}

/** `p2p peer` without a flag cannot mean anything: it gets the help of its topic. */
function isBarePeer(found: FoundCommand): boolean {
  return found.id === 'peer' && found.rest.every((word) => word === '--json');
}

async function runCommand(config: Config, found: FoundCommand, output: Output): Promise<ResultFields> {
  const ours = (COMMANDS as Readonly<Record<string, unknown>>)[found.id];
  if (ours === undefined) {
    const command = config.findCommand(found.id, { must: true });
    return await runForeignCommand(command, found.rest, config, output);
  }
  const Ours = ours as CommandClass;
  const command: BaseCommand = new Ours(normaliseArgv(found.rest), config, output);
  return await command.execute();
}

async function showHelp(config: Config, id: string | undefined, output: Output): Promise<void> {
  const parts: string[] = [];
  const help = new P2pHelp(config, (text) => parts.push(text));
  await help.showHelp(id === undefined ? [] : id.split(':'));
  const text = parts
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    .trimEnd();
  output.text(text);
  output.event('result', { help: text });
}

/** Says what went wrong, on stderr for people and as the last JSON line for scripts. @returns the exit code */
function reportFailure(output: Output, failure: Failure | undefined): number {
  if (failure === undefined) return EXIT_CODES.complete;
  const { code, message, details, exitCode, advice, stack } = failure;
  output.event('error', { code, message, details, exitCode });
  if (!output.isJson) {
    const style = output.diagnosticStyle;
    const text = message.split('\n').map(printable).join('\n');
    output.diagnostic(`${style.red('Error:')} ${text} ${style.dim(`(${code})`)}`);
    if (advice !== undefined) output.diagnostic(`  ${advice}`);
  }
  if (stack !== undefined && (process.env['P2P_DEBUG'] || process.env['DEBUG'])) output.diagnostic(stack);
  return exitCode;
}

/** Resolves when everything written has left the process, or nobody reads it. */
function drained(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    if (!stream.writable) resolve();
    else stream.write('', () => resolve());
  });
}
