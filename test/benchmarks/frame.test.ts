import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import { Report } from '../../benchmarks/shared/report.js';
import { mergeResults } from '../../benchmarks/shared/result-file.js';
import { formatPage } from '../../benchmarks/shared/result-page.js';
import { formatTable } from '../../benchmarks/shared/result-table.js';
import { median, spread } from '../../benchmarks/shared/statistics.js';
import { takeTurns } from '../../benchmarks/shared/take-turns.js';
import { projectRoot } from '../helpers/project-root.js';

interface BenchArguments {
  readonly wanted: readonly { readonly name: string; readonly flags: readonly string[] }[];
  readonly publish: boolean;
  readonly build: boolean;
  readonly help: boolean;
  readonly unknown?: string;
}

const script = pathToFileURL(`${projectRoot}scripts/bench-arguments.mjs`).href;
const { parseBenchArguments } = (await import(script)) as {
  parseBenchArguments: (words: readonly string[], names: readonly string[]) => BenchArguments;
};

describe('parseBenchArguments', () => {
  const parse = (line: string): BenchArguments => parseBenchArguments(line.split(' '), ['swarm', 'transfer']);

  it('gives each benchmark the flags that follow its name', () => {
    expect(parse('transfer --runs 3 swarm --help')).to.deep.equal({
      wanted: [
        { name: 'transfer', flags: ['--runs', '3'] },
        { name: 'swarm', flags: ['--help'] },
      ],
      publish: false,
      build: true,
      help: false,
    });
  });

  it('keeps --publish and --no-build for itself, wherever they stand', () => {
    expect(parse('transfer --publish --runs 3 --no-build')).to.deep.include({
      wanted: [{ name: 'transfer', flags: ['--runs', '3'] }],
      publish: true,
      build: false,
    });
  });

  it('runs all of them for all', () => {
    expect(parse('--publish all').wanted.map(({ name }) => name)).to.deep.equal(['swarm', 'transfer']);
  });

  it('names the first word that is no benchmark', () => {
    expect(parse('torrent swarm')).to.deep.include({ wanted: [], unknown: 'torrent' });
    expect(parse('--help')).to.deep.include({ wanted: [], help: true }).and.not.have.property('unknown');
  });
});

describe('statistics of benchmarks', () => {
  it('take the middle, or the mean of the two in the middle', () => {
    expect(median([3])).to.equal(3);
    expect(median([9, 1, 5])).to.equal(5);
    expect(median([10, 1, 2, 9])).to.equal(5.5);
  });

  it('round median and spread', () => {
    expect(spread([1.234, 1.111, 1.999], 2)).to.deep.equal({ median: 1.23, min: 1.11, max: 2 });
  });
});

describe('takeTurns', () => {
  it('measures in turn, and keeps nothing of the warm-up', async () => {
    const order: string[] = [];
    const turns = await takeTurns(['a', 'b'], { runs: 2, warmUps: 1 }, (name, round) => {
      order.push(`${name}${round}`);
      return Promise.resolve(round);
    });

    expect(order).to.deep.equal(['a0', 'b0', 'a1', 'b1', 'a2', 'b2']);
    expect(turns.map(({ results }) => results)).to.deep.equal([
      [1, 2],
      [1, 2],
    ]);
  });

  it('lets a contestant sit out that has failed, or had its runs', async () => {
    const order: string[] = [];
    const told: string[] = [];
    const runs = (name: string): number => (name === 'slow' ? 1 : 2);
    const onFailure = (name: string, message: string): unknown => told.push(`${name}: ${message}`);
    const turns = await takeTurns(['slow', 'bad', 'ours'], { runs, onFailure }, (name) => {
      order.push(name);
      return name === 'bad' ? Promise.reject(new Error('wrong bytes')) : Promise.resolve(name);
    });

    expect(order).to.deep.equal(['slow', 'bad', 'ours', 'ours']);
    expect(told).to.deep.equal(['bad: wrong bytes']);
    expect(turns[1]).to.deep.equal({ contestant: 'bad', results: [], failure: 'wrong bytes' });
  });
});

describe('Report', () => {
  it('writes rows with settings and machine, and charts as lines of their own', () => {
    const lines: string[] = [];
    const setup = { benchmark: 'hash', settings: { size: '1M' }, versions: { b3sum: '1.2.0' } };
    const report = new Report(setup, (line) => lines.push(line));

    report.row({ case: 'one', client: 'p2p', wallSeconds: 1 });
    report.chart({ name: 'hash', title: 'hash', figure: 'wallSeconds', unit: 's' });

    const [row, chart] = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(row).to.deep.include({ ...setup, case: 'one', client: 'p2p', wallSeconds: 1, node: process.version });
    expect(row).to.include.keys('machine', 'kernel');
    expect(lines[1]).to.match(/^\{"type":"chart"/);
    expect(chart).to.include({ name: 'hash', figure: 'wallSeconds' });
  });
});

describe('formatTable', () => {
  it('puts case and client first, what is shared above, and notes behind', () => {
    const rows = [
      { benchmark: 'x', seconds: { median: 2, min: 1, max: 3 }, case: 'one', client: 'p2p', size: '1G' },
      { benchmark: 'x', case: 'one', client: 'rtorrent', note: 'not installed', size: '1G' },
    ];

    expect(formatTable(rows)).to.deep.equal([
      '',
      'benchmark: x',
      'size: 1G',
      '',
      'case  client       seconds',
      'one   p2p       2 (1 to 3)',
      'one   rtorrent              not installed',
    ]);
  });

  it('is nothing without rows', () => {
    expect(formatTable([])).to.deep.equal([]);
  });
});

describe('mergeResults', () => {
  const run = (at: string, cases: readonly string[], client: string): Parameters<typeof mergeResults>[1] => ({
    ...{ benchmark: 'x', at, charts: [{ name: 'x', title: at, figure: 'ms', unit: 'ms' }] },
    rows: cases.map((name) => ({ case: name, client })),
  });

  it('replaces all rows of the cases that were measured again, in their old place', () => {
    const before = mergeResults(undefined, run('monday', ['one', 'two'], 'old'));
    const after = mergeResults(before, run('tuesday', ['three', 'one'], 'new'));

    expect(after.rows).to.deep.equal([
      { case: 'one', client: 'new', at: 'tuesday' },
      { case: 'two', client: 'old', at: 'monday' },
      { case: 'three', client: 'new', at: 'tuesday' },
    ]);
    expect(after.charts.map(({ title }) => title)).to.deep.equal(['tuesday']);
  });
});

describe('formatPage', () => {
  it('writes a table for each case, without what nobody has', () => {
    const rows = [
      { case: 'one', client: 'p2p', ms: { median: 2, min: 1, max: 3 }, node: 'v20' },
      { case: 'one', client: 'a|b', note: 'not <there>', node: 'v20' },
      { case: 'two', bytes: 5, node: 'v22' },
    ];

    expect(formatPage({ benchmark: 'x', charts: [], rows }).split('\n').slice(4)).to.deep.equal([
      ...['## one', '', '| client | ms | note |', '| --- | --- | --- |', '| p2p | 2 (1 to 3) |  |'],
      ...['| a\\|b |  | not &lt;there> |', '', 'Measured with: node v20.', ''],
      ...['## two', '', '| bytes |', '| --- |', '| 5 |', '', 'Measured with: node v22.', ''],
    ]);
  });
});
