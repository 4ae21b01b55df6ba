import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { projectFiles } from '../helpers/project-files.js';
import { projectRoot } from '../helpers/project-root.js';

const pages = projectFiles().filter((file) => file.endsWith('.md'));

/** Paths in backquotes that claim to be of this project: `src/swarm/`, `test/project/docs.test.ts`. */
function namedPaths(page: string): string[] {
  const text = readFileSync(projectRoot + page, 'utf8');
  const quoted = [...text.matchAll(/`((?:src|test|scripts|docs|benchmarks|bin|examples|\.ci)\/[\w./-]*)`/g)];
  return quoted.map(([, name = '']) => name);
}

/** Targets of Markdown links that are no URLs, relative to the project's root. */
function linkedPaths(page: string): string[] {
  const text = readFileSync(projectRoot + page, 'utf8');
  const links = [...text.matchAll(/\]\((?!https?:|mailto:|#)([^)#\s]+)(?:#[^)]*)?\)/g)];
  return links.map(([, target = '']) => path.posix.join(path.posix.dirname(page), target));
}

/** `npm run NAME`, wherever a page tells people to type it. */
function namedScripts(page: string): string[] {
  const text = readFileSync(projectRoot + page, 'utf8');
  return [...text.matchAll(/npm run ([a-z][a-z:-]*)/g)].map(([, name = '']) => name);
}

describe('documentation', () => {
  it('names only scripts of package.json', () => {
    const { scripts } = JSON.parse(readFileSync(`${projectRoot}package.json`, 'utf8')) as { scripts: object };
    const gone = pages.flatMap(namedScripts).filter((name) => !(name in scripts));

    expect(gone).to.deep.equal([]);
  });

  for (const page of pages) {
    it(`${page} names only paths that are there`, () => {
      const gone = [...namedPaths(page), ...linkedPaths(page)].filter((name) => !existsSync(projectRoot + name));

      expect(gone).to.deep.equal([]);
    });
  }
});
