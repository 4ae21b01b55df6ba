/**
 * `npm run interop`: builds, tries the whole matrix with the clients that are installed, and writes its tables into
 * docs/interoperability.md. Words after `npm run interop --` go to mocha, such as `--grep aria2`; then the page stays as it
 * is and the tables are printed.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { format, resolveConfig } from 'prettier';
import { projectRoot, runStage } from './run-stage.mjs';

const page = path.join(projectRoot, 'docs/interoperability.md');
const words = process.argv.slice(2);
const built =
  (await runStage('build', ['scripts/build.mjs'])) && (await runStage('compile', ['scripts/build-test.mjs']));
process.exitCode = built ? await tryAll() : 1;

async function tryAll() {
  const scratch = mkdtempSync(path.join(os.tmpdir(), 'p2p-interop-'));
  const results = path.join(scratch, 'results.jsonl');
  Object.assign(process.env, { P2P_INTEROP: 'all', P2P_INTEROP_RESULTS: results });
  const tests = 'build/test/interoperability/*.integration.js';
  const passed = await runStage('matrix', ['node_modules/mocha/bin/mocha.js', ...words, tests], { quiet: false });
  const lines = existsSync(results) ? readFileSync(results, 'utf8').trim().split('\n') : [];
  rmSync(scratch, { recursive: true });
  await show(lines.map((line) => JSON.parse(line)));
  return passed ? 0 : 1;
}

async function show(cells) {
  const { clientVersions } = await import('../build/test/interoperability/clients.js');
  const { matrixTables, withTables } = await import('../build/test/interoperability/matrix-page.js');
  const tables = `${ranWith(clientVersions())}\n\n${matrixTables(cells)}`;
  if (words.length > 0) {
    console.log(tables);
    return;
  }
  const style = { ...(await resolveConfig(page)), filepath: page };
  writeFileSync(page, await format(withTables(readFileSync(page, 'utf8'), tables), style));
  console.log(`wrote ${path.relative(projectRoot, page)}`);
}

function ranWith(versions) {
  const commit = spawnSync('git', ['rev-parse', '--short', 'HEAD'], {
    cwd: projectRoot,
    encoding: 'utf8',
  }).stdout.trim();
  const programs = versions.map(([name, version]) => `${name} ${version ?? '(missing)'}`);
  const date = new Date().toISOString().slice(0, 10);
  return `Last run on ${date} at commit ${commit}, Node ${process.versions.node}, ${os.type()}, with ${programs.join(', ')}. Seconds are those of the whole test, starts of all programs included.`;
}
