/** Running as somebody who may not write everywhere, as root always may. */
import { spawnSync } from 'node:child_process';
import { chownSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from './project-root.js';

/** The user and group "nobody" of most systems. */
const NOBODY = 65_534;
const AS_NOBODY = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'] as const;

const isRoot = process.getuid?.() === 0;

/**
 * What to put before a command so that it runs without root's rights: nothing for whoever is not root.
 * @returns undefined where that cannot be, or where nobody may not read this project
 */
export function withoutRights(): readonly string[] | undefined {
  if (process.platform === 'win32') return undefined;
  if (!isRoot) return [];
  const [program, ...args] = [...AS_NOBODY, process.execPath, join(projectRoot, 'bin', 'run.js'), '--version'] as const;
  return spawnSync(program, args, { stdio: 'ignore' }).status === 0 ? AS_NOBODY : undefined;
}

/** Gives a folder to whoever `withoutRights` runs as. @returns the folder */
export function giveAway(folder: string): string {
  if (isRoot) chownSync(folder, NOBODY, NOBODY);
  return folder;
}
