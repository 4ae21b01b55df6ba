import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { projectRoot } from '../helpers/project-root.js';

/** Opens, uses and forgets databases, then makes so much garbage that they are collected. */
const SCRIPT = `
const { openDatabase } = await import(process.argv[1]);
for (let n = 0; n < 20; n += 1) {
  const database = openDatabase({ path: process.argv[2] + '/' + n + '.db', migrations: ['CREATE TABLE t (x)'] });
  database.prepare('INSERT INTO t VALUES (?)').run(n);
  database.transaction(() => database.prepare('SELECT * FROM t').all()).immediate();
  database.pragma('page_count', { simple: true });
  database.close();
}
// Collected while promises settle, as in a process at work; gc() called from here would not show the abort.
const litter = async (n) => Array.from({ length: 1000 }, (_, at) => ({ n, at })).length + (await 0);
for (let n = 0; n < 20000; n += 1) await litter(n);
console.log('still here');
`;

describe('databases that nobody needs any more', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'p2p-garbage-'));
  after(() => rmSync(folder, { recursive: true }));

  it('can be collected without ending the process (an abort on Node 24)', () => {
    const module = `${projectRoot}build/src/database/open-database.js`;
    const args = ['--input-type=module', '-e', SCRIPT, module, folder];
    const { stdout, stderr, status } = spawnSync(process.execPath, args, { encoding: 'utf8' });

    expect({ stdout, stderr, status }).to.deep.equal({ stdout: 'still here\n', stderr: '', status: 0 });
  });
});
