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

describe('documentation', () => {
  for (const page of pages) {
    it(`${page} names only paths that are there`, () => {
      const gone = [...namedPaths(page), ...linkedPaths(page)].filter((name) => !existsSync(projectRoot + name));

      expect(gone).to.deep.equal([]);
    });
  }
});
