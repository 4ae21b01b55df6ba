import { expect } from 'chai';
import { InvariantError, ProtocolError } from '../../src/errors.js';
import { encodeHandshake, HANDSHAKE_LENGTH, HandshakeReader } from '../../src/protocol/handshake.js';
import { concat } from '../helpers/naive-wire.js';

const HANDSHAKE = {
  infoHash: Uint8Array.from({ length: 20 }, (_, at) => at),
  peerId: Uint8Array.from({ length: 20 }, (_, at) => 100 + at),
  supportsFast: true,
  supportsExtended: true,
  supportsDht: false,
};

describe('encodeHandshake', () => {
  it('lays out protocol name, reserved bits, info hash and peer id', () => {
    const bytes = encodeHandshake(HANDSHAKE);

    expect(bytes).to.have.length(HANDSHAKE_LENGTH);
    expect(Buffer.from(bytes.subarray(0, 20)).toString('latin1')).to.equal('\x13BitTorrent protocol');
    expect([...bytes.subarray(20, 28)]).to.deep.equal([0, 0, 0, 0, 0, 0x10, 0, 0x04]);
    expect(bytes.subarray(28, 48)).to.deep.equal(HANDSHAKE.infoHash);
    expect(bytes.subarray(48)).to.deep.equal(HANDSHAKE.peerId);
  });

  it('refuses an info hash that is not 20 bytes', () => {
    expect(() => encodeHandshake({ ...HANDSHAKE, infoHash: new Uint8Array(32) })).to.throw(InvariantError, '32');
  });
});

describe('HandshakeReader', () => {
  it('reads a handshake from chunks of any size, and leaves what follows', () => {
    const bytes = concat([encodeHandshake(HANDSHAKE), Uint8Array.of(1, 2, 3)]);
    for (let size = 1; size <= bytes.length; size += 1) {
      const reader = new HandshakeReader();
      const rest: number[] = [];

      for (let at = 0; at < bytes.length; at += size) rest.push(...reader.push(bytes.subarray(at, at + size)));

      expect(reader.handshake).to.deep.equal(HANDSHAKE);
      expect(rest).to.deep.equal([1, 2, 3]);
    }
  });

  for (const flag of ['supportsFast', 'supportsExtended', 'supportsDht'] as const) {
    it(`reads ${flag} by itself`, () => {
      const only = {
        ...HANDSHAKE,
        supportsFast: false,
        supportsExtended: false,
        supportsDht: false,
        ...{ [flag]: true },
      };
      const reader = new HandshakeReader();

      reader.push(encodeHandshake(only));

      expect(reader.handshake).to.deep.equal(only);
    });
  }

  it('tells the info hash before the peer id came', () => {
    const bytes = encodeHandshake(HANDSHAKE);
    const reader = new HandshakeReader();

    reader.push(bytes.subarray(0, 47));
    expect(reader.infoHash).to.equal(undefined);
    reader.push(bytes.subarray(47, 48));

    expect(reader.infoHash).to.deep.equal(HANDSHAKE.infoHash);
    expect(reader.handshake).to.equal(undefined);
    expect(reader.received).to.equal(48);
  });

  it('refuses at the first foreign byte, wherever it is', () => {
    for (let at = 0; at < 20; at += 1) {
      const bytes = encodeHandshake(HANDSHAKE);
      bytes[at] = 0x20;
      if (at === 11) bytes[at] = 0x21;
      const reader = new HandshakeReader();

      reader.push(bytes.subarray(0, at));

      expect(() => reader.push(bytes.subarray(at, at + 1)))
        .to.throw(ProtocolError)
        .with.property('code', 'P2P_HANDSHAKE_FOREIGN');
    }
  });

  it('ignores reserved bits that it does not know', () => {
    const bytes = encodeHandshake(HANDSHAKE);
    bytes.fill(0xff, 20, 28);
    const reader = new HandshakeReader();

    reader.push(bytes);

    expect(reader.handshake).to.deep.equal({ ...HANDSHAKE, supportsDht: true });
  });
});
