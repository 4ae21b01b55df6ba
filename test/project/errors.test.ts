import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { ERRORS, EXIT_CODES } from '../../src/errors.js';
import { projectRoot } from '../helpers/project-root.js';

const page = readFileSync(`${projectRoot}docs/errors.md`, 'utf8');

/** The rows of the page: code → status, meaning, advice. */
const rows = [...page.matchAll(/^\| `(P2P_[A-Z0-9_]+)` *\| (\d+) *\| (.*?) *\| (.*?) *\|$/gm)].map(
  ([, code = '', status = '', meaning = '', advice = '']) => ({ code, status: Number(status), meaning, advice }),
);

describe('docs/errors.md', () => {
  it('lists every code of src/errors.ts once, and no other', () => {
    expect(rows.map(({ code }) => code).sort()).to.deep.equal(Object.keys(ERRORS).sort());
  });

  it('names the exit status of each', () => {
    const told = Object.fromEntries(rows.map(({ code, status }) => [code, status]));
    const real = Object.fromEntries(Object.entries(ERRORS).map(([code, { exitCode }]) => [code, exitCode]));

    expect(told).to.deep.equal(real);
  });

  it('says of each what it means and what to do', () => {
    const empty = rows.filter(({ meaning, advice }) => meaning === '' || advice === '');

    expect(empty).to.deep.equal([]);
  });

  it('explains every exit status', () => {
    const told = [...page.matchAll(/^\| (\d+) +\|/gm)].map(([, status]) => Number(status));

    expect(told).to.deep.equal(Object.values(EXIT_CODES));
  });
});
