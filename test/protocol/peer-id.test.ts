import { expect } from 'chai';
import { InvariantError } from '../../src/errors.js';
import { clientNameOf, createPeerId, peerIdBytes, peerIdFromBytes } from '../../src/protocol/peer-id.js';

describe('createPeerId', () => {
  it('begins with our letters and the version, and goes on with the random bytes', () => {
    const random = Uint8Array.from({ length: 12 }, (_, at) => 0xf0 + at);

    const bytes = peerIdBytes(createPeerId(random, '0.1.0'));

    expect(Buffer.from(bytes.subarray(0, 8)).toString('latin1')).to.equal('-PP0100-');
    expect(bytes.subarray(8)).to.deep.equal(random);
  });

  for (const [version, prefix] of [
    ['1.2.3', '-PP1230-'],
    ['1.10.35', '-PP1AZ0-'],
    ['1.99.0', '-PP1Z00-'],
    ['2.0.0-beta.1', '-PP2000-'],
    ['3', '-PP3000-'],
  ] as const) {
    it(`writes version ${version} as ${prefix}`, () => {
      const bytes = peerIdBytes(createPeerId(new Uint8Array(12), version));

      expect(Buffer.from(bytes.subarray(0, 8)).toString('latin1')).to.equal(prefix);
    });
  }

  it('refuses fewer than 12 random bytes', () => {
    expect(() => createPeerId(new Uint8Array(11), '0.1.0')).to.throw(InvariantError, '11');
  });
});

describe('peerIdFromBytes', () => {
  it('is the inverse of peerIdBytes', () => {
    const bytes = Uint8Array.from({ length: 20 }, (_, at) => at * 13);

    expect(peerIdBytes(peerIdFromBytes(bytes))).to.deep.equal(bytes);
  });

  it('refuses 19 bytes', () => {
    expect(() => peerIdFromBytes(new Uint8Array(19))).to.throw(InvariantError, '19');
  });
});

describe('clientNameOf', () => {
  for (const [prefix, name] of [
    ['-TR3000-', 'Transmission 3.00'],
    ['-TR2940-', 'Transmission 2.94'],
    ['-TR4050-', 'Transmission 4.0.5'],
    ['-LT20A0-', 'libtorrent 2.0.10'],
    ['-lt0D80-', 'rTorrent (libTorrent) 0.13.8'],
    ['-qB4250-', 'qBittorrent 4.2.5'],
    ['-DE13F0-', 'Deluge 1.3.15'],
    ['-WW0208-', 'WebTorrent 2.8'],
    ['-UT355S-', 'µTorrent 3.5.5'],
    ['-PP0100-', 'p2p 0.1.0'],
    ['A2-1-36-0-', 'aria2 1.36.0'],
    ['M7-9-2--', 'BitTorrent 7.9.2'],
    ['-XX1234-', '-XX1234-'],
    ['FUTURE', 'FUTURE'],
    ['\x1b[2J', ''],
    ['\0\0\0', ''],
  ] as const) {
    it(`calls ${JSON.stringify(prefix)} '${name}'`, () => {
      const bytes = new Uint8Array(20).fill(0x01);
      bytes.set(Buffer.from(prefix, 'latin1'));

      expect(clientNameOf(peerIdFromBytes(bytes))).to.equal(name);
    });
  }
});
