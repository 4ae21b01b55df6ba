import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { OPTIONS, type IntegerOption } from '../../src/options.js';
import { optionsPage, withoutLayout } from '../helpers/options-page.js';
import { projectRoot } from '../helpers/project-root.js';

describe('docs/options.md', () => {
  it('says what src/options.ts says', () => {
    const page = readFileSync(`${projectRoot}docs/options.md`, 'utf8');

    expect(withoutLayout(page), 'write it again: npm run docs:options').to.equal(withoutLayout(optionsPage()));
  });
});

describe('options', () => {
  it('have defaults inside their ranges', () => {
    for (const [name, option] of Object.entries<IntegerOption>(OPTIONS)) {
      expect(option.default, name).to.be.within(option.min, option.max);
    }
  });
});
