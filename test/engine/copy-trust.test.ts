import { expect } from 'chai';
import { judgeCopy, underFinalName, type KnownCopy } from '../../src/engine/copy-trust.js';
import { PieceLayout } from '../../src/metainfo/piece-layout.js';
import { Bitfield } from '../../src/protocol/bitfield.js';
import type { CopyFile } from '../../src/store/copy-store.js';

/** Ten pieces of 10 bytes; the files hold pieces 0 to 3, 3 to 6 and 7 to 9: piece 3 is of both the first and the second. */
const layout = new PieceLayout(10, [{ lengthBytes: 35 }, { lengthBytes: 35 }, { lengthBytes: 30 }]);

const aFile = (fileIndex: number, changes: Partial<CopyFile> = {}): CopyFile => {
  const sizeBytes = fileIndex === 2 ? 30 : 35;
  return { fileIndex, sizeBytes, mtimeNs: 1n, ctimeNs: 2n, inode: BigInt(100 + fileIndex), ...changes };
};

const files = (...list: readonly CopyFile[]): Map<number, CopyFile> =>
  new Map(list.map((file) => [file.fileIndex, file]));
const all = files(aFile(0), aFile(1), aFile(2));

function bits(...indices: readonly number[]): Bitfield {
  const bitfield = new Bitfield(10);
  for (const index of indices) bitfield.set(index);
  return bitfield;
}

/** Pieces 0 to 7 verified, 0 to 4 of them durable, 8 begun. */
function aCopy(changes: Partial<KnownCopy> = {}): KnownCopy {
  const ownership = { intents: bits(8), verified: bits(0, 1, 2, 3, 4, 5, 6, 7), durable: bits(0, 1, 2, 3, 4) };
  return { ownership, files: all, isAtRest: true, stoppedCleanly: true, ...changes };
}

const CRASHED = { isAtRest: false, stoppedCleanly: false } as const;

function judge(
  known: KnownCopy | undefined,
  present: Map<number, CopyFile>,
): { trusted: number[]; doubtful: number[] } {
  const { trusted, doubtful } = judgeCopy(layout, () => true, known, present);
  return { trusted: [...trusted.indices()], doubtful: [...doubtful.indices()] };
}

describe('judgeCopy', () => {
  it('believes all that is verified after a clean stop, and hashes what was begun', () => {
    expect(judge(aCopy(), all)).to.deep.equal({ trusted: [0, 1, 2, 3, 4, 5, 6, 7], doubtful: [8] });
  });

  it('believes what is durable after a crash, and hashes all else that may have been written', () => {
    expect(judge(aCopy(CRASHED), all)).to.deep.equal({ trusted: [0, 1, 2, 3, 4], doubtful: [5, 6, 7, 8] });
  });

  it('hashes every piece of a file that somebody touched, and none of the others', () => {
    for (const change of [{ mtimeNs: 9n }, { ctimeNs: 9n }, { inode: 9n }, { sizeBytes: 36 }]) {
      const present = files(aFile(0), aFile(1, change), aFile(2));

      expect(judge(aCopy(), present)).to.deep.equal({ trusted: [0, 1, 2, 7], doubtful: [3, 4, 5, 6, 8] });
    }
  });

  it('hashes under the final name what nobody wrote down: a power cut takes records and leaves the name', () => {
    const { trusted, doubtful } = judge(underFinalName(aCopy(CRASHED)), all);

    expect(trusted).to.deep.equal([0, 1, 2, 3, 4]);
    expect(doubtful).to.deep.equal([5, 6, 7, 8, 9]);
  });

  it('lets times change while a download writes, but neither size nor inode', () => {
    const written = files(aFile(0, { mtimeNs: 9n, ctimeNs: 9n }), aFile(1), aFile(2));
    const replaced = files(aFile(0, { inode: 9n }), aFile(1), aFile(2));

    expect(judge(aCopy(CRASHED), written).trusted).to.deep.equal([0, 1, 2, 3, 4]);
    expect(judge(aCopy(CRASHED), replaced)).to.deep.equal({ trusted: [4], doubtful: [0, 1, 2, 3, 5, 6, 7, 8] });
  });

  it('does not look for the pieces of a file that is gone', () => {
    expect(judge(aCopy(), files(aFile(0), aFile(2)))).to.deep.equal({ trusted: [0, 1, 2, 7], doubtful: [8] });
  });

  it('hashes what may have been written to a file that is in no record, and believes none of it', () => {
    const known = aCopy({ ...CRASHED, files: files(aFile(0), aFile(1)) });

    expect(judge(known, all)).to.deep.equal({ trusted: [0, 1, 2, 3, 4], doubtful: [5, 6, 7, 8] });
    const { trusted, doubtful } = judge({ ...known, files: new Map() }, all);
    expect({ trusted, doubtful }).to.deep.equal({ trusted: [], doubtful: [0, 1, 2, 3, 4, 5, 6, 7, 8] });
  });

  it('hashes all of a copy that nobody knows', () => {
    expect(judge(undefined, all)).to.deep.equal({ trusted: [], doubtful: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] });
    expect(judge(undefined, new Map())).to.deep.equal({ trusted: [], doubtful: [] });
  });

  it('asks nothing of pad files', () => {
    const { trusted } = judgeCopy(layout, (index) => index !== 1, aCopy(), files(aFile(0), aFile(2)));

    expect([...trusted.indices()]).to.deep.equal([0, 1, 2, 3, 4, 5, 6, 7]);
  });
});
