/** The shipped command line as people and scripts meet it: child processes, no engine needed. */
import { expect } from 'chai';
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, copyFileSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { COMMANDS } from '../../src/cli/command-map.js';
import { projectRoot } from '../helpers/project-root.js';

const RUN_JS = join(projectRoot, 'bin', 'run.js');

interface Run {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function p2p(args: readonly string[], env: NodeJS.ProcessEnv = {}): Run {
  const { status, stdout, stderr } = spawnSync(process.execPath, [RUN_JS, ...args], {
    encoding: 'utf8',
    env: { ...process.env, NODE_OPTIONS: '', ...env },
  });
  return { code: status, stdout, stderr };
}

function onlyLine(run: Run): Record<string, unknown> {
  expect(run.stdout.endsWith('\n'), run.stdout).to.equal(true);
  expect(run.stdout.split('\n')).to.have.length(2);
  return JSON.parse(run.stdout) as Record<string, unknown>;
}

describe('The command line', function () {
  this.timeout(30_000);

  it('says so when its output cannot be written, and exits as for a full disk', function () {
    if (process.platform !== 'linux') this.skip();
    const full = openSync('/dev/full', 'w');
    const { status, stderr } = spawnSync(process.execPath, [RUN_JS, 'hashes', '--no-measure'], {
      encoding: 'utf8',
      stdio: ['ignore', full, 'pipe'],
    });
    closeSync(full);

    expect(stderr).to.include('cannot write the output').and.to.include('ENOSPC');
    expect(status).to.equal(7);
  });

  it('shows an overview alone, and nothing of later issues', () => {
    const run = p2p([]);

    expect(run).to.include({ code: 0, stderr: '' });
    expect(run.stdout)
      .to.include('p2p peer seed')
      .and.to.include('p2p tracker start')
      .and.to.include('p2p plugins')
      .and.to.include('p2p status');
    expect(run.stdout).not.to.include('simulate');
    expect(run.stdout).not.to.include('\u001b');
    expect(p2p(['--help']).stdout).to.equal(run.stdout);
    expect(p2p(['help']).stdout).to.equal(run.stdout);
  });

  for (const id of Object.keys(COMMANDS)) {
    it(`explains ${id.replace(':', ' ')}, with examples, in text and as JSON`, () => {
      const text = p2p([...id.split(':'), '--help']);
      const json = p2p(['help', ...id.split(':'), '--json']);

      expect(text).to.include({ code: 0, stderr: '' });
      expect(text.stdout).to.include('USAGE').and.to.include('EXAMPLES').and.to.include('--json');
      expect(text.stdout).not.to.include('undefined').and.not.to.include('<%');
      expect(`${String(onlyLine(json)['help'])}\n`).to.equal(text.stdout);
    });
  }

  it('tells its version in one line, with --json as a result', () => {
    const { version } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as { version: string };

    expect(p2p(['--version']).stdout).to.match(/^p2p-fileshare\/\S+ \S+-\S+ node-v[\d.]+\n$/);
    expect(p2p(['-v']).stdout).to.equal(p2p(['--version']).stdout);
    expect(onlyLine(p2p(['--version', '--json']))).to.include({ type: 'result', version: 1, release: version });
  });

  for (const [args, code] of [
    ['frobnicate', 'P2P_UNKNOWN_COMMAND'],
    ['peer sed', 'P2P_UNKNOWN_COMMAND'],
    ['peer seed a --frob', 'P2P_USAGE'],
    ['peer seed a --port', 'P2P_USAGE'],
    ['peer seed a --port 70000', 'P2P_OPTION_INVALID'],
    ['peer seed a --trust', 'P2P_USAGE'],
    ['peer seed a -p 1 -p 2', 'P2P_USAGE'],
    ['peer download', 'P2P_USAGE'],
    ['peer download a --timeout soon', 'P2P_OPTION_INVALID'],
    ['peer download a --output=', 'P2P_OPTION_INVALID'],
    ['create a --output=', 'P2P_OPTION_INVALID'],
    ['create a -i h -d 0', 'P2P_OPTION_INVALID'],
    ['peer -i h', 'P2P_USAGE'],
    ['peer -i h -f x -m 3', 'P2P_USAGE'],
    ['peer -i h -f x -r1 0.5', 'P2P_USAGE'],
    ['list extra', 'P2P_USAGE'],
    ['plugins frob', 'P2P_UNKNOWN_COMMAND'],
    ['plugins install', 'P2P_USAGE'],
  ] as const) {
    it(`answers '${args}' with exit code 2 and one JSON line`, () => {
      const run = p2p([...args.split(' '), '--json']);
      const line = onlyLine(run);

      expect(run).to.include({ code: 2, stderr: '' });
      expect(line).to.include({ type: 'error', version: 1, code, exitCode: 2 });
      expect(line['message'])
        .to.be.a('string')
        .and.not.to.match(/\n\s+at |node_modules|Parsing/);
      expect(JSON.stringify(line['details'])).to.have.length.below(200);
    });
  }

  it('words errors for people on stderr alone', () => {
    const run = p2p(['peer', 'seed', 'a', '--hepl']);

    expect(run).to.include({ code: 2, stdout: '' });
    expect(run.stderr).to.equal(
      "Error: there is no flag --hepl. Did you mean --help? (P2P_USAGE)\n  'p2p peer seed --help' explains.\n",
    );
  });

  it('names a flag once in an error, as it is called there', () => {
    const message = (...args: string[]): unknown => onlyLine(p2p([...args, '--json']))['message'];

    expect(message('tracker', 'start', '-p', '80000')).to.equal(
      "--port: '80000' is not a whole number from 0 to 65535",
    );
    expect(message('list', '-d', '99999')).to.equal("--tracker-port: '99999' is not a whole number from 1 to 65535");
    expect(message('create', 'a', '-o', '')).to.match(/^--output: an empty path/);
  });

  it('takes --json before the command too', () => {
    expect(onlyLine(p2p(['--json', 'list', 'extra']))).to.include({ type: 'error', code: 'P2P_USAGE' });
  });

  it('is not led astray by NODE_ENV', () => {
    expect(p2p(['--help'], { NODE_ENV: 'development' })).to.include({ code: 0, stderr: '' });
  });

  it("bears flags of Node's that are for a whole process, not for its threads", () => {
    const folder = mkdtempSync(join(tmpdir(), 'p2p-flags-'));
    const output = join(folder, 'made.torrent');
    const words = ['--max-old-space-size=512', RUN_JS, 'create', RUN_JS, '-o', output];
    const { status, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8' });
    rmSync(folder, { recursive: true });

    expect({ status, stderr }).to.deep.equal({ status: 0, stderr: '' });
  });

  it('starts a command without the tables of all languages, which take 10 to 30 ms to load', () => {
    const state = mkdtempSync(join(tmpdir(), 'p2p-tables-'));
    const hook = `
      for (const [owner, name] of [[Intl, 'Segmenter'], [Number.prototype, 'toLocaleString'], [String.prototype, 'localeCompare']])
        owner[name] = function () { throw new Error(name + ' is used'); };`;
    const words = ['--import', `data:text/javascript,${encodeURIComponent(hook)}`, RUN_JS, 'status', '--state', state];
    const { status, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8' });
    rmSync(state, { recursive: true });

    expect({ status, stderr }).to.deep.equal({ status: 0, stderr: '' });
  });

  it('ends quietly when nobody reads', async () => {
    const child = spawn(process.execPath, [RUN_JS, 'peer', 'seed', '--help'], { stdio: ['ignore', 'pipe', 'pipe'] });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.stdout.destroy();

    const code = await new Promise((resolve) => {
      child.once('close', resolve);
    });

    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
  });

  it('knows the commands of oclif for plugins', () => {
    const { stdout } = p2p(['plugins', '--help']);

    for (const name of ['install', 'uninstall', 'inspect', 'link']) expect(stdout).to.include(`plugins ${name}`);
  });
});

describe('bin/run.js without a build', () => {
  const folder = mkdtempSync(join(tmpdir(), 'p2p-unbuilt-'));
  after(() => rmSync(folder, { recursive: true }));

  it('says what to do', () => {
    mkdirSync(join(folder, 'bin'));
    for (const file of ['bin/run.js', 'bin/package.json', 'package.json']) {
      copyFileSync(join(projectRoot, file), join(folder, file));
    }
    const run = (...args: string[]): Run => {
      const child = spawnSync(process.execPath, [join(folder, 'bin/run.js'), ...args], { encoding: 'utf8' });
      return { code: child.status, stdout: child.stdout, stderr: child.stderr };
    };

    expect(run('list').stderr).to.equal('Error: p2p is not built yet: run "npm run build" first\n');
    expect(onlyLine(run('list', '--json'))).to.include({ type: 'error', exitCode: 1 });
    expect(run('--version').code).to.equal(0);
  });
});
