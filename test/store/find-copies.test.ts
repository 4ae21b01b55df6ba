import { expect } from 'chai';
import type { InfoHash } from '../../src/metainfo/metainfo.js';
import { findNamedCopies } from '../../src/store/find-copies.js';

const aCopy = (infoHash: string, rootPath: string, name = rootPath.split('/').at(-1) ?? '') => ({
  infoHash: infoHash.padEnd(40, '0') as InfoHash,
  name,
  rootPath,
});

describe('findNamedCopies', () => {
  const one = aCopy('abcdef1', '/data/story.txt');
  const other = aCopy('abcdef2', '/else/story.txt');
  const hexName = aCopy('123456', '/data/abcdef', 'abcdef');
  const copies = [one, other, hexName];

  it('finds by the path of the data, absolute or from the current folder', () => {
    expect(findNamedCopies(copies, '/data/story.txt', '/')).to.deep.equal([one]);
    expect(findNamedCopies(copies, './story.txt', '/else')).to.deep.equal([other]);
  });

  it('finds by the path of what is not complete yet', () => {
    expect(findNamedCopies(copies, '/data/story.txt.part', '/')).to.deep.equal([one]);
  });

  it('finds by info hash, whole or by six digits of its start, in either case', () => {
    expect(findNamedCopies(copies, one.infoHash, '/')).to.deep.equal([one]);
    expect(findNamedCopies(copies, 'ABCDEF', '/')).to.deep.equal([one, other]);
    expect(findNamedCopies(copies, 'abcde', '/')).to.deep.equal([]);
  });

  it('finds a pure torrent by the BLAKE3 info hash that its wire info hash is cut from', () => {
    expect(findNamedCopies(copies, hexName.infoHash + '7'.repeat(24), '/')).to.deep.equal([hexName]);
  });

  it('finds by name, all copies that have it', () => {
    expect(findNamedCopies(copies, 'story.txt', '/nowhere')).to.deep.equal([one, other]);
  });

  it('takes a word behind name: as nothing but a name', () => {
    expect(findNamedCopies(copies, 'name:abcdef', '/data')).to.deep.equal([hexName]);
  });
});
