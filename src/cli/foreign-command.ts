/** Runs oclif commands that are not ours (`p2p plugins ...`) under our rules for JSON, errors and exit codes. */
import { existsSync } from 'node:fs';
import type { Command } from '@oclif/core/command';
import type { Config } from '@oclif/core/config';
import { P2pError } from '../errors.js';
import { hasFlag } from './argv.js';
import type { ResultFields } from './base-command.js';
import type { Output } from './output.js';
import { pluginInstallArgv } from './plugin-argv.js';
import { toUsageError } from './usage-error.js';

const INSTALL_IDS: ReadonlySet<string> = new Set(['plugins:install', 'plugins:add']);

/**
 * @param rest the words after the command's own
 * @returns what it returned, as fields of a result
 */
export async function runForeignCommand(
  command: Command.Loadable,
  rest: readonly string[],
  config: Config,
  output: Output,
): Promise<ResultFields> {
  const loaded = await command.load();
  const words = INSTALL_IDS.has(command.id) ? pluginInstallArgv(rest, existsSync) : [...rest];
  const argv = withoutJson(words);
  // Its own JSON is the whole of its configuration; ours is what it returns.
  const restore = output.isJson ? divertStdout() : undefined;
  try {
    const returned: unknown = await loaded.run(argv, config);
    return asFields(returned, command.id);
  } catch (error) {
    throw asPluginError(error);
  } finally {
    restore?.();
  }
}

/** Its own words, and those of npm that it starts, are no JSON lines: they go to stderr. */
function divertStdout(): () => void {
  const write = process.stdout.write.bind(process.stdout);
  process.stdout.write = process.stderr.write.bind(process.stderr);
  return () => {
    process.stdout.write = write;
  };
}

function withoutJson(words: readonly string[]): string[] {
  return hasFlag(words, '--json') ? words.filter((word) => word !== '--json') : [...words];
}

/** Its errors with oclif's exit codes, except for usage, become ours. */
function asPluginError(error: unknown): unknown {
  const known = toUsageError(error);
  if (known === undefined || known === 'exit' || (error as { parse?: unknown }).parse !== undefined) return error;
  return new P2pError('P2P_PLUGIN_INVALID', known.message, known.details, error);
}

/** Plugin objects refer to one another in circles; name, version and place are what a script wants. */
function asFields(returned: unknown, commandId: string): ResultFields {
  if (!Array.isArray(returned)) return {};
  const plugins = (returned as readonly Record<string, unknown>[]).filter(
    ({ type }) => commandId !== 'plugins' || type === 'user' || type === 'link',
  );
  return {
    plugins: plugins.map((plugin) => ({
      name: plugin['name'],
      version: plugin['version'],
      type: plugin['type'],
      root: plugin['root'],
    })),
  };
}
