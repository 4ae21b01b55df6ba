/**
 * `npm run bench`: lists the benchmarks; `npm run bench -- NAME [FLAGS] [NAME [FLAGS]…]` builds, runs them one after another,
 * prints the rows of each as a table, and writes them to `benchmarks/results/NAME.json`, with a chart as SVG for each figure
 * that the benchmark wants to be seen. A benchmark is a file `benchmarks/…/NAME.bench.ts`, which prints JSON lines on stdout
 * (`benchmarks/shared/report.ts`), and progress for people on stderr; `--help` after a name is the benchmark's own.
 */
import { spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { parseBenchArguments } from './bench-arguments.mjs';
import { projectRoot, runStage } from './run-stage.mjs';

const USAGE = `npm run bench -- NAME [FLAGS] [NAME [FLAGS]...]

NAME --help tells the flags of a benchmark; 'all' instead of a name runs each of them. Other programs to compare with are
found where they are installed. Figures and charts go to benchmarks/results/: a run replaces the cases that it measured
and leaves others as they were. --publish copies them to docs/charts/, with a page of all figures, for
docs/performance.md. --no-build runs what was built last.
`;

const folder = path.join(projectRoot, 'benchmarks');
const results = path.join(folder, 'results');
const published = path.join(projectRoot, 'docs/charts');
const compiled = path.join(projectRoot, 'build/benchmarks');

/** Name → source, with the first sentence of its header. */
function findBenchmarks() {
  const files = readdirSync(folder, { recursive: true }).filter((file) => file.endsWith('.bench.ts'));
  const benchmarks = files.map((file) => {
    const header = /\/\*\*([\s\S]*?)\*\//.exec(readFileSync(path.join(folder, file), 'utf8'))?.[1] ?? '';
    const text = header
      .replace(/^\s*\* ?/gm, '')
      .replaceAll('\n', ' ')
      .trim();
    return { name: path.basename(file, '.bench.ts'), file, summary: text.split(/[.:] /)[0] };
  });
  return benchmarks.sort((a, b) => a.name.localeCompare(b.name));
}

function printList(benchmarks) {
  console.log(USAGE);
  for (const { name, summary } of benchmarks) console.log(`  ${name.padEnd(18)}${summary}`);
}

/** Lets one run to its end. @returns what it told, and its exit code */
async function run({ file }, flags) {
  const script = path.join(compiled, file.replace(/\.ts$/, '.js'));
  // Node reads these certificates at each start, needed or not, at some 45 ms: a trait of this machine, not of a program.
  const { NODE_EXTRA_CA_CERTS: _, ...env } = process.env;
  const child = spawn(process.execPath, ['--enable-source-maps', script, ...flags], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const told = { rows: [], charts: [] };
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (!line.startsWith('{')) console.log(line);
    else if (line.startsWith('{"type":"chart"')) told.charts.push(JSON.parse(line));
    else told.rows.push(JSON.parse(line));
  });
  const pass = (signal) => child.kill(signal);
  // A benchmark that is told to stop cleans up; Ctrl-C reaches it by itself.
  process.on('SIGINT', () => undefined).on('SIGTERM', pass);
  const code = await new Promise((resolve) => child.on('close', resolve));
  process.removeAllListeners('SIGINT').off('SIGTERM', pass);
  return { ...told, code: code ?? 1 };
}

/** Prints the rows, and writes them with those of other cases that earlier runs left. */
async function keep(name, { rows, charts }, publish) {
  const { formatTable } = await load('result-table.js');
  const { mergeResults } = await load('result-file.js');
  const { renderBarChart } = await load('bar-chart.js');
  for (const line of formatTable(rows)) console.log(line);
  mkdirSync(results, { recursive: true });
  const file = path.join(results, `${name}.json`);
  const merged = mergeResults(readIfThere(file), { benchmark: name, at: new Date().toISOString(), rows, charts });
  const written = [`${name}.json`];
  writeFileSync(file, `${JSON.stringify(merged, undefined, 2)}\n`);
  for (const chart of merged.charts) {
    written.push(`${chart.name}.svg`);
    writeFileSync(path.join(results, `${chart.name}.svg`), renderBarChart(chart, merged.rows));
  }
  console.log(`\nwritten to benchmarks/results/: ${written.join(', ')}`);
  if (!publish) return;
  const { formatPage } = await load('result-page.js');
  mkdirSync(published, { recursive: true });
  writeFileSync(path.join(published, `${name}.md`), formatPage(merged));
  for (const each of written) copyFileSync(path.join(results, each), path.join(published, each));
  console.log('copied to docs/charts/');
}

function load(file) {
  return import(pathToFileURL(path.join(compiled, 'shared', file)).href);
}

function readIfThere(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

async function main() {
  const benchmarks = findBenchmarks();
  const { wanted, publish, build, help, unknown } = parseBenchArguments(
    process.argv.slice(2),
    benchmarks.map(({ name }) => name),
  );
  if (wanted.length === 0 || unknown !== undefined) {
    if (unknown !== undefined) console.log(`there is no benchmark '${unknown}'\n`);
    printList(benchmarks);
    return unknown === undefined || help ? 0 : 2;
  }
  const isBuilt =
    !build ||
    ((await runStage('build', ['scripts/build.mjs'])) && (await runStage('compile', ['scripts/build-test.mjs'])));
  if (!isBuilt) return 1;
  let worst = 0;
  for (const { name, flags } of wanted) {
    console.log(`\n${name} ${flags.join(' ')}`);
    const told = await run(
      benchmarks.find((benchmark) => benchmark.name === name),
      flags,
    );
    worst = Math.max(worst, told.code);
    if (told.rows.length > 0) await keep(name, told, publish);
  }
  return worst;
}

process.exitCode = await main();
