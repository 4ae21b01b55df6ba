/**
 * The last step of the build: the code that V8 makes of the bundles, kept for `bin/load-bundle.js`. V8 compiles a function
 * when it is called first, so the commands are run, one after the other, each adding to what those before it compiled.
 */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { P2pChild } from './p2p-child.mjs';
import { projectRoot } from './run-stage.mjs';

/** Enough for several pieces, uploads and a few requests in flight. */
const FILE_BYTES = 3_000_000;

/** Ends a run that hangs; it takes some seconds. */
const LIMIT_MS = 60_000;

/** Neither looks for others on this network. */
const ALONE = { P2P_LSD: 'false', P2P_DHT: 'false', P2P_CONFIG: '', NO_COLOR: '1' };
const RENEWING = { ...ALONE, P2P_CODE_CACHE: 'renew' };
const HELPING = { ...ALONE, P2P_CODE_CACHE: 'off' };

/** Whether `dist/code` has all that this Node takes from there. */
export function hasCode(bundleIds) {
  const suffix = `-${process.version}-${process.arch}.bin`;
  const there = readdirIfThere(path.join(projectRoot, 'dist/code'));
  return bundleIds.every((id) => there.includes(id + suffix));
}

function readdirIfThere(folder) {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (error.code === 'ENOENT') return [];
    throw error;
  }
}

/** Runs the commands. Rejects when one fails, and leaves no process behind. */
export async function compileCode() {
  const folder = mkdtempSync(path.join(tmpdir(), 'p2p-build-'));
  const children = [];
  let started = 0;
  const start = (env, ...args) => {
    const child = new P2pChild(args, path.join(folder, `state-${(started += 1)}`), () => {}, env);
    children.push(child);
    return child;
  };
  const file = path.join(folder, 'file.bin');
  const torrent = path.join(folder, 'file.torrent');
  writeFileSync(file, Buffer.alloc(FILE_BYTES, 'What is compiled once need not be compiled again. '));
  const startSeed = async (env) => {
    const seed = start(env, 'peer', 'seed', file, '--torrent', torrent, '--port', '0');
    await seed.line('announced');
    return seed;
  };
  const download = (env) =>
    start(env, 'peer', 'download', torrent, '--port', '0', '-o', path.join(folder, `out-${started}`)).result();
  const limit = setTimeout(() => children.forEach((child) => void child.kill()), LIMIT_MS);
  try {
    const tracker = start(HELPING, 'tracker', 'start', '--host', '127.0.0.1', '--port', '0');
    const { url } = await tracker.line('listening');
    await start(RENEWING, 'create', file, '-o', torrent, '--piece-length', '256K', '--tracker', url).result();
    const seed = await startSeed(HELPING);
    await download(RENEWING);
    await seed.stop();
    const renewingSeed = await startSeed(RENEWING);
    await download(HELPING);
    await renewingSeed.stop();
    await tracker.stop();
    for (const args of [['verify', torrent, file], ['show', torrent], ['status'], ['--help']]) {
      await start(RENEWING, ...args).result();
    }
  } finally {
    clearTimeout(limit);
    await Promise.all(children.map((child) => child.kill()));
    rmSync(folder, { recursive: true, force: true });
  }
}
