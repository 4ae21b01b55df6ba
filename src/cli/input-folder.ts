/** What `p2p peer seed` offers when no path is given: all that lies in `./input`. */
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { OptionError } from '../errors.js';

/** Where files to be seeded are looked for, below the working directory. */
export const INPUT_FOLDER = 'input';

/**
 * Every file and folder in the input folder, but hidden ones and unfinished downloads (`.part`), by name.
 * @throws {P2P_NOTHING_TO_SEED} when the folder is not there or has nothing to offer
 */
export async function inputPaths(folder: string = INPUT_FOLDER): Promise<string[]> {
  const names = await readdir(folder).catch((thrown: unknown) => {
    const error = thrown as NodeJS.ErrnoException;
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    throw new OptionError(
      `cannot read ./${folder} (${error.code ?? error.message})`,
      { folder },
      'P2P_NOTHING_TO_SEED',
    );
  });
  if (!names) throw nothingToSeed(`there is no folder ./${folder}`, folder);
  const paths: string[] = [];
  for (const name of names.sort()) {
    if (name.startsWith('.') || name.endsWith('.part')) continue;
    const entry = path.join(folder, name);
    const stats = await stat(entry).catch(() => undefined);
    if (stats?.isFile() || stats?.isDirectory()) paths.push(entry);
  }
  if (paths.length === 0) throw nothingToSeed(`./${folder} holds nothing to offer`, folder);
  return paths;
}

/** A path as it was typed when it leads somewhere, else below the input folder: for `-f NAME`. */
export async function inputPath(name: string, folder: string = INPUT_FOLDER): Promise<string> {
  if (await isThere(name)) return name;
  const inside = path.join(folder, name);
  return (await isThere(inside)) ? inside : name;
}

async function isThere(entry: string): Promise<boolean> {
  return await stat(entry).then(
    () => true,
    () => false,
  );
}

function nothingToSeed(what: string, folder: string): OptionError {
  const message = `${what}: put files into ./${folder}, or name them: p2p peer seed PATH`;
  return new OptionError(message, { folder: path.resolve(folder) }, 'P2P_NOTHING_TO_SEED');
}
