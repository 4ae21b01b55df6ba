/**
 * Hashing whole pieces of files for `create`, `verify` and seeding: a short task of the worker pool.
 *
 * Thread: any worker. Beside links reads are asynchronous, and the loop is given back after each MiB or so; in a process
 * without links a read may hold up its thread, which is three times as fast. Measured by: benchmarks (create, verify)
 */
import { P2pError } from '../errors.js';
import type { HashAlgorithm, Hasher } from '../hashing/hash-algorithm.js';
import { loadHashPlugins } from '../hashing/hash-plugins.js';
import { HashRegistry } from '../hashing/hash-registry.js';
import { PieceLayout, type PieceIndex } from '../metainfo/piece-layout.js';
import { BlockingReader } from './blocking-reader.js';
import { FileHandles } from './file-handles.js';
import { PieceFiles } from './piece-files.js';
import type { HashTask, HashTaskResult } from './worker-messages.js';

/** Small pieces are read together, large ones in steps, so that a read is worth its trip to the kernel. */
const READ_BYTES = 1_048_576;
const OPEN_FILES = 16;
/** For the next task: new memory costs a page fault for every 4 KiB, which is dear in virtual machines. */
const SPARE_BUFFERS = 2;
const spareBuffers: Buffer[] = [];

/** @returns digests of the task's pieces; pieces that cannot be read are listed, not thrown */
export async function hashPieces(task: HashTask): Promise<HashTaskResult> {
  const registry = HashRegistry.builtIn();
  await loadHashPlugins(registry, task.hashPluginUrls);
  const algorithms = task.algorithms.map((name) => registry.require(name));
  const layout = new PieceLayout(task.pieceLengthBytes, task.files);
  const reader = openReader(task, layout);
  const count = task.endPiece - task.firstPiece;
  const digests = algorithms.map((algorithm) => new Uint8Array(count * algorithm.digestLength));
  const unreadable: number[] = [];
  const work = { layout, reader, algorithms, digests, unreadable, firstPiece: task.firstPiece };
  const whole = spareBuffers.pop() ?? Buffer.allocUnsafeSlow(READ_BYTES);
  try {
    const step = Math.max(1, Math.floor(READ_BYTES / task.pieceLengthBytes));
    const buffer = whole.subarray(0, Math.min(READ_BYTES, step * task.pieceLengthBytes));
    for (let first = task.firstPiece; first < task.endPiece; first += step) {
      const end = Math.min(first + step, task.endPiece);
      if (task.pieceLengthBytes > READ_BYTES) await hashLargePiece(work, layout.pieceIndex(first), buffer);
      else await hashSmallPieces(work, first, end, buffer);
    }
  } finally {
    await reader.end();
    if (spareBuffers.length < SPARE_BUFFERS) spareBuffers.push(whole);
  }
  return { digests, unreadable };
}

interface PieceReader {
  /** Fills `target` from `offset` of the torrent. @throws {P2P_DISK_FAILED} */
  read(offset: number, target: Uint8Array): Promise<void> | void;
  end(): Promise<void> | void;
}

interface HashWork {
  readonly layout: PieceLayout;
  readonly reader: PieceReader;
  readonly algorithms: readonly HashAlgorithm[];
  readonly digests: readonly Uint8Array[];
  readonly unreadable: number[];
  readonly firstPiece: number;
}

function openReader({ mayBlock, files }: HashTask, layout: PieceLayout): PieceReader {
  if (mayBlock) return new BlockingReader(layout, files);
  const pieceFiles = new PieceFiles(layout, files, false, new FileHandles(OPEN_FILES));
  return { read: (offset, target) => pieceFiles.read(offset, [target]), end: () => pieceFiles.end() };
}

async function hashSmallPieces(work: HashWork, first: number, end: number, buffer: Uint8Array): Promise<void> {
  const { layout } = work;
  const offset = first * layout.pieceLengthBytes;
  const lengthBytes = Math.min(end * layout.pieceLengthBytes, layout.totalBytes) - offset;
  if (!(await tryRead(work.reader, offset, buffer.subarray(0, lengthBytes)))) {
    if (end - first === 1) work.unreadable.push(first);
    // One bad file must not spoil its neighbours: piece by piece, to know which.
    else for (let index = first; index < end; index += 1) await hashSmallPieces(work, index, index + 1, buffer);
    return;
  }
  for (let index = first; index < end; index += 1) {
    const at = (index - first) * layout.pieceLengthBytes;
    const piece = buffer.subarray(at, at + layout.pieceSize(layout.pieceIndex(index)));
    work.algorithms.forEach((algorithm, which) => {
      work.digests[which]?.set(algorithm.digest(piece), (index - work.firstPiece) * algorithm.digestLength);
    });
  }
}

async function hashLargePiece(work: HashWork, index: PieceIndex, buffer: Uint8Array): Promise<void> {
  const { layout } = work;
  const hashers: Hasher[] = work.algorithms.map((algorithm) => algorithm.createHasher());
  const sizeBytes = layout.pieceSize(index);
  for (let done = 0; done < sizeBytes; done += buffer.length) {
    const bytes = buffer.subarray(0, Math.min(buffer.length, sizeBytes - done));
    if (!(await tryRead(work.reader, layout.pieceOffset(index) + done, bytes))) {
      work.unreadable.push(index);
      return;
    }
    for (const hasher of hashers) hasher.update(bytes);
  }
  hashers.forEach((hasher, which) => {
    const digest = hasher.digest();
    work.digests[which]?.set(digest, (index - work.firstPiece) * digest.length);
  });
}

async function tryRead(reader: PieceReader, offset: number, target: Uint8Array): Promise<boolean> {
  try {
    await reader.read(offset, target);
    return true;
  } catch (error) {
    if (error instanceof P2pError && error.code === 'P2P_DISK_FAILED') return false;
    throw error;
  }
}
