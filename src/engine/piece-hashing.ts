/** Hashing many pieces in the worker threads: for `create`, `verify`, seeding, and what a restart finds on disk. */
import { MetainfoError } from '../errors.js';
import type { HashRegistry } from '../hashing/hash-registry.js';
import { isCheckedByAll, PieceVerifier } from '../hashing/piece-verifier.js';
import type { Metainfo } from '../metainfo/metainfo.js';
import type { PieceLayout } from '../metainfo/piece-layout.js';
import { Bitfield } from '../protocol/bitfield.js';
import type { TorrentFile } from '../workers/worker-messages.js';
import type { WorkerPool } from '../workers/worker-pool.js';
import type { HashProgress } from './engine-types.js';

/** Bytes of one task: small enough to share the threads fairly, large enough to be worth a message. */
const TASK_BYTES = 16_777_216;
const TASKS_EACH_THREAD = 2;

export interface PieceHashes {
  /** All digests of each algorithm, concatenated in piece order; zeros where a piece was not read. */
  readonly digests: ReadonlyMap<string, Uint8Array>;
  /** Pieces that could not be read whole, ascending. */
  readonly unreadable: readonly number[];
}

export interface HashJob {
  readonly pool: WorkerPool;
  readonly registry: HashRegistry;
  readonly hashPluginUrls: readonly string[];
  readonly layout: PieceLayout;
  readonly files: readonly TorrentFile[];
  readonly algorithms: readonly string[];
  /** Only these pieces; all when left out. */
  readonly only?: Bitfield;
  readonly onProgress?: HashProgress | undefined;
}

/** @throws {P2P_HASH_UNKNOWN} and what the workers throw */
export async function hashAllPieces(job: HashJob): Promise<PieceHashes> {
  const { layout, algorithms, registry, pool } = job;
  const digestLengths = algorithms.map((name) => registry.require(name).digestLength);
  const digests = new Map(
    algorithms.map((name, at) => [name, new Uint8Array(layout.pieceCount * (digestLengths[at] ?? 0))]),
  );
  const unreadable: number[] = [];
  const ranges = taskRanges(layout, job.only);
  const totalBytes = ranges.reduce((sum, range) => sum + rangeBytes(layout, range), 0);
  let doneBytes = 0;
  let next = 0;
  const runNext = async (): Promise<void> => {
    for (let range = ranges[next++]; range; range = ranges[next++]) {
      const result = await pool.hash({
        type: 'hash-pieces',
        hashPluginUrls: job.hashPluginUrls,
        pieceLengthBytes: layout.pieceLengthBytes,
        files: job.files,
        firstPiece: range.first,
        endPiece: range.end,
        algorithms,
      });
      algorithms.forEach((name, at) => {
        digests.get(name)?.set(result.digests[at] ?? new Uint8Array(), range.first * (digestLengths[at] ?? 0));
      });
      unreadable.push(...result.unreadable);
      doneBytes += rangeBytes(layout, range);
      job.onProgress?.(doneBytes, totalBytes);
    }
  };
  await Promise.all(Array.from({ length: pool.hostCount * TASKS_EACH_THREAD }, runNext));
  return { digests, unreadable: unreadable.sort((one, other) => one - other) };
}

/**
 * Which pieces on disk are what the torrent promises.
 * @throws {P2P_METAINFO_UNKNOWN_HASHES} when no algorithm of the torrent is known here
 * @throws {P2P_TORRENT_CONTRADICTS_ITSELF} when its algorithms disagree about the same bytes
 */
export async function checkPieces(
  job: Omit<HashJob, 'layout' | 'algorithms'> & {
    readonly metainfo: Metainfo;
    readonly verifyWith: string | undefined;
  },
): Promise<{ readonly good: Bitfield; readonly algorithms: readonly string[] }> {
  const { metainfo, registry, verifyWith } = job;
  const { layout } = metainfo;
  const verifier = new PieceVerifier({ digests: metainfo.digests, registry, verifyWith });
  const known = verifier.algorithmNames;
  const algorithms = verifyWith === 'all' ? known : [verifier.algorithmName];
  const { good, bad } = await comparePieces({ ...job, layout, algorithms }, metainfo);
  if (known.length > algorithms.length) {
    // Bytes that fail may be right by another algorithm: then the torrent is wrong, and not what is on disk.
    for (const index of good.indices()) if (isCheckedByAll(index)) bad.set(index);
    if (!bad.isEmpty()) {
      await comparePieces({ ...job, layout, algorithms: known, only: bad, onProgress: undefined }, metainfo);
    }
  }
  return { good, algorithms };
}

/** Pieces that hold by all of the job's algorithms and that fail by all; what cannot be read is neither. */
async function comparePieces(
  job: HashJob,
  { digests: expected }: Metainfo,
): Promise<{ readonly good: Bitfield; readonly bad: Bitfield }> {
  const { layout, algorithms, only } = job;
  const { digests, unreadable } = await hashAllPieces(job);
  const skipped = new Set(unreadable);
  const good = new Bitfield(layout.pieceCount);
  const bad = new Bitfield(layout.pieceCount);
  for (let index = 0; index < layout.pieceCount; index += 1) {
    if (skipped.has(index) || (only && !only.has(index))) continue;
    const holds = algorithms.filter((name) => isDigestEqual(expected.get(name), digests.get(name), index, layout));
    if (holds.length === algorithms.length) good.set(index);
    else if (holds.length === 0) bad.set(index);
    else throw contradiction(index, holds, algorithms);
  }
  return { good, bad };
}

interface PieceRange {
  readonly first: number;
  readonly end: number;
}

function taskRanges(layout: PieceLayout, only: Bitfield | undefined): PieceRange[] {
  const most = Math.max(1, Math.floor(TASK_BYTES / layout.pieceLengthBytes));
  const isWanted = (index: number): boolean => only?.has(index) ?? true;
  const ranges: PieceRange[] = [];
  let first = 0;
  while (first < layout.pieceCount) {
    if (!isWanted(first)) {
      first += 1;
      continue;
    }
    let end = first + 1;
    while (end < layout.pieceCount && end - first < most && isWanted(end)) end += 1;
    ranges.push({ first, end });
    first = end;
  }
  return ranges;
}

function rangeBytes(layout: PieceLayout, range: PieceRange): number {
  return Math.min(range.end * layout.pieceLengthBytes, layout.totalBytes) - range.first * layout.pieceLengthBytes;
}

function isDigestEqual(
  expected: Uint8Array | undefined,
  computed: Uint8Array | undefined,
  index: number,
  layout: PieceLayout,
): boolean {
  if (!expected || !computed || expected.length !== computed.length) return false;
  const length = expected.length / layout.pieceCount;
  for (let at = index * length; at < (index + 1) * length; at += 1) if (expected[at] !== computed[at]) return false;
  return true;
}

function contradiction(index: number, holds: readonly string[], algorithms: readonly string[]): MetainfoError {
  const fails = algorithms.filter((name) => !holds.includes(name));
  return new MetainfoError(
    'P2P_TORRENT_CONTRADICTS_ITSELF',
    `the torrent contradicts itself: piece ${index} fits ${holds.join(', ')} but not ${fails.join(', ')}; get another .torrent`,
    { pieceIndex: index, holds, fails },
  );
}
