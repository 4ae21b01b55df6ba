import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { PACKAGE_VERSION } from '../../src/engine/package-version.js';
import { projectRoot } from '../helpers/project-root.js';

describe('PACKAGE_VERSION', () => {
  it('is that of package.json', () => {
    const { version } = JSON.parse(readFileSync(`${projectRoot}package.json`, 'utf8')) as { version: string };

    expect(PACKAGE_VERSION).to.equal(version);
  });
});
