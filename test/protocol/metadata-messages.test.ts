import { expect } from 'chai';
import fc from 'fast-check';
import { ProtocolError } from '../../src/errors.js';
import {
  decodeMetadataMessage,
  encodeMetadataData,
  encodeMetadataReject,
  encodeMetadataRequest,
  metadataPieceBytes,
  metadataPieceCount,
} from '../../src/protocol/metadata-messages.js';
import { testBytes } from '../helpers/test-bytes.js';

describe('ut_metadata messages', () => {
  it('are those of BEP 9', () => {
    expect(Buffer.from(encodeMetadataRequest(0)).toString()).to.equal('d8:msg_typei0e5:piecei0ee');
    expect(Buffer.from(encodeMetadataReject(7)).toString()).to.equal('d8:msg_typei2e5:piecei7ee');
    expect(Buffer.from(encodeMetadataData(Buffer.from('xyz'), 0)).toString()).to.equal(
      'd8:msg_typei1e5:piecei0e10:total_sizei3eexyz',
    );
  });

  it('are read back as they were told', () => {
    expect(decodeMetadataMessage(encodeMetadataRequest(1023))).to.deep.equal({ type: 'request', piece: 1023 });
    expect(decodeMetadataMessage(encodeMetadataReject(3))).to.deep.equal({ type: 'reject', piece: 3 });
  });

  for (const sizeBytes of [1, 16_383, 16_384, 16_385, 40_000]) {
    it(`cut metadata of ${sizeBytes} bytes into pieces that make it up again`, () => {
      const metadata = testBytes(sizeBytes, 9);

      const messages = Array.from({ length: metadataPieceCount(sizeBytes) }, (_, piece) =>
        decodeMetadataMessage(encodeMetadataData(metadata, piece)),
      );

      const parts = messages.map((message, at) => {
        if (message?.type !== 'data') throw new Error('no data');
        expect(message).to.include({ piece: at, totalBytes: sizeBytes });
        expect(message.bytes).to.have.length(metadataPieceBytes(sizeBytes, at));
        return message.bytes;
      });
      expect(Buffer.concat(parts).equals(metadata)).to.equal(true);
      expect(metadataPieceBytes(sizeBytes, messages.length)).to.equal(0);
    });
  }

  it('of an unknown type are passed over', () => {
    expect(decodeMetadataMessage(Buffer.from('d8:msg_typei3e5:piecei0ee'))).to.equal(undefined);
    expect(decodeMetadataMessage(Buffer.from('d5:piecei0ee'))).to.equal(undefined);
  });

  for (const [what, payload] of [
    ['no bencode', 'hello'],
    ['no dictionary', 'i5e'],
    ['no piece', 'd8:msg_typei0ee'],
    ['a negative piece', 'd8:msg_typei0e5:piecei-1ee'],
    ['deep nesting', `d1:a${'l'.repeat(9)}${'e'.repeat(9)}8:msg_typei0e5:piecei0ee`],
    ['a byte more than a piece', `d8:msg_typei1e5:piecei0ee${'x'.repeat(16_385)}`],
  ] as const) {
    it(`with ${what} break the protocol`, () => {
      expect(() => decodeMetadataMessage(Buffer.from(payload))).to.throw(ProtocolError);
    });
  }

  it('of random bytes give a message or a protocol error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          decodeMetadataMessage(bytes);
        } catch (error) {
          expect(error).to.be.instanceOf(ProtocolError);
        }
      }),
    );
  });
});
