/** Everything that is checked without running the program: code rules, layout, import directions. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { projectRoot, runStage } from './run-stage.mjs';

const trees = ['src', 'test', 'benchmarks'].filter((name) => existsSync(path.join(projectRoot, name)));
const cruise = ['node_modules/dependency-cruiser/bin/dependency-cruise.mjs', '--config', '.dependency-cruiser.cjs'];
// The rules need the types and take as long as the others together: side by side.
const results = await Promise.all([
  runStage('code rules', ['node_modules/eslint/bin/eslint.js', '.']),
  runStage('import directions', [...cruise, ...trees]),
  runStage('layout', ['node_modules/prettier/bin/prettier.cjs', '--check', '--log-level', 'warn', '.']),
]);
process.exitCode = results.every(Boolean) ? 0 : 1;
