/** What `p2p peer seed` offers when no path is given: all that lies in `./input`. */
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { OptionError } from '../errors.js';

/** Where files to be seeded are looked for, below the working directory. */
export const INPUT_FOLDER = 'input';

/**
 * Every file and folder in the input folder, but hidden ones and unfinished downloads (`.part`), by name.
 * @param note told, in a sentence, of each further thing that cannot be offered
 * @throws {P2P_NOTHING_TO_SEED} when the folder is not there or has nothing to offer
 */
export async function inputPaths(
  folder: string = INPUT_FOLDER,
  note: (text: string) => void = () => {},
): Promise<string[]> {
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
    const hindrance = await hindranceOf(entry, name);
    if (hindrance === undefined) paths.push(entry);
    else note(`${entry} ${hindrance}: passed over`);
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

/** Why it cannot be offered; undefined when it can. */
async function hindranceOf(entry: string, name: string): Promise<string | undefined> {
  try {
    const stats = await stat(entry);
    return stats.isFile() || stats.isDirectory() ? undefined : 'is neither a file nor a folder';
  } catch (thrown) {
    // A name that is not UTF-8 is read with U+FFFD in it, and nothing has that name.
    if (name.includes('\ufffd')) return 'has a name that is not UTF-8';
    return `cannot be read (${(thrown as NodeJS.ErrnoException).code ?? 'unknown'})`;
  }
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
