import { expect } from 'chai';
import fc from 'fast-check';
import { BLOCK_LENGTH, PieceLayout, type FileSlice } from '../../src/metainfo/piece-layout.js';
import { expectError } from '../helpers/expect-error.js';

const aLayout = (pieceLengthBytes: number, ...lengths: number[]) =>
  new PieceLayout(
    pieceLengthBytes,
    lengths.map((lengthBytes) => ({ lengthBytes })),
  );

/** The slow twin: every byte of the torrent knows its file and the place in it. */
function bytesOf(lengths: readonly number[]): { fileIndex: number; fileOffset: number }[] {
  return lengths.flatMap((length, fileIndex) => Array.from({ length }, (_, fileOffset) => ({ fileIndex, fileOffset })));
}

function naiveSlices(lengths: readonly number[], offset: number, lengthBytes: number): FileSlice[] {
  const slices: FileSlice[] = [];
  for (const byte of bytesOf(lengths).slice(offset, offset + lengthBytes)) {
    const last = slices.at(-1);
    if (last?.fileIndex === byte.fileIndex) slices[slices.length - 1] = { ...last, lengthBytes: last.lengthBytes + 1 };
    else slices.push({ ...byte, lengthBytes: 1 });
  }
  return slices;
}

describe('PieceLayout', () => {
  for (const [total, pieceLength, pieces, lastPiece, lastBlocks] of [
    [1, 128, 1, 1, 1],
    [127, 128, 1, 127, 1],
    [128, 128, 1, 128, 1],
    [129, 128, 2, 1, 1],
    [BLOCK_LENGTH - 1, 65_536, 1, BLOCK_LENGTH - 1, 1],
    [BLOCK_LENGTH, 65_536, 1, BLOCK_LENGTH, 1],
    [BLOCK_LENGTH + 1, 65_536, 1, BLOCK_LENGTH + 1, 2],
    [65_535, 65_536, 1, 65_535, 4],
    [65_536, 65_536, 1, 65_536, 4],
    [65_537, 65_536, 2, 1, 1],
    [786_432 * 3 - 1, 786_432, 3, 786_431, 48],
  ] as const) {
    it(`cuts ${total} bytes into pieces of ${pieceLength}`, () => {
      const layout = aLayout(pieceLength, total);
      const last = layout.pieceIndex(pieces - 1);

      expect([layout.pieceCount, layout.pieceSize(last), layout.blockCount(last)]).to.deep.equal([
        pieces,
        lastPiece,
        lastBlocks,
      ]);
      expect(layout.pieceOffset(last) + layout.pieceSize(last)).to.equal(total);
      expect(layout.blockSize(last, lastBlocks - 1) + (lastBlocks - 1) * BLOCK_LENGTH).to.equal(lastPiece);
    });
  }

  it('has no pieces without bytes', () => {
    for (const layout of [aLayout(128), aLayout(128, 0), aLayout(128, 0, 0)]) {
      expect([layout.pieceCount, layout.totalBytes, layout.fileSlices(0, 10)]).to.deep.equal([0, 0, []]);
      expect(expectError('P2P_PIECE_OUT_OF_RANGE', () => layout.pieceIndex(0)).message).to.contain('no pieces');
    }
  });

  it('passes over empty files, also at both ends and in a row', () => {
    const layout = aLayout(4, 0, 3, 0, 0, 3, 0);

    expect(layout.fileSlices(0, 6)).to.deep.equal([
      { fileIndex: 1, fileOffset: 0, lengthBytes: 3 },
      { fileIndex: 4, fileOffset: 0, lengthBytes: 3 },
    ]);
    expect([0, 1, 2, 4, 5].map((file) => layout.piecesOfFile(file))).to.deep.equal([
      undefined,
      { first: 0, last: 0 },
      undefined,
      { first: 0, last: 1 },
      undefined,
    ]);
  });

  it('agrees with counting every byte', () => {
    const lengths = fc.array(fc.oneof(fc.constant(0), fc.nat(9), fc.nat(40)), { maxLength: 12 });

    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        lengths,
        fc.nat(120),
        fc.nat(120),
        (pieceLength, files, offset, length) => {
          const layout = aLayout(pieceLength, ...files);
          const bytes = bytesOf(files);

          expect(layout.totalBytes).to.equal(bytes.length);
          expect(layout.fileSlices(offset, length)).to.deep.equal(naiveSlices(files, offset, length));
          for (const [fileIndex] of files.entries()) {
            const pieces = bytes.flatMap((byte, at) =>
              byte.fileIndex === fileIndex ? [Math.floor(at / pieceLength)] : [],
            );
            const expected = pieces.length > 0 ? { first: pieces[0], last: pieces.at(-1) } : undefined;
            expect(layout.piecesOfFile(fileIndex)).to.deep.equal(expected);
          }
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('covers every byte once, piece after piece and block after block', () => {
    const block = fc.constantFrom(BLOCK_LENGTH - 1, BLOCK_LENGTH, BLOCK_LENGTH + 1, 3 * BLOCK_LENGTH, 100);

    fc.assert(
      fc.property(block, fc.array(fc.nat(100_000), { maxLength: 4 }), (pieceLength, files) => {
        const layout = aLayout(pieceLength, ...files);
        let at = 0;
        for (let piece = 0; piece < layout.pieceCount; piece += 1) {
          const index = layout.pieceIndex(piece);
          expect(layout.pieceOffset(index)).to.equal(at);
          for (let number = 0; number < layout.blockCount(index); number += 1) {
            expect(layout.blockSize(index, number)).to.be.within(1, BLOCK_LENGTH);
            at += layout.blockSize(index, number);
          }
        }
        expect(at).to.equal(layout.totalBytes);
      }),
      { numRuns: 200 },
    );
  });

  it('knows sizes near 2^53 exactly, and refuses more', () => {
    const layout = aLayout(2 ** 27, 2 ** 52, 2 ** 52 - 1);

    expect(layout.totalBytes).to.equal(Number.MAX_SAFE_INTEGER);
    expect(layout.pieceSize(layout.pieceIndex(layout.pieceCount - 1))).to.equal(2 ** 27 - 1);
    expectError('P2P_METAINFO_INVALID', () => aLayout(2 ** 27, 2 ** 52, 2 ** 52));
    expectError('P2P_METAINFO_INVALID', () => aLayout(2 ** 27, 2 ** 53 - 1, 2 ** 53 - 1, 1));
  });

  it('refuses lengths that are no whole numbers', () => {
    for (const bad of [0, -1, 1.5, NaN, 2 ** 53]) expectError('P2P_METAINFO_INVALID', () => aLayout(bad, 1));
    for (const bad of [-1, 1.5, NaN, 2 ** 53]) expectError('P2P_METAINFO_INVALID', () => aLayout(16, bad));
  });

  it('makes an index of a piece that is there, and names the range for another', () => {
    const layout = aLayout(16, 40);

    expect([layout.pieceIndex(0), layout.pieceIndex(2)]).to.deep.equal([0, 2]);
    for (const bad of [-1, 3, 0.5, NaN]) expect(layout.hasPiece(bad)).to.equal(false);
    expect(expectError('P2P_PIECE_OUT_OF_RANGE', () => layout.pieceIndex(3)).message).to.equal(
      'there is no piece 3: pieces are 0 to 2',
    );
  });
});
