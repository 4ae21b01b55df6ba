import { BLOCK_LENGTH } from '../metainfo/piece-layout.js';

/** A run of a small torrent, and of pieces of several blocks, which are read and written in runs of blocks anyway. */
const LEAST_RUN_BYTES = 65_536;
/** As much as one piece of a large torrent usually has (measured: benchmarks/engine/small-pieces.bench.ts). */
const MOST_RUN_BYTES = 1_048_576;
/** A run longer than the least is no larger part of the torrent: in a crowd everybody finds one that nobody has begun. */
const RUNS_LEAST = 256;

/**
 * How small pieces go together: in runs that are aligned, so that both ends read and write several of them at once. Pieces
 * of one run: of 16 KiB 4 in a torrent of 16 MiB, 64 in one of 256 MiB; a single one of 64 KiB and more. Run `n` begins at
 * piece `n × runPieces`.
 * @param pieceLengthBytes of the torrent
 */
export function runPieces(pieceLengthBytes: number, pieceCount: number): number {
  const mostBytes = pieceLengthBytes > BLOCK_LENGTH ? LEAST_RUN_BYTES : MOST_RUN_BYTES;
  const shareBytes = (pieceLengthBytes * pieceCount) / RUNS_LEAST;
  return Math.max(1, Math.floor(Math.min(Math.max(shareBytes, LEAST_RUN_BYTES), mostBytes) / pieceLengthBytes));
}
