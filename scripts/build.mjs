/**
 * What ships: `src/` as a few files in `dist/`, third-party code that can be bundled included, since starting a bundle costs
 * half of what starting the packages costs. CommonJS for the command line and its threads, ES modules for programs. Native
 * code and WASM stay packages.
 *
 *   node scripts/build.mjs            the bundles
 *   node scripts/build.mjs --types    the type declarations of the public API too (for publishing)
 *
 * Entry points and their shared chunks lie flat in `dist/`, so that `new URL('./worker-main.js', import.meta.url)` means
 * the same there as in the output of `tsc` (`build/src/workers/`).
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { compileCode, hasCode } from './compile-code.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = path.join(root, 'dist');

/**
 * What the command line runs: CommonJS, which Node loads with code that was compiled before (`bin/load-bundle.js`). Name in
 * `dist/` → source. One is a file for all commands, as a file more costs half a millisecond, and what a command does not use
 * costs nothing.
 */
const COMMAND_ENTRIES = {
  cli: 'src/cli/main.ts',
  'worker-threads': 'src/workers/worker-threads.ts',
  'worker-main': 'src/workers/worker-main.ts',
  'piscina-worker': 'node_modules/piscina/dist/worker.js',
};

/** What programs import: ES modules. Their worker threads load the same files as ours. */
const MODULE_ENTRIES = { index: 'src/engine/index.ts' };

/** Packages that stay packages: native code, WASM beside its JavaScript, and oclif plugins, which oclif loads itself. */
const PACKAGES = ['*.node', '@napi-rs/blake-hash', 'blake3-wasm', '@oclif/plugin-plugins'];

/** What oclif and piscina ask for only when it is there, and we never need: TypeScript alone weighs 10 MB. */
const NEVER_NEEDED = ['typescript', '@napi-rs/nice'];

/** CommonJS inside an ES module needs what Node gives to CommonJS alone. */
const MODULE_BANNER = [
  "import { createRequire as __createRequire } from 'node:module';",
  "import { fileURLToPath as __fileURLToPath } from 'node:url';",
  'const require = __createRequire(import.meta.url);',
  "const __filename = __fileURLToPath(import.meta.url), __dirname = __fileURLToPath(new URL('.', import.meta.url));",
].join('\n');

/** And the other way round; for `__toBuiltin` and `__later` see `finish`. */
const COMMONJS_BANNER = [
  "const __importMetaUrl = require('node:url').pathToFileURL(__filename).href;",
  'const __builtins = new Map();',
  'function __toBuiltin(id) {',
  '  if (!__builtins.has(id)) __builtins.set(id, __toESM(require(id)));',
  '  return __builtins.get(id);',
  '}',
  "const __later = (id) => new Proxy({}, { get: (_, key) => require('node:' + id)[key] });",
].join('\n');

/** A bundle is one function, as Node makes one of each CommonJS module; `import` for what `finish` says. */
const BUNDLE_HEAD = '(function (exports, require, module, __filename, __dirname, __import) {';

/** Modules of Node that take a millisecond or more to load, and that most commands never use; functions, not classes to extend. */
const SELDOM_USED = ['child_process', 'dns/promises', 'https', 'readline', 'readline/promises', 'tls'];

/** Piscina starts its own worker file from its own folder; bundled, that file is `dist/piscina-worker.js`. */
const piscinaWorkerPlugin = {
  name: 'piscina-worker',
  setup(builder) {
    const file = /piscina[\\/]dist[\\/]index\.js$/;
    replaceIn(builder, file, "(__dirname, 'worker.js')", "(__dirname, 'piscina-worker.js')");
  },
};

/** Bundles that file with other words in one place, and refuses to when they do not stand there. */
function replaceIn(builder, filter, words, replacement) {
  builder.onLoad({ filter }, ({ path: file }) => {
    const source = readFileSync(file, 'utf8');
    const contents = source.replace(words, replacement);
    if (contents === source) throw new Error(`${file} no longer has ${words}: adapt scripts/build.mjs`);
    return { contents, loader: file.endsWith('.ts') ? 'ts' : 'js' };
  });
}

/**
 * SQLite's JavaScript is fifteen files, which takes Node longer to find than to run, and looks for its native half in a
 * dozen places: in the bundle it is one function, called when a database is opened, and names the place.
 */
const sqlitePlugin = {
  name: 'sqlite',
  setup(builder) {
    replaceIn(builder, /src[\\/]database[\\/]sqlite\.ts$/, "load('better-sqlite3')", "require('better-sqlite3')");
    const search = "require('bindings')('better_sqlite3.node')";
    const place = "require('better-sqlite3/build/Release/better_sqlite3.node')";
    replaceIn(builder, /better-sqlite3[\\/]lib[\\/]database\.js$/, search, place);
  },
};

/** The threads that `bin/run.js` starts early are taken over by the command line: one module for both. */
const sharedModulePlugin = {
  name: 'shared-module',
  setup(builder) {
    builder.onResolve({ filter: /\/worker-threads\.js$/ }, ({ kind }) =>
      kind === 'entry-point' ? undefined : { path: './worker-threads.js', external: true },
    );
  },
};

/** Name and digest of each bundle of the command line. */
const bundleIds = [];

/** Folders of `dist/` that are not written by esbuild. */
const KEPT = ['types', 'code'];

const COMMON_OPTIONS = {
  absWorkingDir: root,
  outdir: dist,
  bundle: true,
  platform: 'node',
  target: 'node20',
  external: [...PACKAGES, ...NEVER_NEEDED],
  sourcemap: 'linked',
  sourcesContent: false,
  legalComments: 'none',
  metafile: true,
  logLevel: 'warning',
};

async function buildCommandBundles() {
  const result = await build({
    ...COMMON_OPTIONS,
    entryPoints: Object.fromEntries(
      Object.entries(COMMAND_ENTRIES).map(([name, source]) => [`${name}.bundle`, source]),
    ),
    format: 'cjs',
    minifyWhitespace: true,
    minifySyntax: true,
    banner: { js: COMMONJS_BANNER },
    define: { 'import.meta.url': '__importMetaUrl' },
    plugins: [piscinaWorkerPlugin, sqlitePlugin, sharedModulePlugin],
  });
  const bundles = outputsOf(result);
  const loaders = Object.keys(COMMAND_ENTRIES).map((name) => {
    const file = path.join(dist, `${name}.bundle.js`);
    const source = `${BUNDLE_HEAD}${finish(readFileSync(file, 'utf8'))}\n})`;
    writeFileSync(file, source);
    const digest = createHash('sha256').update(source).digest('hex').slice(0, 12);
    bundleIds.push(`${name}-${digest}`);
    const text = `module.exports = require('../bin/load-bundle.js').loadBundle('${name}', '${digest}', require);\n`;
    return write(`${name}.js`, text);
  });
  return [...bundles, ...loaders, write('package.json', '{ "type": "commonjs" }\n')];
}

async function buildModules() {
  const result = await build({
    ...COMMON_OPTIONS,
    entryPoints: MODULE_ENTRIES,
    splitting: true,
    format: 'esm',
    outExtension: { '.js': '.mjs' },
    chunkNames: 'chunk-[hash]',
    banner: { js: MODULE_BANNER },
    plugins: [piscinaWorkerPlugin, sqlitePlugin],
  });
  return outputsOf(result);
}

/**
 * What esbuild leaves to do: ASCII in regular expressions too; one wrapper for each module of Node, where each of our modules
 * would make its own and copy all of `node:path` into it; `SELDOM_USED` loaded when something of it is used; and `import()`
 * by a function of whoever loads the bundle, since V8 forgets where compiled code imports from (Node 20.20: "A dynamic import
 * callback was not specified").
 */
function finish(source) {
  return source
    .replace(/[^\0-\x7f]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .replace(/__toESM\(require\(("node:[a-z_/]+")\)(?:,1)?\)/g, '__toBuiltin($1)')
    .replace(/\bawait import\(/g, 'await __import(')
    .replace(/\brequire\("(?:node:)?([a-z_/]+)"\)/g, (call, id) =>
      SELDOM_USED.includes(id) ? `__later("${id}")` : call,
    );
}

function outputsOf({ metafile }) {
  return Object.entries(metafile.outputs).map(([file, { bytes }]) => ({ file: path.basename(file), bytes }));
}

function write(file, text) {
  writeFileSync(path.join(dist, file), text);
  return { file, bytes: text.length };
}

/** Removes what an earlier build left; only then, so that a process that runs from `dist/` finds its chunks for long. */
function removeStale(outputs) {
  const fresh = new Set(outputs.map(({ file }) => file));
  for (const entry of readdirSync(dist)) {
    if (!fresh.has(entry) && !KEPT.includes(entry)) rmSync(path.join(dist, entry), { recursive: true, force: true });
  }
}

function emitTypes() {
  rmSync(path.join(dist, 'types'), { recursive: true, force: true });
  const tsc = path.join(root, 'node_modules/typescript/bin/tsc');
  execFileSync(process.execPath, [tsc, '-p', 'tsconfig.types.json'], { cwd: root, stdio: 'inherit' });
}

/** What was compiled stays while the bundles are the same. A build without it is whole, only slower to start. */
async function keepCompiledCode() {
  const code = path.join(dist, 'code');
  if (hasCode(bundleIds)) return;
  rmSync(code, { recursive: true, force: true });
  try {
    await compileCode();
  } catch (error) {
    console.warn(`build: nothing was compiled ahead, so commands start slower: ${error.message}`);
  }
  // Threads are ended at any moment, this one's writing included.
  const written = existsSync(code) ? readdirSync(code) : [];
  for (const file of written) if (file.endsWith('.tmp')) rmSync(path.join(code, file));
}

const startedMs = performance.now();
mkdirSync(dist, { recursive: true });
const outputs = (await Promise.all([buildCommandBundles(), buildModules()])).flat();
removeStale(outputs);
await keepCompiledCode();
if (process.argv.includes('--types')) emitTypes();
const kib = outputs.filter(({ file }) => /\.m?js$/.test(file)).reduce((sum, { bytes }) => sum + bytes, 0) / 1024;
console.log(`build: dist/ ${kib.toFixed(0)} KiB in ${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
