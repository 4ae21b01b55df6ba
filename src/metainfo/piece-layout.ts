/**
 * The only arithmetic of pieces, blocks and files. A torrent's files lie end to end as one run of bytes, cut into
 * pieces of equal length (the last may be shorter); a piece is cut into blocks of 16 KiB. (BEP 3, info dictionary.)
 */
import { MetainfoError, OptionError } from '../errors.js';

/** Bytes of a block, what one request asks for (BEP 3: "All current implementations use 2^14"). */
export const BLOCK_LENGTH = 16_384;

declare const pieceIndexBrand: unique symbol;
/** An index that was checked against a layout: 0 ≤ index < pieceCount. */
export type PieceIndex = number & { readonly [pieceIndexBrand]: true };

/** A file in the order of the torrent. */
export interface LayoutFile {
  readonly lengthBytes: number;
}

/** A run of bytes of one file. */
export interface FileSlice {
  readonly fileIndex: number;
  readonly fileOffset: number;
  readonly lengthBytes: number;
}

export class PieceLayout {
  readonly pieceLengthBytes: number;
  readonly totalBytes: number;
  readonly pieceCount: number;
  /** Offset of each file in the torrent, and the total behind the last. */
  readonly #fileOffsets: Float64Array;

  /**
   * @param pieceLengthBytes at least 1
   * @param files in the order of the torrent, empty ones and pad files among them
   * @throws {P2P_METAINFO_INVALID} when a length is not a safe whole number, or the sum is not
   */
  constructor(pieceLengthBytes: number, files: readonly LayoutFile[]) {
    if (!Number.isSafeInteger(pieceLengthBytes) || pieceLengthBytes < 1) {
      throw new MetainfoError(
        'P2P_METAINFO_INVALID',
        `piece length ${pieceLengthBytes} is not a positive whole number`,
      );
    }
    this.pieceLengthBytes = pieceLengthBytes;
    this.#fileOffsets = new Float64Array(files.length + 1);
    let total = 0;
    let index = 0;
    for (const { lengthBytes } of files) {
      if (!Number.isSafeInteger(lengthBytes) || lengthBytes < 0) {
        throw new MetainfoError('P2P_METAINFO_INVALID', `file length ${lengthBytes} is not a whole number`);
      }
      total += lengthBytes;
      this.#fileOffsets[(index += 1)] = total;
    }
    if (!Number.isSafeInteger(total)) {
      throw new MetainfoError('P2P_METAINFO_INVALID', `total size ${total} is past 2^53 bytes`);
    }
    this.totalBytes = total;
    this.pieceCount = Math.ceil(total / pieceLengthBytes);
  }

  get fileCount(): number {
    return this.#fileOffsets.length - 1;
  }

  /**
   * A checked piece index.
   * @throws {P2P_PIECE_OUT_OF_RANGE} when there is no such piece
   */
  pieceIndex(index: number): PieceIndex {
    if (!this.hasPiece(index)) {
      const range = this.pieceCount === 0 ? 'it has no pieces' : `pieces are 0 to ${this.pieceCount - 1}`;
      throw new OptionError(
        `there is no piece ${index}: ${range}`,
        { index, pieceCount: this.pieceCount },
        'P2P_PIECE_OUT_OF_RANGE',
      );
    }
    return index;
  }

  /** Whether `index` is a piece of this torrent; narrows the type. */
  hasPiece(index: number): index is PieceIndex {
    return Number.isInteger(index) && index >= 0 && index < this.pieceCount;
  }

  /** Offset of a piece in the torrent, in bytes. */
  pieceOffset(index: PieceIndex): number {
    return index * this.pieceLengthBytes;
  }

  /** Length of a piece in bytes; the last may be shorter. */
  pieceSize(index: PieceIndex): number {
    return Math.min(this.pieceLengthBytes, this.totalBytes - index * this.pieceLengthBytes);
  }

  /** Number of blocks of a piece, at least 1. */
  blockCount(index: PieceIndex): number {
    return Math.ceil(this.pieceSize(index) / BLOCK_LENGTH);
  }

  /** Length of a block in bytes, given its number in the piece. */
  blockSize(index: PieceIndex, block: number): number {
    return Math.min(BLOCK_LENGTH, this.pieceSize(index) - block * BLOCK_LENGTH);
  }

  /** Offset of a file in the torrent, in bytes. */
  fileOffset(fileIndex: number): number {
    return this.#fileOffsets[fileIndex] ?? this.totalBytes;
  }

  /**
   * Where a run of the torrent's bytes lies in its files, in order; empty files are passed over.
   * @param offset in the torrent, in bytes
   */
  fileSlices(offset: number, lengthBytes: number): FileSlice[] {
    const slices: FileSlice[] = [];
    const end = Math.min(offset + lengthBytes, this.totalBytes);
    let at = offset;
    for (let fileIndex = this.#fileAt(offset); at < end; fileIndex += 1) {
      const fileStart = this.fileOffset(fileIndex);
      const take = Math.min(end, this.fileOffset(fileIndex + 1)) - at;
      if (take > 0) slices.push({ fileIndex, fileOffset: at - fileStart, lengthBytes: take });
      at += Math.max(take, 0);
    }
    return slices;
  }

  /** The first and last piece that hold bytes of a file; undefined for an empty file. */
  piecesOfFile(fileIndex: number): { readonly first: PieceIndex; readonly last: PieceIndex } | undefined {
    const start = this.fileOffset(fileIndex);
    const end = this.fileOffset(fileIndex + 1);
    if (end <= start) return undefined;
    return {
      first: this.pieceIndex(Math.floor(start / this.pieceLengthBytes)),
      last: this.pieceIndex(Math.floor((end - 1) / this.pieceLengthBytes)),
    };
  }

  /** The last file that starts at or before `offset` (binary search). */
  #fileAt(offset: number): number {
    let low = 0;
    let high = Math.max(this.fileCount - 1, 0);
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.fileOffset(middle) <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
