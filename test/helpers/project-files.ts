/** The files of the project that people write: no packages, no output of builds and runs. */
import { readdirSync } from 'node:fs';
import { projectRoot } from './project-root.js';

const FOLDERS = ['src', 'test', 'benchmarks', 'scripts', 'docs', 'bin', 'examples', '.ci'];
const TEXT = /(\.(ts|js|mjs|cjs|md|json|html|css|sql|sh)|\.ci\/run)$/;
const MADE = /(^|\/)(node_modules|dist|build|results)\//;

/** Paths relative to the project's root, with slashes, in no particular order. */
export function projectFiles(): string[] {
  const top = readdirSync(projectRoot, { withFileTypes: true });
  const inFolders = FOLDERS.filter((name) => top.some((entry) => entry.name === name)).flatMap((folder) =>
    readdirSync(`${projectRoot}${folder}`, { recursive: true, encoding: 'utf8' }).map(
      (file) => `${folder}/${file.replaceAll('\\', '/')}`,
    ),
  );
  const files = top.filter((entry) => entry.isFile() && entry.name !== 'package-lock.json').map(({ name }) => name);
  return [...files, ...inFolders].filter((file) => TEXT.test(file) && !MADE.test(file));
}
