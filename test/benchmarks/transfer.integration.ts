import { spawn } from 'node:child_process';
import { expect } from 'chai';
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
});
