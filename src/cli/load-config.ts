/** oclif's configuration, loaded from a bundle and with no more plugins than needed. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Config } from '@oclif/core/config';
import type { PJSON } from '@oclif/core/interfaces';
import { settings } from '@oclif/core/settings';

const PLUGIN_COMMANDS = '@oclif/plugin-plugins';

/**
 * @param entryUrl `import.meta.url` of the module that exports `COMMANDS`
 * @param contents `nothing` for a command that we make ourselves; `commands` to look at all of ours, at some 25 ms; `plugins`
 *   for `p2p plugins` and the plugins that were installed by it as well, at some 50 ms more
 */
export async function loadConfig(entryUrl: string, contents: 'nothing' | 'commands' | 'plugins'): Promise<Config> {
  const withPlugins = contents === 'plugins';
  const entry = fileURLToPath(entryUrl);
  const { root, pjson } = findPackage(path.dirname(entry));
  // oclif would look for TypeScript sources of the bundle when NODE_ENV is `test` or `development`.
  settings.enableAutoTranspile = false;
  const { commands: _, ...settingsOfOclif } = pjson.oclif;
  const target = path.relative(root, entry);
  const commands = { strategy: 'explicit', target, identifier: 'COMMANDS' } as const;
  const oclif = {
    ...settingsOfOclif,
    ...(contents === 'nothing' ? {} : { commands }),
    plugins: withPlugins ? [PLUGIN_COMMANDS] : [],
  };
  return await Config.load({
    root,
    pjson: { ...pjson, oclif },
    userPlugins: withPlugins,
    devPlugins: false,
  });
}

/** Our package.json lies one level above `dist/`, whose own has no name, and three above the output of `tsc`. */
function findPackage(folder: string): { readonly root: string; readonly pjson: PJSON } {
  for (let root = folder; ; root = path.dirname(root)) {
    const text = readIfThere(path.join(root, 'package.json'));
    const pjson = text === undefined ? undefined : (JSON.parse(text) as PJSON | { readonly name?: never });
    if (pjson?.name !== undefined) return { root, pjson };
    if (path.dirname(root) === root) throw new Error(`no package.json above ${folder}`);
  }
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
