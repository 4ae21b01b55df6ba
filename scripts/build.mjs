/**
 * What ships: `src/` as a few ES modules in `dist/`, third-party code that can be bundled included, since starting a
 * bundle costs half of what starting the packages costs. Native code and WASM stay packages.
 *
 *   node scripts/build.mjs            the bundles
 *   node scripts/build.mjs --types    the type declarations of the public API too (for publishing)
 *
 * Entry points and their shared chunks lie flat in `dist/`, so that `new URL('./worker-main.js', import.meta.url)` means
 * the same there as in the output of `tsc` (`build/src/workers/`).
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = path.join(root, 'dist');

/**
 * Our own entry points, name in `dist/` → source, by the threads that load them. Chunks are shared among those of one kind of
 * thread only: every file that a thread has to find and read costs it half a millisecond or more.
 */
const MAIN_ENTRIES = {
  cli: 'src/cli/main.ts',
  index: 'src/engine/index.ts',
  'worker-threads': 'src/workers/worker-threads.ts',
};
const WORKER_ENTRIES = {
  'worker-main': 'src/workers/worker-main.ts',
  'piscina-worker': 'node_modules/piscina/dist/worker.js',
};

/** Packages that stay packages: native code, WASM beside its JavaScript, and oclif plugins, which oclif loads itself. */
const PACKAGES = ['better-sqlite3', '@napi-rs/blake-hash', 'blake3-wasm', '@oclif/plugin-plugins'];

/** What oclif and piscina ask for only when it is there, and we never need: TypeScript alone weighs 10 MB. */
const NEVER_NEEDED = ['typescript', '@napi-rs/nice'];

/** CommonJS inside an ES module needs what Node gives to CommonJS alone. */
const COMMONJS_BANNER = [
  "import { createRequire as __createRequire } from 'node:module';",
  "import { fileURLToPath as __fileURLToPath } from 'node:url';",
  'const require = __createRequire(import.meta.url);',
  "const __filename = __fileURLToPath(import.meta.url), __dirname = __fileURLToPath(new URL('.', import.meta.url));",
].join('\n');

/** Piscina starts its own worker file from its own folder; bundled, that file is `dist/piscina-worker.js`. */
const piscinaWorkerPlugin = {
  name: 'piscina-worker',
  setup(builder) {
    builder.onLoad({ filter: /piscina[\\/]dist[\\/]index\.js$/ }, ({ path: file }) => {
      const source = readFileSync(file, 'utf8');
      const contents = source.replace("(__dirname, 'worker.js')", "(__dirname, 'piscina-worker.js')");
      if (contents === source)
        throw new Error(`${file} no longer names its worker as expected: adapt scripts/build.mjs`);
      return { contents, loader: 'js' };
    });
  },
};

async function buildBundles(entryPoints) {
  const result = await build({
    absWorkingDir: root,
    entryPoints,
    outdir: dist,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    external: [...PACKAGES, ...NEVER_NEEDED],
    banner: { js: COMMONJS_BANNER },
    sourcemap: 'linked',
    sourcesContent: false,
    chunkNames: 'chunk-[hash]',
    legalComments: 'none',
    metafile: true,
    logLevel: 'warning',
    plugins: [piscinaWorkerPlugin],
  });
  return Object.entries(result.metafile.outputs).map(([file, { bytes }]) => ({ file: path.basename(file), bytes }));
}

/** Removes what an earlier build left; only then, so that a process that runs from `dist/` finds its chunks for long. */
function removeStale(outputs) {
  const fresh = new Set(outputs.map(({ file }) => file));
  for (const entry of readdirSync(dist)) {
    if (!fresh.has(entry) && entry !== 'types') rmSync(path.join(dist, entry), { recursive: true, force: true });
  }
}

function emitTypes() {
  rmSync(path.join(dist, 'types'), { recursive: true, force: true });
  const tsc = path.join(root, 'node_modules/typescript/bin/tsc');
  execFileSync(process.execPath, [tsc, '-p', 'tsconfig.types.json'], { cwd: root, stdio: 'inherit' });
}

const startedMs = performance.now();
const outputs = (await Promise.all([MAIN_ENTRIES, WORKER_ENTRIES].map(buildBundles))).flat();
removeStale(outputs);
if (process.argv.includes('--types')) emitTypes();
const kib = outputs.filter(({ file }) => file.endsWith('.js')).reduce((sum, { bytes }) => sum + bytes, 0) / 1024;
console.log(`build: dist/ ${kib.toFixed(0)} KiB in ${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
