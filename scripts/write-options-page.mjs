/** Writes docs/options.md from src/options.ts; after `npm run build:test`. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { format, resolveConfig } from 'prettier';
import { projectRoot } from './run-stage.mjs';

const { optionsPage } = await import('../build/test/helpers/options-page.js');
const page = path.join(projectRoot, 'docs/options.md');
writeFileSync(page, await format(optionsPage(), { ...(await resolveConfig(page)), filepath: page }));
