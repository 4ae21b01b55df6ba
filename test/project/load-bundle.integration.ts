import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { projectRoot } from '../helpers/project-root.js';

/** The command line as it was built, in a folder of its own, so that its compiled code can be harmed. */
describe('bin/load-bundle.js', () => {
  let root: string;

  before(function () {
    if (!existsSync(`${projectRoot}dist/cli.js`)) this.skip();
  });

  beforeEach(() => {
    root = mkdtempSync(path.join(tmpdir(), 'p2p-bundle-'));
    for (const name of ['bin', 'dist', 'package.json']) {
      cpSync(projectRoot + name, path.join(root, name), { recursive: true });
    }
    symlinkSync(`${projectRoot}node_modules`, path.join(root, 'node_modules'));
    rmSync(path.join(root, 'dist/code'), { recursive: true, force: true });
  });

  afterEach(() => rmSync(root, { recursive: true, force: true }));

  function status(env: Readonly<Record<string, string>> = {}): string {
    const state = path.join(root, 'state');
    const { NODE_OPTIONS: _, ...inherited } = process.env;
    return execFileSync(process.execPath, [path.join(root, 'bin/run.js'), 'status', '--json'], {
      env: { ...inherited, P2P_CODE_CACHE: '', P2P_STATE: state, ...env },
      encoding: 'utf8',
    });
  }

  const codeFile = () => path.join(root, 'dist/code', readdirSync(path.join(root, 'dist/code')).join());

  it('keeps what was compiled for the next start, and takes it then', () => {
    const first = status();
    const kept = readFileSync(codeFile());
    const second = status();

    expect(kept.byteLength).to.be.greaterThan(100_000);
    expect(readFileSync(codeFile()).equals(kept), 'was taken, so that nothing was written').to.equal(true);
    expect(second).to.equal(first);
  });

  it('keeps that of the worker threads too, while they run', async function () {
    this.timeout(30_000);
    const file = path.join(root, 'file');
    writeFileSync(file, 'some text');
    const { NODE_OPTIONS: _, ...inherited } = process.env;
    const args = [
      'peer',
      'seed',
      file,
      '--port',
      '0',
      '--bind',
      '127.0.0.1',
      '--tracker',
      'http://127.0.0.1:1/announce',
    ];
    const seed = spawn(process.execPath, [path.join(root, 'bin/run.js'), ...args, '--no-lsd', '--no-dht'], {
      env: { ...inherited, P2P_CODE_CACHE: '', P2P_STATE: path.join(root, 'state') },
      stdio: 'ignore',
    });
    const ended = once(seed, 'exit');
    const hasThreads = (): boolean =>
      existsSync(path.join(root, 'dist/code')) &&
      readdirSync(path.join(root, 'dist/code')).some((name) => /^worker-main-.*\.bin$/.test(name));
    try {
      while (!hasThreads() && seed.exitCode === null) await sleep(50);
      expect(hasThreads()).to.equal(true);
    } finally {
      seed.kill('SIGKILL');
      await ended;
    }
  });

  it('does without a file that was harmed, and writes it anew', () => {
    const first = status();
    const kept = readFileSync(codeFile());
    const harmed = Buffer.from(kept);
    harmed.fill(0xff, harmed.byteLength >> 1, (harmed.byteLength >> 1) + 64);
    for (const content of [harmed, kept.subarray(0, 1000), Buffer.alloc(0)]) {
      writeFileSync(codeFile(), content);
      expect(status()).to.equal(first);
      expect(readFileSync(codeFile()).byteLength).to.be.greaterThan(100_000);
    }
  });

  it('works where nothing can be written, and when it is switched off', () => {
    const off = status({ P2P_CODE_CACHE: 'off' });
    expect(existsSync(path.join(root, 'dist/code'))).to.equal(false);
    writeFileSync(path.join(root, 'dist/code'), 'a file where the folder should be');

    expect(status()).to.equal(off);
    expect(readFileSync(path.join(root, 'dist/code'), 'utf8')).to.match(/^a file/);
  });

  it('neither takes nor writes code where Node was given flags', () => {
    status({ NODE_OPTIONS: '--stack-trace-limit=20' });

    expect(existsSync(path.join(root, 'dist/code'))).to.equal(false);
  });
});
