/** The story generator of the tests for scripts, which run before the tests are compiled. */
import path from 'node:path';
import { build } from 'esbuild';
import { projectRoot } from './run-stage.mjs';

/** @returns {Promise<typeof import('../test/helpers/story.js')>} */
export async function loadStoryModule() {
  const { outputFiles } = await build({
    entryPoints: [path.join(projectRoot, 'test/helpers/story.ts')],
    bundle: true,
    format: 'esm',
    platform: 'node',
    write: false,
  });
  return import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`);
}
