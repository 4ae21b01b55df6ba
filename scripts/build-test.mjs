/**
 * Checks all types and compiles `src`, `test` and `benchmarks` to `build/`, where mocha finds the tests. Removes what was
 * compiled from files that are gone, so that no deleted test runs on.
 */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { projectRoot, runStage } from './run-stage.mjs';

const ok = await runStage('types', ['node_modules/typescript/bin/tsc', '-p', '.']);
for (const top of ['src', 'test', 'benchmarks']) {
  const folder = path.join(projectRoot, 'build', top);
  if (!existsSync(folder)) continue;
  for (const file of readdirSync(folder, { recursive: true })) {
    const match = /^(.*)\.js(\.map)?$/.exec(file);
    if (match && !existsSync(path.join(projectRoot, top, `${match[1]}.ts`))) rmSync(path.join(folder, file));
  }
}
process.exitCode = ok ? 0 : 1;
