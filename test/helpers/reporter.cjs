/**
 * Mocha's output: one line a test file, the failures in full, and as the last line `N passed, N failed`. With
 * `P2P_SLOWEST=10` in the environment also the ten slowest tests; with `P2P_TEST_COUNTS` that line for programs too, in a file.
 */
const { appendFileSync } = require('node:fs');
const path = require('node:path');
const { reporters, Runner } = require('mocha');

const { Base } = reporters;

class FileReporter extends Base {
  constructor(runner, options) {
    super(runner, options);
    let file;
    let entry;
    const tests = [];
    const flush = () => {
      if (entry) console.log(Base.color(entry.failed ? 'fail' : 'pass', describeFile(file, entry)));
    };
    const count = (runnable, kind) => {
      if (runnable.file !== file) {
        flush();
        file = runnable.file;
        entry = { passed: 0, failed: 0, pending: 0, durationMs: 0 };
      }
      entry[kind] += 1;
      entry.durationMs += runnable.duration ?? 0;
    };
    runner.on(Runner.constants.EVENT_TEST_PASS, (test) => {
      count(test, 'passed');
      tests.push(test);
    });
    runner.on(Runner.constants.EVENT_TEST_PENDING, (test) => count(test, 'pending'));
    runner.on(Runner.constants.EVENT_TEST_FAIL, (test) => {
      count(test, 'failed');
      console.log(Base.color('fail', `  ✘ ${test.fullTitle()}`));
    });
    runner.once(Runner.constants.EVENT_RUN_END, () => {
      flush();
      if (this.failures.length > 0) Base.list(this.failures);
      printSlowest(tests, Number(process.env.P2P_SLOWEST ?? 0));
      const { passes, failures, pending } = this.stats;
      const counts = process.env.P2P_TEST_COUNTS;
      if (counts) appendFileSync(counts, `${JSON.stringify({ passes, failures, pending })}\n`);
      console.log(`\n${passes} passed, ${failures} failed${pending > 0 ? `, ${pending} skipped` : ''}`);
    });
  }
}

function describeFile(file, { passed, failed, pending, durationMs }) {
  const name = file ? path.relative(path.join(__dirname, '../../build/test'), file).replace(/\.js$/, '') : 'hooks';
  const skipped = pending > 0 ? `, ${pending} skipped` : '';
  const seconds = (durationMs / 1000).toFixed(1);
  return `${failed ? '✘' : '✔'} ${name}: ${passed} passed${failed ? `, ${failed} failed` : ''}${skipped} (${seconds} s)`;
}

function printSlowest(tests, howMany) {
  if (howMany <= 0) return;
  console.log('\nslowest tests:');
  for (const test of tests.sort((a, b) => b.duration - a.duration).slice(0, howMany)) {
    console.log(`  ${(test.duration / 1000).toFixed(2).padStart(7)} s  ${test.fullTitle()}`);
  }
}

module.exports = FileReporter;
