/** The hash plugins that were installed by `p2p plugins install` or linked; `--hash-plugin` is the engine's to resolve. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { OptionError } from '../errors.js';
import { findInstalledHashPlugins } from '../hashing/hash-plugins.js';

/** What `p2p plugins install` and `p2p plugins link` write into the data folder's package.json. */
interface InstalledPlugin {
  readonly name?: unknown;
  readonly type?: unknown;
  readonly root?: unknown;
}

/**
 * File URLs of the hash modules of all installed plugins.
 * @param dataDir oclif's data folder
 * @throws {P2P_PLUGIN_INVALID} when a package.json is none, or names a module that is not there
 */
export async function installedHashModules(dataDir: string): Promise<string[]> {
  const roots = (await installedPlugins(dataDir)).flatMap(({ name, type, root }) => {
    if (type === 'link' && typeof root === 'string') return [root];
    return typeof name === 'string' ? [path.join(dataDir, 'node_modules', name)] : [];
  });
  return findInstalledHashPlugins(roots);
}

async function installedPlugins(dataDir: string): Promise<readonly InstalledPlugin[]> {
  const file = path.join(dataDir, 'package.json');
  try {
    const manifest = JSON.parse(await readFile(file, 'utf8')) as { readonly oclif?: { readonly plugins?: unknown } };
    const plugins = manifest.oclif?.plugins;
    return Array.isArray(plugins) ? (plugins as readonly InstalledPlugin[]) : [];
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    if (!(error instanceof SyntaxError)) throw error;
    throw new OptionError(`${file} is not JSON`, { file }, 'P2P_PLUGIN_INVALID');
  }
}
