/**
 * `npm run bench`: lists the benchmarks; `npm run bench NAME [-- FLAGS]` builds and runs one, prints its cases as a table
 * and appends them as JSON lines to `benchmarks/results/`. A benchmark is a file `benchmarks/…/NAME.bench.ts`, which
 * prints a JSON object a case on stdout, and progress for people on stderr; `--help` is the benchmark's own.
 */
import { spawn } from 'node:child_process';
import { appendFileSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { projectRoot, runStage } from './run-stage.mjs';

const folder = path.join(projectRoot, 'benchmarks');

/** Name → source, with the first sentence of its header. */
function findBenchmarks() {
  const files = readdirSync(folder, { recursive: true }).filter((file) => file.endsWith('.bench.ts'));
  return files.map((file) => {
    const header = /\/\*\*([\s\S]*?)\*\//.exec(readFileSync(path.join(folder, file), 'utf8'))?.[1] ?? '';
    const text = header
      .replace(/^\s*\* ?/gm, '')
      .replaceAll('\n', ' ')
      .trim();
    return { name: path.basename(file, '.bench.ts'), file, summary: text.split(/[.:] /)[0] };
  });
}

function printList(benchmarks) {
  console.log('npm run bench NAME [-- FLAGS]; npm run bench NAME -- --help tells the flags\n');
  for (const { name, summary } of benchmarks) console.log(`  ${name.padEnd(18)}${summary}`);
}

/** Runs it; each JSON line becomes a row. */
async function run({ file, name }, args) {
  const script = path.join(projectRoot, 'build/benchmarks', file.replace(/\.ts$/, '.js'));
  const child = spawn(process.execPath, ['--enable-source-maps', script, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const rows = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (line.startsWith('{')) rows.push(JSON.parse(line));
    else console.log(line);
  });
  const code = await new Promise((resolve) => child.on('close', resolve));
  if (rows.length > 0) {
    printTable(rows);
    const results = path.join(folder, 'results');
    mkdirSync(results, { recursive: true });
    const at = new Date().toISOString();
    appendFileSync(
      path.join(results, `${name}.jsonl`),
      rows.map((row) => `${JSON.stringify({ at, ...row })}\n`).join(''),
    );
    console.log(`\nappended to benchmarks/results/${name}.jsonl`);
  }
  return code ?? 1;
}

/** Columns that are the same in each row stand above the table. */
function printTable(rows) {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const isShared = (key) => rows.length > 1 && rows.every((row) => cell(row[key]) === cell(rows[0][key]));
  const alone = ['benchmark', 'node', 'machine', 'settings'];
  const shared = columns.filter((key) => alone.includes(key) || isShared(key));
  const own = columns.filter((key) => !shared.includes(key));
  console.log('');
  for (const key of shared) console.log(`${key}: ${cell(rows[0][key])}`);
  if (own.length === 0) return;
  const lines = [own, ...rows.map((row) => own.map((key) => cell(row[key])))];
  const widths = own.map((_, index) => Math.max(...lines.map((line) => line[index].length)));
  console.log('');
  for (const line of lines) {
    console.log(
      line.map((text, index) => (index === 0 ? text.padEnd(widths[0]) : text.padStart(widths[index]))).join('  '),
    );
  }
}

function cell(value) {
  if (value === undefined || value === null) return '';
  if (typeof value.median === 'number') {
    return value.min === value.max ? `${value.median}` : `${value.median} (${value.min} to ${value.max})`;
  }
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

const [name, ...args] = process.argv.slice(2);
const benchmarks = findBenchmarks();
const wanted = benchmarks.find((benchmark) => benchmark.name === name);
if (wanted) {
  const built =
    (await runStage('build', ['scripts/build.mjs'])) && (await runStage('compile', ['scripts/build-test.mjs']));
  process.exitCode = built ? await run(wanted, args) : 1;
} else {
  if (name !== undefined && !name.startsWith('-')) console.log(`there is no benchmark '${name}'\n`);
  printList(benchmarks);
  process.exitCode = name === undefined || name.startsWith('-') ? 0 : 2;
}
