'use strict';
/**
 * Loads a bundle of `dist/` with the code that V8 made of it before: parsing it anew at each start, in the main thread and
 * in each worker, takes as long as all else of ours that a start does. CommonJS, since Node takes such code for that alone.
 *
 * The code lies beside the bundle, in a file for each release of Node and kind of processor. `npm run build` makes it for
 * the Node that builds, from commands that it runs; with another Node the first command makes it, where it may write. V8
 * refuses what another release or other flags made, and compiles as if there were none. Set P2P_CODE_CACHE to `off` to do
 * without, to `renew` to write it anew with what this process needs and the file lacks.
 */
const { createHash } = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
const vm = require('node:vm');
const { isMainThread, threadId } = require('node:worker_threads');

const dist = path.join(__dirname, '..', 'dist');
const mode = process.env.P2P_CODE_CACHE;

/** A worker may be ended at any moment, so that its code is written while it runs. */
const WORKER_WRITES_AFTER_MS = mode === 'renew' ? 50 : 2000;

const DIGEST_BYTES = 20;

/**
 * @param {string} name of the bundle: `dist/<name>.bundle.js`
 * @param {string} build digest of its text, so that code of another build is never taken for it
 * @param {NodeJS.Require} requireThere `require` of a module in `dist/`
 * @returns {unknown} what the bundle exports; anew with each call, so only one module may make it
 */
function loadBundle(name, build, requireThere) {
  const bundle = path.join(dist, `${name}.bundle.js`);
  const codeFile = path.join(dist, 'code', `${name}-${build}-${process.version}-${process.arch}.bin`);
  const cachedData = mode === 'off' ? undefined : readCode(codeFile);
  // The build writes ASCII alone, and text of one byte a character is taken as it is: one function.
  const source = fs.readFileSync(bundle, 'latin1');
  const script = new vm.Script(source, { filename: bundle, cachedData });
  const isUseless = cachedData === undefined || script.cachedDataRejected;
  if (mode === 'renew' || (mode !== 'off' && isUseless && hasNoFlags())) writeLater(script, codeFile);
  const module = { exports: {} };
  // As the file that exports what the bundle does: by that name oclif loads our commands, which are there already.
  const file = path.join(dist, `${name}.js`);
  script.runInThisContext()(module.exports, requireThere, module, file, dist, importModule);
  return module.exports;
}

/** Modules by URL or of Node: the bundles name no others that way. */
function importModule(specifier) {
  return import(specifier);
}

/** Code whose digest holds: V8 ends the process over a file that a power cut left half written. */
function readCode(file) {
  try {
    const content = fs.readFileSync(file);
    const code = content.subarray(DIGEST_BYTES);
    return digestOf(code).equals(content.subarray(0, DIGEST_BYTES)) ? code : undefined;
  } catch {
    return undefined;
  }
}

function digestOf(code) {
  return createHash('sha1').update(code).digest();
}

/** V8 refuses without its flags what it made with them, and the other way round. That flag of our threads is Node's own. */
function hasNoFlags() {
  const flags = process.execArgv.filter((flag) => flag !== '--no-experimental-require-module');
  return flags.length === 0 && !process.env.NODE_OPTIONS;
}

function writeLater(script, file) {
  const write = () => writeCode(script, file);
  if (isMainThread) process.once('exit', write);
  else if (mode === 'renew') setInterval(write, WORKER_WRITES_AFTER_MS).unref();
  else setTimeout(write, WORKER_WRITES_AFTER_MS).unref();
}

/** Whole or not at all, and never an error: the folder of an installation may be read-only. */
function writeCode(script, file) {
  const unfinished = `${file}.${process.pid}-${threadId}.tmp`;
  try {
    fs.mkdirSync(path.dirname(file), { recursive: true });
    // Before the work of making it: where nothing can be written, each command would do that in vain.
    fs.writeFileSync(unfinished, '');
    const code = script.createCachedData();
    fs.writeFileSync(unfinished, Buffer.concat([digestOf(code), code]));
    fs.renameSync(unfinished, file);
  } catch {
    try {
      fs.rmSync(unfinished, { force: true });
    } catch {
      // Nothing was written there, then.
    }
  }
}

module.exports = { loadBundle };
