/** What `p2p plugins install` cannot read by itself: paths. */
import path from 'node:path';
import { pathToFileURL } from 'node:url';

/**
 * The words of `plugins install`, existing paths turned into `file:` URLs; oclif's own command would take `./folder` for a
 * GitHub repository.
 * @param argv the words after `plugins install`
 */
export function pluginInstallArgv(argv: readonly string[], exists: (path: string) => boolean): string[] {
  return argv.map((word) =>
    word.startsWith('-') || word.includes('://') || !exists(word) ? word : pathToFileURL(path.resolve(word)).href,
  );
}
