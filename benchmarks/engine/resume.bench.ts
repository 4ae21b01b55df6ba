/**
 * Starting again: a download of 64 GiB (sparse files) from the start of the process to its first request to a peer, after a
 * clean stop and after kill -9; many stored torrents until all of them are served, and how long `p2p status` takes with
 * them. Nothing here is hashed but what a crash leaves in doubt.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { buildInfo, buildMetainfo } from '../../src/metainfo/build-metainfo.js';
import { infoHashBytes } from '../../src/metainfo/info-hash.js';
import type { Metainfo } from '../../src/metainfo/metainfo.js';
import { parseMetainfo } from '../../src/metainfo/parse-metainfo.js';
import { CopyStore } from '../../src/store/copy-store.js';
import { openStateDatabase } from '../../src/store/database.js';
import { parseSizeBytes } from '../../src/units.js';
import { startFirstRequestPeer } from '../shared/first-request-peer.js';
import { P2P, P2pBench, writeRandomFile } from '../shared/p2p-bench.js';
import { Report } from '../shared/report.js';
import { median, spread } from '../shared/statistics.js';

const HELP = 'npm run bench resume -- [--size 64G] [--torrents 1000] [--runs 5]';
const PIECE_BYTES = 16_777_216;
/** Pieces that the download still lacks, and those that a crash leaves verified but not durable. */
const LACKING = 16;
const DOUBTFUL = 4;

const { values } = parseArgs({
  options: {
    size: { type: 'string', default: '64G' },
    torrents: { type: 'string', default: '1000' },
    runs: { type: 'string', default: '5' },
    help: { type: 'boolean', default: false },
  },
});

const results = new Report({
  benchmark: 'resume',
  settings: { size: values.size, torrents: values.torrents, runs: values.runs },
});

type StopKind = 'clean' | 'killed';

/** A torrent of zeros, hashed once: every piece is the same. */
function aTorrentOfZeros(bench: P2pBench, sizeBytes: number): Metainfo {
  const sample = bench.path('zeros.bin');
  makeSparse(sample, PIECE_BYTES);
  const made = spawnSync(
    process.execPath,
    [P2P, 'create', sample, '-o', `${sample}.torrent`, '--piece-length', '16M'],
    {
      env: { ...process.env, P2P_STATE: bench.path('state-create') },
    },
  );
  if (made.status !== 0) throw new Error(made.stderr.toString());
  const { digests } = parseMetainfo(readFileSync(`${sample}.torrent`));
  const pieceCount = Math.ceil(sizeBytes / PIECE_BYTES);
  const repeated = [...digests].map(([name, digest]) => [name, repeat(digest, pieceCount)] as const);
  const infoBytes = buildInfo({
    ...{ name: 'large.bin', isFolder: false, files: [{ path: [], lengthBytes: pieceCount * PIECE_BYTES }] },
    ...{ pieceLengthBytes: PIECE_BYTES, digests: new Map(repeated), isPrivate: false },
  });
  return parseMetainfo(buildMetainfo({ infoBytes, trackerTiers: [] }));
}

/** The state that an earlier run left, and its `.part`. */
function prepareDownload(stateDir: string, outputDir: string, metainfo: Metainfo, kind: StopKind): void {
  const { infoHash, name, layout, infoBytes } = metainfo;
  mkdirSync(outputDir, { recursive: true });
  const rootPath = path.join(outputDir, name);
  makeSparse(`${rootPath}.part`, layout.totalBytes);
  const { size, mtimeNs, ctimeNs, ino } = statSync(`${rootPath}.part`, { bigint: true });
  const database = openStateDatabase(stateDir);
  const store = new CopyStore(database);
  const { totalBytes, pieceCount, pieceLengthBytes } = layout;
  const metainfoBytes = buildMetainfo({ infoBytes, trackerTiers: [] });
  const { id } = store.openCopy({
    ...{ infoHash, rootPath, role: 'download', metainfoBytes, name },
    ...{ totalBytes, pieceCount, pieceLengthBytes, trackerTiers: [] },
  });
  const verified = Array.from({ length: pieceCount - LACKING }, (_, index) => index);
  store.recordPieces(id, { verified, durable: verified.slice(0, -DOUBTFUL) });
  store.recordFiles(id, [{ fileIndex: 0, sizeBytes: Number(size), mtimeNs, ctimeNs, inode: ino }]);
  if (kind === 'clean') store.markStoppedCleanly(id);
  database.close();
}

async function measureFirstRequest(bench: P2pBench, metainfo: Metainfo, kind: StopKind): Promise<void> {
  const { pieceCount, totalBytes } = metainfo.layout;
  const peer = await startFirstRequestPeer(infoHashBytes(metainfo.infoHash), pieceCount);
  const torrent = bench.path('large.torrent');
  writeFileSync(torrent, buildMetainfo({ infoBytes: metainfo.infoBytes, trackerTiers: [[peer.url]] }));
  const times: number[] = [];
  const hashed: unknown[] = [];
  try {
    for (let run = 0; run < Number(values.runs); run += 1) {
      const name = `large-${kind}-${run}`;
      const outputDir = bench.path(`output-${name}`);
      prepareDownload(bench.path(`state-${name}`), outputDir, metainfo, kind);
      const asked = peer.nextRequest();
      const startMs = performance.now();
      const process = bench.start(name, ['peer', 'download', torrent, '-o', outputDir, '-p', '0']);
      const ended = process.exit().then(() => Promise.reject(new Error(JSON.stringify(process.lines.at(-1)))));
      ended.catch(() => undefined);
      times.push((await Promise.race([asked, ended])) - startMs);
      hashed.push((await process.line('resumed'))['hashedPieces']);
      await process.kill();
    }
  } finally {
    await peer.close();
  }
  const name = `${kind === 'clean' ? 'clean stop' : 'kill -9'}, ${totalBytes / 1_073_741_824} GiB: first request`;
  report(name, times, { hashedPieces: hashed[0] });
}

/** Many small torrents, stored by a seeder that ended in order. */
async function seedMany(bench: P2pBench, count: number): Promise<void> {
  const folder = bench.path('many');
  mkdirSync(folder);
  const files = Array.from({ length: count }, (_, index) => path.join(folder, `${index}.bin`));
  for (const file of files) writeRandomFile(file, 2_000);
  const url = await bench.startTracker();
  const seeder = bench.start('many', ['peer', 'seed', ...files, '--tracker', url, '-p', '0']);
  await untilSeeding(seeder, count);
  await seeder.stop();
}

async function measureMany(bench: P2pBench, count: number): Promise<void> {
  for (const kind of ['clean', 'killed'] as const) {
    const times: number[] = [];
    for (let run = 0; run < Number(values.runs); run += 1) {
      const startMs = performance.now();
      const process = bench.start('many', ['peer', 'resume', '--all', '-p', '0']);
      await untilSeeding(process, count);
      times.push(performance.now() - startMs);
      // The state that the next run finds.
      if (kind === 'clean') await process.stop();
      else await process.kill();
    }
    report(`${kind === 'clean' ? 'clean stop' : 'kill -9'}, ${count} torrents: all served`, times, {});
  }
  measureStatus(bench, count);
}

/** In turn with a bare start of Node, so that a slow moment of the machine falls on both. */
function measureStatus(bench: P2pBench, count: number): void {
  const [bare, status]: [number[], number[]] = [[], []];
  const runMs = (args: readonly string[]): number => {
    const startMs = performance.now();
    const { status: code } = spawnSync(process.execPath, args, {
      stdio: 'ignore',
      env: { ...process.env, P2P_STATE: bench.path('state-many') },
    });
    if (code !== 0) throw new Error(`node ${args.join(' ')} ended with ${code}`);
    return performance.now() - startMs;
  };
  for (let run = 0; run <= Number(values.runs) * 2; run += 1) {
    const [bareMs, statusMs] = [runMs(['-e', '0']), runMs([P2P, 'status'])];
    if (run === 0) continue;
    bare.push(bareMs);
    status.push(statusMs);
  }
  report('node -e 0', bare, {});
  report(`p2p status, ${count} transfers`, status, { bareStarts: Number((median(status) / median(bare)).toFixed(2)) });
}

async function untilSeeding(process: ReturnType<P2pBench['start']>, count: number): Promise<void> {
  await process.lineWhere((lines) => lines.filter(({ type }) => type === 'seeding').length >= count);
}

function report(name: string, times: readonly number[], more: Readonly<Record<string, unknown>>): void {
  results.row({ case: name, client: name.startsWith('node') ? 'node' : 'p2p', ms: spread(times, 0), ...more });
}

function makeSparse(file: string, sizeBytes: number): void {
  const fd = openSync(file, 'w');
  ftruncateSync(fd, sizeBytes);
  closeSync(fd);
}

function repeat(bytes: Uint8Array, count: number): Uint8Array {
  const all = new Uint8Array(bytes.length * count);
  for (let at = 0; at < count; at += 1) all.set(bytes, at * bytes.length);
  return all;
}

async function main(): Promise<void> {
  const bench = new P2pBench();
  try {
    const large = aTorrentOfZeros(bench, parseSizeBytes(values.size));
    await measureFirstRequest(bench, large, 'clean');
    await measureFirstRequest(bench, large, 'killed');
    const count = Number(values.torrents);
    await seedMany(bench, count);
    await measureMany(bench, count);
    results.chart({ name: 'resume', title: 'resume: from the start of the process', figure: 'ms', unit: 'ms' });
  } finally {
    await bench.close();
  }
}

if (values.help) console.log(HELP);
else await main();
