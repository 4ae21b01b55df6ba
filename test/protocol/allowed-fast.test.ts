import { expect } from 'chai';
import { allowedFastSet } from '../../src/protocol/allowed-fast.js';

const HASH = new Uint8Array(20).fill(0xaa);

describe('allowedFastSet', () => {
  it('is what BEP 6 gives as examples', () => {
    const seven = [1059, 431, 808, 1217, 287, 376, 1188];

    expect(allowedFastSet('80.4.4.200', HASH, 1_313, 7)).to.deep.equal(seven);
    expect(allowedFastSet('80.4.4.200', HASH, 1_313, 9)).to.deep.equal([...seven, 353, 508]);
  });

  it('is the same for a neighbour, and not for others', () => {
    const set = (host: string) => allowedFastSet(host, HASH, 1_313, 10);

    expect(set('80.4.4.7')).to.deep.equal(set('80.4.4.200'));
    expect(set('::ffff:80.4.4.7')).to.deep.equal(set('80.4.4.200'));
    expect(set('80.4.5.200')).not.to.deep.equal(set('80.4.4.200'));
    expect(set('2001:db8:7::1')).to.deep.equal(set('2001:db8:7:8::9'));
    expect(set('2001:db8:7::1')).not.to.deep.equal(set('2001:db8:8::1'));
    expect(set('::1')).to.have.length(10);
  });

  it('is all of a torrent of few pieces', () => {
    for (let pieceCount = 0; pieceCount <= 10; pieceCount += 1) {
      expect(allowedFastSet('10.0.0.1', HASH, pieceCount, 10)).to.have.members(
        Array.from({ length: pieceCount }, (_, at) => at),
      );
    }
  });
});
