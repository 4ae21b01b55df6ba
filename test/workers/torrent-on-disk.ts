/** A small torrent in a temporary folder, and the tools that a worker has for it. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { blake3, sha1 } from '../../src/hashing/digests.js';
import { HashRegistry } from '../../src/hashing/hash-registry.js';
import { PieceVerifier } from '../../src/hashing/piece-verifier.js';
import { BLOCK_LENGTH, PieceLayout, type PieceIndex } from '../../src/metainfo/piece-layout.js';
import { BufferPool } from '../../src/workers/buffer-pool.js';
import { FileHandles } from '../../src/workers/file-handles.js';
import { PieceFiles } from '../../src/workers/piece-files.js';
import type { TorrentFile } from '../../src/workers/worker-messages.js';
import { testBytes } from '../helpers/test-bytes.js';

export const MIB = 1_048_576;

/** Real files whose reads and writes can be held back, counted and made to fail. */
export class GatedFiles extends PieceFiles {
  /** Thrown by each write from now on. */
  writeError: Error | undefined;
  readError: Error | undefined;
  readonly reads: { readonly offset: number; readonly lengthBytes: number }[] = [];
  readonly writes: { readonly offset: number; readonly lengthBytes: number }[] = [];
  readonly #held: (() => void)[] = [];
  #isHolding = false;

  get heldCount(): number {
    return this.#held.length;
  }

  /** Operations that come now wait for `letGo`. */
  hold(): void {
    this.#isHolding = true;
  }

  letGo(): void {
    this.#isHolding = false;
    for (const go of this.#held.splice(0)) go();
  }

  override async write(offset: number, bytes: Uint8Array): Promise<void> {
    this.writes.push({ offset, lengthBytes: bytes.length });
    await this.#gate();
    if (this.writeError) throw this.writeError;
    await super.write(offset, bytes);
  }

  override async read(offset: number, views: readonly Uint8Array[]): Promise<void> {
    this.reads.push({ offset, lengthBytes: views.reduce((sum, view) => sum + view.length, 0) });
    await this.#gate();
    if (this.readError) throw this.readError;
    await super.read(offset, views);
  }

  async #gate(): Promise<void> {
    if (this.#isHolding) await new Promise<void>((resolve) => this.#held.push(resolve));
  }
}

export interface TorrentOnDisk {
  readonly layout: PieceLayout;
  /** What the torrent promises. */
  readonly bytes: Uint8Array;
  readonly torrentFiles: readonly TorrentFile[];
  readonly folder: string;
  readonly handles: FileHandles;
  readonly files: GatedFiles;
  readonly pool: BufferPool;
  readonly verifier: PieceVerifier;
  readonly digests: readonly (readonly [string, Uint8Array])[];
  piece(index: number): PieceIndex;
  /** The right bytes of a block. */
  block(pieceIndex: number, block: number): Uint8Array;
  /** Puts the whole content where a seeder has it. */
  writeAll(): void;
  /** What another worker has of the same torrent: files, handles and memory of its own. */
  otherWorker(): TorrentOnDisk;
  /** All that is on disk, end to end; absent files and pads as zeros. */
  onDisk(): Buffer;
}

export interface TorrentShape {
  readonly pieceLengthBytes: number;
  /** Lengths of the files, one when it is a number; a negative length is a pad file. */
  readonly lengths: number | readonly number[];
  readonly seed?: number;
  readonly budgetBytes?: number;
  readonly openFiles?: number;
  /** Whether the files are written by us (default) or served alone. */
  readonly writes?: boolean;
  /** Algorithms whose digests are of other bytes. */
  readonly wrong?: readonly string[];
  readonly hashes?: readonly ('blake3' | 'sha1')[];
}

/** Builders for the tests of one suite; all folders go when the suite ends. */
export function useTorrents(): (shape: TorrentShape) => TorrentOnDisk {
  const made: TorrentOnDisk[] = [];
  const keep = (torrent: TorrentOnDisk): TorrentOnDisk => {
    made.push(torrent);
    return { ...torrent, otherWorker: () => keep(torrent.otherWorker()) };
  };
  afterEach(async () => {
    const torrents = made.splice(0);
    for (const { files } of torrents) files.letGo();
    await Promise.all(torrents.map(({ files }) => files.end()));
    for (const { folder } of torrents) rmSync(folder, { recursive: true, force: true });
  });
  return (shape) => keep(makeTorrent(shape));
}

function makeTorrent(shape: TorrentShape): TorrentOnDisk {
  const folder = mkdtempSync(path.join(tmpdir(), 'p2p-workers-'));
  const lengths = typeof shape.lengths === 'number' ? [shape.lengths] : shape.lengths;
  const torrentFiles = lengths.map((length, at) => ({
    path: length < 0 ? undefined : path.join(folder, 'payload', `${at}.bin`),
    lengthBytes: Math.abs(length),
    depth: 2,
  }));
  const layout = new PieceLayout(shape.pieceLengthBytes, torrentFiles);
  const bytes = testBytes(layout.totalBytes, shape.seed ?? 1);
  torrentFiles.forEach((file, at) => {
    if (file.path === undefined) bytes.fill(0, layout.fileOffset(at), layout.fileOffset(at) + file.lengthBytes);
  });
  const digests = (shape.hashes ?? ['blake3', 'sha1']).map((name) => {
    const shift = shape.wrong?.includes(name) ? 1 : 0;
    return [name, digestsOf(name, layout, shift === 0 ? bytes : bytes.map((byte) => byte ^ 1))] as const;
  });
  const ownTools = (): Pick<TorrentOnDisk, 'handles' | 'files' | 'pool'> => {
    const handles = new FileHandles(shape.openFiles ?? 8);
    const files = new GatedFiles(layout, torrentFiles, shape.writes ?? true, handles);
    return { handles, files, pool: new BufferPool(shape.budgetBytes ?? 64 * MIB) };
  };
  const torrent: TorrentOnDisk = {
    ...ownTools(),
    layout,
    bytes,
    torrentFiles,
    folder,
    otherWorker: () => ({ ...torrent, ...ownTools() }),
    verifier: new PieceVerifier({ digests: new Map(digests), registry: HashRegistry.builtIn() }),
    digests,
    piece: (index) => layout.pieceIndex(index),
    block(index, block) {
      const pieceIndex = layout.pieceIndex(index);
      const start = layout.pieceOffset(pieceIndex) + block * BLOCK_LENGTH;
      return bytes.subarray(start, start + layout.blockSize(pieceIndex, block));
    },
    writeAll() {
      torrentFiles.forEach((file, at) => {
        if (file.path === undefined) return;
        mkdirSync(path.dirname(file.path), { recursive: true });
        const start = layout.fileOffset(at);
        writeFileSync(file.path, bytes.subarray(start, start + file.lengthBytes));
      });
    },
    onDisk: () =>
      Buffer.concat(
        torrentFiles.map((file) =>
          file.path === undefined ? Buffer.alloc(file.lengthBytes) : readOrZeros(file.path, file.lengthBytes),
        ),
      ),
  };
  return torrent;
}

function digestsOf(name: 'blake3' | 'sha1', layout: PieceLayout, bytes: Uint8Array): Uint8Array {
  const digest = name === 'blake3' ? blake3 : sha1;
  const all: Uint8Array[] = [];
  for (let index = 0; index < layout.pieceCount; index += 1) {
    const start = index * layout.pieceLengthBytes;
    all.push(digest(bytes.subarray(start, start + layout.pieceSize(layout.pieceIndex(index)))));
  }
  return new Uint8Array(Buffer.concat(all));
}

function readOrZeros(file: string, lengthBytes: number): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return Buffer.alloc(lengthBytes);
  }
}

/** Resolves when `condition` holds; looks again after each turn of the event loop. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

/** Lets everything that is ready happen. */
export async function turns(count = 5): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
