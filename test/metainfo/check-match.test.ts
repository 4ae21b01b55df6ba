import { expect } from 'chai';
import { assertMatches } from '../../src/metainfo/check-match.js';
import { parseInfoHash } from '../../src/metainfo/info-hash.js';
import { aMetainfo } from '../helpers/a-torrent.js';
import { expectError } from '../helpers/expect-error.js';

describe('assertMatches', () => {
  const metainfo = aMetainfo();
  const { infoHash, blake3InfoHash } = metainfo;

  it('passes what was asked for, and what was not', () => {
    for (const asked of [{ infoHash, blake3InfoHash }, { infoHash }, { blake3InfoHash }, {}]) {
      assertMatches(metainfo, asked);
    }
  });

  it('refuses another info hash, naming both', () => {
    const other = parseInfoHash('0'.repeat(40));

    const error = expectError('P2P_METAINFO_MISMATCH', () => {
      assertMatches(metainfo, { infoHash: other, blake3InfoHash });
    });

    expect(error.message).to.contain(infoHash).and.contain(other);
  });

  it('refuses another BLAKE3 although the SHA-1 fits', () => {
    expectError('P2P_METAINFO_MISMATCH', () => {
      assertMatches(metainfo, { infoHash, blake3InfoHash: '0'.repeat(64) });
    });
  });
});
