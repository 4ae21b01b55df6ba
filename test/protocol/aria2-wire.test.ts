import { expect } from 'chai';
import { ProtocolError } from '../../src/errors.js';
import { decodeExtensionHandshake } from '../../src/protocol/extension-handshake.js';
import { HandshakeReader } from '../../src/protocol/handshake.js';
import { MessageDecoder } from '../../src/protocol/message-decoder.js';
import type { WireMessage } from '../../src/protocol/messages.js';
import { clientNameOf, peerIdFromBytes } from '../../src/protocol/peer-id.js';
import { ARIA2_FOREIGN, ARIA2_INFO_HASH, ARIA2_LEECHER, ARIA2_SEEDER } from '../fixtures/aria2-wire.js';

describe('the wire of aria2, captured', () => {
  it('is refused at the first byte while it is encrypted', () => {
    expect(() => new HandshakeReader().push(ARIA2_FOREIGN.subarray(0, 1)))
      .to.throw(ProtocolError)
      .with.property('code', 'P2P_HANDSHAKE_FOREIGN');
  });

  it('opens with a handshake that names the client and its extensions', () => {
    const reader = new HandshakeReader();

    reader.push(ARIA2_LEECHER);
    const handshake = reader.handshake;

    expect(Buffer.from(handshake?.infoHash ?? []).toString('hex')).to.equal(ARIA2_INFO_HASH);
    expect(handshake?.supportsFast).to.equal(true);
    expect(handshake?.supportsExtended).to.equal(true);
    expect(clientNameOf(peerIdFromBytes(handshake?.peerId ?? new Uint8Array(20)))).to.equal('aria2 1.36.0');
  });

  it('tells client, port and extensions in its extension handshake', () => {
    const [first] = decode(ARIA2_LEECHER);
    if (first?.type !== 'extended') throw new Error('the first message is no extended one');

    const told = decodeExtensionHandshake(first.payload);

    expect(first.extensionId).to.equal(0);
    expect(told.client).to.equal('aria2/1.36.0');
    expect([...told.messages.keys()]).to.deep.equal(['ut_metadata', 'ut_pex']);
    expect(told.listenPort).to.be.greaterThan(0);
    expect(told.requestQueue).to.equal(250);
  });

  it('as a leecher sends have-none behind the extension handshake, and bitfields again later', () => {
    const types = decode(ARIA2_LEECHER).map(({ type }) => type);

    expect(types.slice(0, 2)).to.deep.equal(['extended', 'have-none']);
    expect(types.filter((type) => type === 'request')).to.have.length(3);
    expect(types.lastIndexOf('bitfield')).to.be.greaterThan(types.lastIndexOf('request'));
    expect(types.at(-1)).to.equal('have-all');
  });

  it('as a seed sends have-all, unchokes, and delivers what was asked for', () => {
    const messages = decode(ARIA2_SEEDER);
    const file = new Uint8Array(5_000);
    for (const message of messages) {
      if (message.type !== 'piece') continue;
      file.set(message.fragment, message.pieceIndex * 2_048 + message.blockOffset + message.fragmentOffset);
    }

    expect(messages.map(({ type }) => type)).to.include.members(['have-all', 'unchoke', 'piece']);
    expect(file).to.deep.equal(Uint8Array.from({ length: 5_000 }, (_, at) => (at * 7) % 251));
  });
});

/** All messages behind the handshake. */
function decode(bytes: Uint8Array): WireMessage[] {
  const decoder = new MessageDecoder({ pieceCount: 3 });
  decoder.push(new HandshakeReader().push(bytes));
  const messages: WireMessage[] = [];
  for (let next = decoder.next(); next !== undefined; next = decoder.next()) messages.push(next);
  return messages;
}
