/** Which modules with further hash algorithms a command loads: installed ones, and those of `--hash-plugin`. */
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { OptionError } from '../errors.js';

interface PackageJson {
  readonly p2p?: { readonly hashAlgorithms?: unknown };
  readonly oclif?: { readonly plugins?: unknown };
}

/** What `p2p plugins install` and `p2p plugins link` write into the data folder's package.json. */
interface InstalledPlugin {
  readonly name?: unknown;
  readonly type?: unknown;
  readonly root?: unknown;
}

/**
 * File URLs of the hash modules of all plugins that were installed by `p2p plugins install` or linked.
 * @param dataDir oclif's data folder
 */
export async function installedHashModules(dataDir: string): Promise<string[]> {
  const pjson = await readPackageJson(dataDir);
  const plugins = Array.isArray(pjson?.oclif?.plugins) ? (pjson.oclif.plugins as readonly InstalledPlugin[]) : [];
  const modules = await Promise.all(
    plugins.map(async ({ name, type, root }) => {
      if (type === 'link' && typeof root === 'string') return await hashModuleOf(root);
      return typeof name === 'string' ? await hashModuleOf(path.join(dataDir, 'node_modules', name)) : undefined;
    }),
  );
  return modules.filter((module) => module !== undefined);
}

/**
 * A module of `--hash-plugin` as the engine takes it: paths become file URLs, a folder means its `p2p.hashAlgorithms`,
 * anything else is a package name or a URL and stays.
 * @throws {P2P_PLUGIN_INVALID} when a folder is no hash plugin, or a path leads nowhere
 */
export async function hashModule(text: string): Promise<string> {
  const stats = await stat(text).catch(() => undefined);
  if (stats?.isFile()) return pathToFileURL(path.resolve(text)).href;
  if (stats?.isDirectory()) {
    const module = await hashModuleOf(path.resolve(text));
    if (module !== undefined) return module;
    throw invalid(`the package.json in ${text} has no "p2p": { "hashAlgorithms": FILE }`, text);
  }
  if (/^[./\\]|^[a-z]:[\\/]/i.test(text)) throw invalid(`--hash-plugin ${text}: there is no such file or folder`, text);
  return text;
}

async function hashModuleOf(root: string): Promise<string | undefined> {
  const file = (await readPackageJson(root))?.p2p?.hashAlgorithms;
  return typeof file === 'string' ? pathToFileURL(path.resolve(root, file)).href : undefined;
}

async function readPackageJson(folder: string): Promise<PackageJson | undefined> {
  let text: string;
  try {
    text = await readFile(path.join(folder, 'package.json'), 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
  try {
    return JSON.parse(text) as PackageJson;
  } catch {
    throw invalid(`${path.join(folder, 'package.json')} is not JSON`, folder);
  }
}

function invalid(message: string, module: string): OptionError {
  return new OptionError(message, { module }, 'P2P_PLUGIN_INVALID');
}
