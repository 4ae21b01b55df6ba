/**
 * `npm test`: build, types, lint, tests; stops at the first that fails and says which. Words after `npm test --` go to
 * mocha: files of `build/test`, `--grep`. All tests run in several processes side by side (`P2P_TEST_JOBS`, else one a
 * core, four at most), those that measure alone afterwards; chosen ones run in one.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { projectRoot, runStage } from './run-stage.mjs';

/** Far above what the tests need: ends a run that hangs, with a message instead of a silent machine. */
const LIMIT_MS = 13 * 60_000;

/** Most processes that run tests side by side. */
const MOST_JOBS = 4;

/** Tests of what only comes out where all processes get their share of the machine: who sends how many copies. */
const ALONE = ['07-one-feeds-five'];

const limit = setTimeout(() => {
  console.log(`✘ npm test took more than ${LIMIT_MS / 60_000} minutes`);
  process.exit(1);
}, LIMIT_MS);

const stages = [
  ['build', ['scripts/build.mjs']],
  ['compile', ['scripts/build-test.mjs']],
  ['lint', ['scripts/lint.mjs']],
];
for (const [name, command] of stages) {
  if (!(await runStage(name, command))) {
    console.log(`✘ npm test stopped at: ${name}`);
    process.exit(1);
  }
}
const words = process.argv.slice(2);
const isChosen = words.some((word) => word.startsWith('build/'));
const passed = isChosen ? await runTests('tests', words) : await runAllTests();
clearTimeout(limit);
process.exitCode = passed ? 0 : 1;

async function runAllTests() {
  const scratch = mkdtempSync(path.join(tmpdir(), 'p2p-test-'));
  const counts = path.join(scratch, 'counts.jsonl');
  writeFileSync(counts, '');
  process.env.P2P_TEST_COUNTS = counts;
  const files = allTests();
  const [alone, others] = [files.filter(isAlone), files.filter((file) => !isAlone(file))];
  const jobs = process.env.P2P_TEST_JOBS ?? String(Math.min(availableParallelism(), MOST_JOBS));
  const results = [
    await runTests('tests', [...words, '--parallel', '--jobs', jobs, ...others]),
    await runTests('tests that run alone', [...words, ...alone]),
  ];
  printSum(readFileSync(counts, 'utf8'));
  rmSync(scratch, { recursive: true });
  return results.every(Boolean);
}

function runTests(name, args) {
  return runStage(name, ['node_modules/mocha/bin/mocha.js', ...args], { quiet: false });
}

function isAlone(file) {
  return ALONE.some((name) => file.includes(name));
}

/** The line that a run of mocha ends with (test/helpers/reporter.cjs), for all of them together. */
function printSum(lines) {
  const runs = lines.split('\n').filter(Boolean);
  const all = runs.map((line) => JSON.parse(line));
  const [passes, failures, pending] = ['passes', 'failures', 'pending'].map((key) =>
    all.reduce((sum, counts) => sum + counts[key], 0),
  );
  console.log(`\n${passes} passed, ${failures} failed${pending > 0 ? `, ${pending} skipped` : ''}`);
}

/** The long ones first, so that no process is left with one at the end. */
function allTests() {
  const folder = path.join(projectRoot, 'build/test');
  const files = readdirSync(folder, { recursive: true }).map((file) => path.join('build/test', file));
  return ['.integration.js', '.test.js'].flatMap((ending) => files.filter((file) => file.endsWith(ending)).sort());
}
