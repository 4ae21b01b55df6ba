/** The hash plugins that were installed by `p2p plugins install` or linked; `--hash-plugin` is the engine's to resolve. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { OptionError, StorageError } from '../errors.js';
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
 * @throws {P2P_STATE_UNUSABLE} when the data folder cannot be read
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
    if (error instanceof SyntaxError) {
      throw new OptionError(`${file} is not JSON`, { file }, 'P2P_PLUGIN_INVALID');
    }
    if (code === undefined) throw error;
    // Somebody else's home, such as after `su` without a new environment.
    throw new StorageError(
      'P2P_STATE_UNUSABLE',
      `${file}, which lists installed plugins, cannot be read (${code}); is HOME, or XDG_DATA_HOME, a folder of yours?`,
      { path: file, cause: code },
      error,
    );
  }
}
