/** How small pieces go together: in runs that are aligned, so that both ends read and write several of them at once. */
const RUN_LENGTH_BYTES = 65_536;

/**
 * Pieces of one run: 512 of 128 bytes, 4 of 16 KiB, a single one of 64 KiB and more. Run `n` begins at piece
 * `n × runPieces`.
 * @param pieceLengthBytes of the torrent
 */
export function runPieces(pieceLengthBytes: number): number {
  return Math.max(1, Math.floor(RUN_LENGTH_BYTES / pieceLengthBytes));
}
