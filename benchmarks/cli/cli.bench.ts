/** How long the command line takes to start, beside a bare `node -e 0`. */
import { spawnSync } from 'node:child_process';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { P2P } from '../shared/p2p-bench.js';
import { environment, median, spread } from '../shared/statistics.js';

const HELP = 'npm run bench cli -- [--runs 21]';

const { values } = parseArgs({
  options: { runs: { type: 'string', default: '21' }, help: { type: 'boolean', default: false } },
});

const CASES = [
  { name: 'node -e 0', args: ['-e', '0'] },
  { name: 'p2p --version', args: [P2P, '--version'] },
  { name: 'p2p help', args: [P2P, 'help'] },
  { name: 'p2p peer download --help', args: [P2P, 'peer', 'download', '--help'] },
];

function runMs(args: readonly string[]): number {
  const startMs = performance.now();
  const { status } = spawnSync(process.execPath, args, { stdio: 'ignore' });
  if (status !== 0) throw new Error(`node ${args.join(' ')} ended with ${status}`);
  return performance.now() - startMs;
}

function main(): void {
  const times = CASES.map((): number[] => []);
  // One after another in turn, so that a slow moment of the machine falls on all of them.
  for (let run = 0; run <= Number(values.runs); run += 1) {
    for (const [index, { args }] of CASES.entries()) {
      const ms = runMs(args);
      if (run > 0) times[index]?.push(ms);
    }
  }
  const bareMs = median(times[0] ?? []);
  for (const [index, { name }] of CASES.entries()) {
    const own = times[index] ?? [];
    const ratio = Number((median(own) / bareMs).toFixed(2));
    console.log(
      JSON.stringify({ benchmark: 'cli', case: name, ms: spread(own, 0), bareStarts: ratio, ...environment() }),
    );
  }
}

if (values.help) console.log(HELP);
else main();
