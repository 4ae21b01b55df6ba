/**
 * `npm test`: build, types, lint, tests; stops at the first that fails and says which. Words after `npm test --` go to
 * mocha: files of `build/test`, `--grep`.
 */
import { runStage } from './run-stage.mjs';

/** Far above what the tests need: ends a run that hangs, with a message instead of a silent machine. */
const LIMIT_MS = 13 * 60_000;

const ALL_TESTS = ['build/test/**/*.test.js', 'build/test/**/*.integration.js'];

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
const files = words.some((word) => word.startsWith('build/')) ? [] : ALL_TESTS;
const mocha = ['node_modules/mocha/bin/mocha.js', ...words, ...files];
const passed = await runStage('tests', mocha, { quiet: false });
clearTimeout(limit);
process.exitCode = passed ? 0 : 1;
