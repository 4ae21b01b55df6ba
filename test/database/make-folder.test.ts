import { expect } from 'chai';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { makeFolder } from '../../src/database/make-folder.js';

describe('makeFolder', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'p2p-folder-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it('makes a folder with those above it, and leaves one that is there', () => {
    const deep = path.join(folder, 'a', 'b', 'c');

    makeFolder(deep);
    makeFolder(deep);

    expect(statSync(deep).isDirectory()).to.equal(true);
  });

  it('throws where a file is in the way', () => {
    const file = path.join(folder, 'file');
    writeFileSync(file, '');

    expect(() => makeFolder(file)).to.throw(/EEXIST/);
    expect(() => makeFolder(path.join(file, 'below'))).to.throw(/ENOTDIR/);
  });

  it('gives up below /proc, where making folders with `recursive` never ends', function () {
    if (process.platform !== 'linux') this.skip();
    const module = new URL('../../src/database/make-folder.js', import.meta.url).href;
    const script = `import { makeFolder } from ${JSON.stringify(module)}; makeFolder('/proc/p2p/output');`;

    // In a process of its own: a call that never ends cannot be stopped from within.
    const { error, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
      timeout: 10_000,
    });

    expect(error).to.equal(undefined);
    expect(stderr).to.include('ENOENT');
  });
});
