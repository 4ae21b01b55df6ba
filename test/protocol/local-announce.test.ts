import { expect } from 'chai';
import fc from 'fast-check';

import { MAX_LOCAL_INFO_HASHES_TOLD } from '../../src/protocol/limits.js';
import { decodeLocalAnnounce, encodeLocalAnnounce } from '../../src/protocol/local-announce.js';

const HASH = 'aa'.repeat(20);
/** As libtorrent 2.0.8 sends it. */
const FROM_LIBTORRENT = `BT-SEARCH * HTTP/1.1\r\nHost: 239.192.152.143:6771\r\nPort: 6881\r\nInfohash: ${HASH}\r\ncookie: 7f3b\r\n\r\n\r\n`;

describe('The announce of local discovery', () => {
  it('is written as BEP 14 has it', () => {
    const text = (family: 'ipv4' | 'ipv6'): string =>
      Buffer.from(encodeLocalAnnounce({ port: 6_881, infoHashes: [HASH], cookie: '7f3b' }, family)).toString();

    expect(text('ipv4')).to.equal(FROM_LIBTORRENT);
    expect(text('ipv6')).to.include('\r\nHost: [ff15::efc0:988f]:6771\r\n');
  });

  it('is read in any case, with unknown headers, several hashes and repeats', () => {
    const other = 'bb'.repeat(20);
    const read = decodeLocalAnnounce(
      Buffer.from(
        `BT-SEARCH * HTTP/1.1\r\nHOST:x\r\npOrT:  1\r\nX-Y: z\r\nINFOHASH: ${HASH.toUpperCase()}\r\nInfohash: ${other}\r\nInfohash: ${HASH}\r\n`,
      ),
    );

    expect(read).to.deep.equal({ port: 1, infoHashes: [HASH, other], cookie: undefined });
  });

  it('fits a datagram of 1,400 bytes with as many hashes as we put into one', () => {
    const infoHashes = Array.from({ length: MAX_LOCAL_INFO_HASHES_TOLD }, (_, n) => n.toString(16).padStart(40, '0'));
    const bytes = encodeLocalAnnounce({ port: 65_535, infoHashes, cookie: 'f'.repeat(16) }, 'ipv6');

    expect(bytes.length).to.be.at.most(1_400);
    expect(decodeLocalAnnounce(bytes)?.infoHashes).to.deep.equal(infoHashes);
  });

  it('is nothing when it is too long, names no port, no hash, or is something else', () => {
    const { length } = FROM_LIBTORRENT;
    for (const text of [
      '',
      'BT-SEARCH',
      'GET / HTTP/1.1\r\n',
      FROM_LIBTORRENT.replace('6881', '0'),
      FROM_LIBTORRENT.replace('6881', '65536'),
      FROM_LIBTORRENT.replace('6881', '-1'),
      FROM_LIBTORRENT.replace(HASH, HASH.slice(1)),
      FROM_LIBTORRENT.replace(HASH, `${HASH}aa`),
      FROM_LIBTORRENT + 'x'.repeat(2_049 - length),
    ]) {
      expect(decodeLocalAnnounce(Buffer.from(text)), text.slice(0, 80)).to.equal(undefined);
    }
    expect(decodeLocalAnnounce(Buffer.from(FROM_LIBTORRENT + 'x'.repeat(2_048 - length)))?.port).to.equal(6_881);
  });

  it('takes at most 32 hashes, and never throws', () => {
    const many = Array.from({ length: 40 }, (_, n) => `Infohash: ${n.toString(16).padStart(40, '0')}`).join('\r\n');
    const read = decodeLocalAnnounce(Buffer.from(`BT-SEARCH * HTTP/1.1\r\nPort: 1\r\n${many}`.slice(0, 2_048)));

    expect(read?.infoHashes).to.have.length(32);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        decodeLocalAnnounce(bytes);
        decodeLocalAnnounce(Buffer.concat([Buffer.from('BT-SEARCH * HTTP/1.1\r\n'), bytes]));
      }),
    );
  });
});
