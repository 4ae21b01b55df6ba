import { expect } from 'chai';
import type { NewFile } from '../../src/metainfo/build-metainfo.js';
import { padFiles } from '../../src/metainfo/pad-files.js';

describe('padFiles', () => {
  const padded = (...lengths: readonly number[]): number[] =>
    padFiles<NewFile>(
      lengths.map((lengthBytes, at) => ({ path: [`${at}`], lengthBytes })),
      16,
    ).map(({ lengthBytes, isPad }) => (isPad === true ? -lengthBytes : lengthBytes));

  it('pads each file that does not end on a border, but the last', () => {
    expect(padded(1, 15, 16, 17, 0, 3)).to.deep.equal([1, -15, 15, -1, 16, 17, -15, 0, 3]);
    expect(padded(5)).to.deep.equal([5]);
    expect(padded()).to.deep.equal([]);
  });

  it('names padding as BEP 47 does', () => {
    expect(
      padFiles<NewFile>(
        [
          { path: ['a'], lengthBytes: 6 },
          { path: ['b'], lengthBytes: 1 },
        ],
        16,
      )[1],
    ).to.deep.equal({
      path: ['.pad', '10'],
      lengthBytes: 10,
      isPad: true,
    });
  });
});
