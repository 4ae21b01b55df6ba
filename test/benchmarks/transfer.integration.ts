import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { expect } from 'chai';
import { whyNoNamespaces } from '../../benchmarks/hosts/bench-hosts.js';
import { benchParent } from '../../benchmarks/shared/p2p-bench.js';
import { skipUnless } from '../helpers/external-tool.js';
import { projectRoot } from '../helpers/project-root.js';

/** Runs a compiled benchmark. @returns its exit code, and the JSON lines of its stdout */
async function runBench(
  file: string,
  args: readonly string[],
): Promise<{ code: number; lines: Record<string, unknown>[] }> {
  const child = spawn(process.execPath, [`${projectRoot}build/benchmarks/${file}`, ...args], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let output = '';
  child.stdout.on('data', (bytes: Buffer) => (output += bytes.toString()));
  const code = await new Promise<number>((resolve) => child.once('close', (exitCode) => resolve(exitCode ?? 1)));
  const lines = output.split('\n').filter((line) => line.startsWith('{'));
  return { code, lines: lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

describe('npm run bench -- transfer', () => {
  it('measures a transfer over loopback, and says who cannot take part', async () => {
    const flags = ['--loopback', '--size', '1M', '--piece-length', '64K', '--runs', '1', '--cases', '1-1'];
    const { code, lines } = await runBench('engine/transfer.bench.js', [...flags, '--pairs', 'p2p,webtorrent']);

    const [ours, theirs] = lines.filter(({ type }) => type !== 'chart');
    expect(code).to.equal(0);
    expect(ours).to.include({ benchmark: 'transfer', case: '1 to 1', client: 'p2p' }).and.not.have.property('note');
    expect(ours?.['settings']).to.include({ hosts: 'loopback', size: '1M' });
    for (const figure of ['wallSeconds', 'downloadCpuSeconds', 'seedCpuSeconds', 'downloadPeakMiB']) {
      expect((ours?.[figure] as { median: number }).median, figure).to.be.greaterThan(0);
    }
    expect(theirs).to.include({ client: 'webtorrent' }).and.not.have.property('wallSeconds');
    expect(theirs?.['note']).to.match(/^not installed/);
  });

  it('takes its hosts and files down when it is interrupted', async function () {
    skipUnless(this, whyNoNamespaces() === undefined, 'the right to make network namespaces');
    const flags = ['--size', '1M', '--runs', '99', '--cases', '1-1', '--pairs', 'p2p'];
    const child = spawn(process.execPath, [`${projectRoot}build/benchmarks/engine/transfer.bench.js`, ...flags], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const made = (): string[] => {
      const { stdout } = spawnSync('ip', ['netns', 'list'], { encoding: 'utf8' });
      const names = [...stdout.split('\n'), ...readdirSync(benchParent())];
      return names.filter((name) => name.startsWith(`p2p-bench-${child.pid ?? 0}-`));
    };

    await once(child.stderr, 'data');
    const before = made();
    child.kill('SIGINT');
    const [code] = (await once(child, 'exit')) as [number];

    expect(before).to.have.length(4);
    expect({ code, left: made() }).to.deep.equal({ code: 130, left: [] });
  });
});
