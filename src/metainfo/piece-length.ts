/** Which piece length a new torrent gets. */
import { OptionError } from '../errors.js';
import { formatSize } from '../units.js';
import { MAX_METAINFO_BYTES } from './metainfo-limits.js';

/** Bounds of piece lengths that we create; reading takes more (docs/formats.md). */
export const MIN_CREATED_PIECE_LENGTH = 128;
export const MAX_CREATED_PIECE_LENGTH = 67_108_864;

/**
 * The piece length for data of this size: a power of two that gives 1,000 to 2,000 pieces, at least 16 KiB and at most
 * 16 MiB, but more where the digests would not fit into a .torrent.
 * @param digestBytesPerPiece of all algorithms together: 52 for BLAKE3 and SHA-1
 * @param otherBytes what the rest of the .torrent takes, mostly file names
 */
export function choosePieceLength(totalBytes: number, digestBytesPerPiece: number, otherBytes = 65_536): number {
  let pieceLength = LEAST_CHOSEN;
  while (pieceLength < MOST_CHOSEN && totalBytes / pieceLength > MOST_PIECES) pieceLength *= 2;
  const roomBytes = MAX_METAINFO_BYTES - otherBytes;
  while (
    pieceLength < MAX_CREATED_PIECE_LENGTH &&
    Math.ceil(totalBytes / pieceLength) * digestBytesPerPiece > roomBytes
  ) {
    pieceLength *= 2;
  }
  return pieceLength;
}

/** Whether new torrents may have pieces of this length: a power of two from 128 B to 64 MiB. */
export function isCreatedPieceLength(pieceLengthBytes: number): boolean {
  const isInRange = pieceLengthBytes >= MIN_CREATED_PIECE_LENGTH && pieceLengthBytes <= MAX_CREATED_PIECE_LENGTH;
  return isInRange && Number.isInteger(Math.log2(pieceLengthBytes));
}

/**
 * A piece length that a user gave for a new torrent, checked.
 * @returns the same number
 * @throws {P2P_OPTION_INVALID} unless it is a power of two from 128 B to 64 MiB; names the nearest that are
 */
export function checkPieceLength(pieceLengthBytes: number): number {
  if (isCreatedPieceLength(pieceLengthBytes)) return pieceLengthBytes;
  throw new OptionError(
    `piece length ${pieceLengthBytes} is not a power of two from ${MIN_CREATED_PIECE_LENGTH} B to ` +
      `${formatSize(MAX_CREATED_PIECE_LENGTH)}; ${nearest(pieceLengthBytes)}`,
    { pieceLengthBytes },
  );
}

function nearest(pieceLengthBytes: number): string {
  if (!(pieceLengthBytes > MIN_CREATED_PIECE_LENGTH)) return `the least is ${MIN_CREATED_PIECE_LENGTH}`;
  if (pieceLengthBytes > MAX_CREATED_PIECE_LENGTH) return `the largest is ${MAX_CREATED_PIECE_LENGTH}`;
  const below = 2 ** Math.floor(Math.log2(pieceLengthBytes));
  return `the nearest are ${below} and ${below * 2}`;
}

const LEAST_CHOSEN = 16_384;
const MOST_CHOSEN = 16_777_216;
const MOST_PIECES = 2_000;
