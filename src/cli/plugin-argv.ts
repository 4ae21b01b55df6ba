/** What `p2p plugins install` cannot read by itself: paths. */
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { OptionError } from '../errors.js';

/** Words that can only be meant as paths. */
const PATH_LIKE = /^(?:\.{1,2}(?:[\\/]|$)|~?[\\/]|[a-z]:[\\/])/i;

/** What `npm pack` makes. */
const PACKED = /\.(?:tgz|tar\.gz|tar)$/i;

/**
 * The words of `plugins install`, existing paths turned into `file:` URLs; oclif's own command would take `./folder` for a
 * GitHub repository.
 * @param argv the words after `plugins install`
 * @throws {P2P_PATH_NOT_FOUND} when a word that can only be a path leads nowhere
 * @throws {P2P_PLUGIN_INVALID} when a folder is no package
 */
export function pluginInstallArgv(argv: readonly string[], exists: (path: string) => boolean): string[] {
  return argv.map((word) => {
    if (word.startsWith('-') || word.includes('://')) return word;
    if (exists(word)) {
      if (!PACKED.test(word) && !exists(path.join(word, 'package.json'))) {
        throw new OptionError(`${word} is no plugin: it has no package.json`, { path: word }, 'P2P_PLUGIN_INVALID');
      }
      return pathToFileURL(path.resolve(word)).href;
    }
    if (PATH_LIKE.test(word)) {
      throw new OptionError(`there is no plugin folder ${word}`, { path: path.resolve(word) }, 'P2P_PATH_NOT_FOUND');
    }
    return word;
  });
}
