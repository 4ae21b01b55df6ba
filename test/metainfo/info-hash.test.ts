import { expect } from 'chai';
import { aMetainfo } from '../helpers/a-torrent.js';
import {
  infoHashBytes,
  infoHashFromBlake3,
  infoHashFromBytes,
  isInfoOf,
  parseInfoHash,
} from '../../src/metainfo/info-hash.js';
import { expectError } from '../helpers/expect-error.js';

const HEX = '000102030405060708090a0b0c0d0e0fabcdef10';

describe('info hashes', () => {
  it('are read from 40 hex digits in either case', () => {
    expect([HEX, HEX.toUpperCase()].map(parseInfoHash)).to.deep.equal([HEX, HEX]);
  });

  it('are refused with another length or other characters', () => {
    for (const text of ['', HEX.slice(1), `${HEX}0`, `${HEX.slice(1)}g`, `${HEX}\n`, ` ${HEX.slice(1)}`]) {
      expectError('P2P_METAINFO_INVALID', () => parseInfoHash(text));
    }
  });

  it('become bytes and are made from bytes again', () => {
    const bytes = infoHashBytes(parseInfoHash(HEX));

    expect(Buffer.from(bytes).toString('hex')).to.equal(HEX);
    expect(infoHashFromBytes(bytes)).to.equal(HEX);
  });

  for (const hashes of [['blake3', 'sha1'], ['sha1'], ['blake3']] as const) {
    it(`hold for the info bytes of a torrent with ${hashes.join(' and ')}, and for none that differ in a bit`, () => {
      const { infoBytes, infoHash } = aMetainfo({ hashes });
      const altered = Uint8Array.from(infoBytes);
      altered[20] = (altered[20] ?? 0) ^ 1;

      expect(isInfoOf(infoBytes, infoHash)).to.equal(true);
      expect(isInfoOf(altered, infoHash)).to.equal(false);
    });
  }

  it('have 20 bytes, not one more or less', () => {
    for (const length of [0, 19, 21]) {
      expectError('P2P_METAINFO_INVALID', () => infoHashFromBytes(new Uint8Array(length)));
    }
  });

  it('are the first 20 bytes of a BLAKE3', () => {
    expect(infoHashFromBlake3(`${HEX}${'f'.repeat(24)}`)).to.equal(HEX);
    expectError('P2P_METAINFO_INVALID', () => infoHashFromBlake3(HEX));
  });
});
