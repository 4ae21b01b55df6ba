/**
 * From the names of hash plugins to their algorithms. A plugin is an ES module whose default export is an array of
 * `HashAlgorithm`, or a package folder whose package.json names such a module as `p2p.hashAlgorithms`. The main thread
 * resolves once, so that all threads load the same files; each thread loads for itself, since functions cannot cross.
 */
import { readFileSync, realpathSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { OptionError } from '../errors.js';
import type { HashAlgorithm } from './hash-algorithm.js';
import type { HashRegistry } from './hash-registry.js';

/**
 * The modules that are meant by what a person wrote, as file URLs without repeats.
 * @param specifiers package names, paths of modules or package folders, or file URLs
 * @param fromDir absolute folder that paths and packages are looked up from
 * @throws {P2P_PLUGIN_INVALID} when there is no such thing, or the package has no hash algorithms
 */
export function resolveHashPlugins(specifiers: readonly string[], fromDir: string): string[] {
  return unique(specifiers.map((specifier) => resolveModule(locate(specifier, fromDir), specifier)));
}

/**
 * The hash modules among installed packages, as file URLs without repeats.
 * @param packageRoots folders with a package.json; those without hash algorithms are passed over
 * @throws {P2P_PLUGIN_INVALID} when a package names a module that is not there
 */
export function findInstalledHashPlugins(packageRoots: readonly string[]): string[] {
  return unique(
    packageRoots.filter((root) => hashModuleOf(root) !== undefined).map((root) => resolveModule(root, root)),
  );
}

/**
 * Loads plugins into this thread's registry, one after another.
 * @param fileUrls from `resolveHashPlugins` or `findInstalledHashPlugins`
 * @throws {P2P_PLUGIN_INVALID} when a module cannot be loaded, exports something else, or fails the compliance checks
 */
export async function loadHashPlugins(registry: HashRegistry, fileUrls: readonly string[]): Promise<void> {
  for (const fileUrl of fileUrls) {
    const exported = await importDefault(fileUrl);
    if (!Array.isArray(exported)) {
      throw invalid(`hash plugin ${fileUrl} has no array of hash algorithms as its default export`, fileUrl);
    }
    registry.add(exported as HashAlgorithm[], fileUrl);
  }
}

async function importDefault(fileUrl: string): Promise<unknown> {
  try {
    const module = (await import(fileUrl)) as { readonly default?: unknown };
    return module.default;
  } catch (error) {
    // Foreign code may throw anything while it loads; the person must hear which plugin it was.
    const reason = error instanceof Error ? error.message : String(error);
    throw invalid(`hash plugin ${fileUrl} cannot be loaded: ${reason}`, fileUrl);
  }
}

/** The file or folder that a specifier means: paths win where they are written as such, package names otherwise. */
function locate(specifier: string, fromDir: string): string {
  if (specifier.startsWith('file:')) return fileURLToPath(specifier);
  const path = resolve(fromDir, specifier);
  if (isAbsolute(specifier) || specifier.startsWith('.')) return path;
  const candidates = [...packageFolders(specifier, fromDir), path];
  const found = candidates.find((candidate) => kindOf(candidate) !== 'absent');
  if (found !== undefined) return found;
  throw invalid(
    `there is no hash plugin '${specifier}': neither an installed package nor a path under ${fromDir}. ` +
      `To install it: p2p plugins install ${specifier}`,
    specifier,
  );
}

/** Where a package of that name may lie: the node_modules folders above `fromDir`, then those above p2p itself. */
function packageFolders(name: string, fromDir: string): string[] {
  const lookups = [join(fromDir, 'package.json'), import.meta.url];
  return lookups.flatMap((from) => createRequire(from).resolve.paths(name) ?? []).map((folder) => join(folder, name));
}

function resolveModule(path: string, specifier: string): string {
  let file = path;
  if (kindOf(path) === 'folder') {
    const module = hashModuleOf(path);
    if (module === undefined) {
      throw invalid(
        `${path} is not a hash plugin: its package.json has no "p2p": { "hashAlgorithms": FILE }`,
        specifier,
      );
    }
    file = resolve(path, module);
  }
  if (kindOf(file) !== 'file') throw invalid(`hash plugin '${specifier}': there is no file ${file}`, specifier);
  // The real path, so that a linked package and its target count as one plugin.
  return pathToFileURL(realpathSync(file)).href;
}

/** What the package.json of a folder names as `p2p.hashAlgorithms`; undefined when there is none. */
function hashModuleOf(folder: string): string | undefined {
  const file = join(folder, 'package.json');
  if (kindOf(file) !== 'file') return undefined;
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) throw invalid(`${file} is not JSON: ${error.message}`, folder);
    throw error;
  }
  const module = (content as { p2p?: { hashAlgorithms?: unknown } } | null)?.p2p?.hashAlgorithms;
  return typeof module === 'string' ? module : undefined;
}

function kindOf(path: string): 'file' | 'folder' | 'absent' {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return 'absent';
  return stats.isDirectory() ? 'folder' : 'file';
}

function unique(texts: readonly string[]): string[] {
  return [...new Set(texts)];
}

function invalid(message: string, plugin: string): OptionError {
  return new OptionError(message, { plugin }, 'P2P_PLUGIN_INVALID');
}
