import { spawnSync } from 'node:child_process';
import { expect } from 'chai';
import { projectRoot } from '../helpers/project-root.js';

describe('.ci/run', () => {
  it('is a shell script that can be run', function () {
    if (process.platform === 'win32') this.skip();
    const { status, stderr } = spawnSync('bash', ['-n', '.ci/run'], { cwd: projectRoot, encoding: 'utf8' });

    expect({ status, stderr }).to.deep.equal({ status: 0, stderr: '' });
  });
});
