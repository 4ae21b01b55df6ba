/** The data of a benchmark and its torrent: one that every client understands, SHA-1 beside BLAKE3. */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { writeRandomFile, type P2pBench } from '../shared/p2p-bench.js';
import type { BenchHosts } from './bench-hosts.js';
import type { BenchData } from './peer-run.js';

export interface DataSetup {
  readonly sizeBytes: number;
  readonly pieceLengthBytes: number;
  /** One file, or a folder of so many of the same size, each of whole pieces. */
  readonly fileCount: number;
}

/** @param name tells apart what one benchmark prepares */
export async function prepareData(
  bench: P2pBench,
  { hub }: BenchHosts,
  name: string,
  { sizeBytes, pieceLengthBytes, fileCount }: DataSetup,
): Promise<BenchData> {
  const folder = bench.path(name);
  const dataName = fileCount === 1 ? 'data.bin' : 'data';
  const files = fileCount === 1 ? [dataName] : Array.from({ length: fileCount }, (_, at) => `data/part-${at + 1}.bin`);
  for (const [at, file] of files.entries()) {
    mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    writeRandomFile(path.join(folder, file), sizeBytes / fileCount, at);
  }
  const torrent = path.join(folder, 'data.torrent');
  const url = `http://${hub.address}:${hub.port}/announce`;
  const flags = ['--tracker', url, '--piece-length', String(pieceLengthBytes)];
  await bench.run('create', ['create', path.join(folder, dataName), '-o', torrent, ...flags]);
  bench.forget('create');
  return { folder, name: dataName, files, sizeBytes, torrent };
}
