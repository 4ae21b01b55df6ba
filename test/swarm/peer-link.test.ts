import { expect } from 'chai';
import fc from 'fast-check';

import { BLOCK_LENGTH, PieceLayout } from '../../src/metainfo/piece-layout.js';
import { MAX_FAST_HINTS, MAX_SERVED_BLOCK_BYTES } from '../../src/protocol/limits.js';
import type { WireMessage } from '../../src/protocol/messages.js';
import { PeerLink } from '../../src/swarm/peer-link.js';
import { expectError } from '../helpers/expect-error.js';

const PIECE = 10 * BLOCK_LENGTH + 5;
/** 11 pieces, the last of 1,000 bytes. */
const layout = new PieceLayout(PIECE, [{ lengthBytes: 10 * PIECE + 1000 }]);

function aLink({ fast = true, shape = layout } = {}): PeerLink {
  return new PeerLink(shape, fast);
}

function bits(...indices: number[]): Uint8Array {
  const bytes = new Uint8Array(2);
  for (const index of indices) bytes[index >> 3] = (bytes[index >> 3] ?? 0) | (0x80 >> (index & 7));
  return bytes;
}

function bitfield(...indices: number[]): WireMessage {
  return { type: 'bitfield', bits: bits(...indices) };
}

function have(pieceIndex: number): WireMessage {
  return { type: 'have', pieceIndex };
}

function piece(pieceIndex: number, blockOffset: number, lengthBytes: number): WireMessage {
  return { type: 'piece', pieceIndex, blockOffset, lengthBytes, fragmentOffset: 0, fragment: new Uint8Array(1) };
}

/** The message breaks a rule, and the words say which. */
function refuses(link: PeerLink, message: WireMessage, words: RegExp): void {
  expect(expectError('P2P_PROTOCOL', () => link.handle(message)).message).to.match(words);
}

describe('PeerLink', () => {
  it('begins choked and uninterested, both ways', () => {
    const link = aLink();

    expect([link.amChoking, link.peerChoking, link.amInterested, link.peerInterested]).to.deep.equal([
      true,
      true,
      false,
      false,
    ]);
  });

  it('tells of choke and interest only when they change', () => {
    const link = aLink();

    expect(link.handle({ type: 'choke' })).to.equal(undefined);
    expect(link.handle({ type: 'unchoke' })).to.deep.equal({ type: 'peer-unchoked' });
    expect(link.handle({ type: 'unchoke' })).to.equal(undefined);
    expect(link.peerChoking).to.equal(false);
    expect(link.handle({ type: 'choke' })).to.deep.equal({ type: 'peer-choked' });
    expect(link.handle({ type: 'not-interested' })).to.equal(undefined);
    expect(link.handle({ type: 'interested' })).to.deep.equal({ type: 'peer-interested' });
    expect(link.handle({ type: 'interested' })).to.equal(undefined);
    expect(link.handle({ type: 'not-interested' })).to.deep.equal({ type: 'peer-not-interested' });
  });

  describe('what the peer has', () => {
    it('takes a bitfield, and keeps no view of it', () => {
      const message = { type: 'bitfield', bits: bits(0, 10) } as const;

      const event = aLink().handle(message);
      message.bits.fill(0xff);

      expect(event).to.deep.equal({ type: 'peer-has', pieces: bits(0, 10) });
    });

    it('takes have-all and have-none from peers with BEP 6 alone', () => {
      expect(aLink().handle({ type: 'have-all' })).to.deep.equal({ type: 'peer-has', pieces: 'all' });
      expect(aLink().handle({ type: 'have-none' })).to.deep.equal({ type: 'peer-has', pieces: 'none' });
      for (const type of ['have-all', 'have-none'] as const) refuses(aLink({ fast: false }), { type }, /BEP 6/);
    });

    it('tells of each have once', () => {
      const link = aLink();
      link.handle(bitfield(1));

      expect(link.handle(have(10))).to.deep.equal({ type: 'peer-have', pieceIndices: [10] });
      expect(link.handle(have(10))).to.equal(undefined);
      expect(link.handle(have(1))).to.equal(undefined);
    });

    it('takes haves without a bitfield before', () => {
      const link = aLink();

      expect(link.handle(have(3))).to.deep.equal({ type: 'peer-have', pieceIndices: [3] });
      expect(link.handle(bitfield(3, 4)), 'a late bitfield').to.deep.equal({ type: 'peer-have', pieceIndices: [4] });
    });

    it('takes a bitfield that aria2 says again for the haves that are new in it', () => {
      const link = aLink();
      link.handle(bitfield(0, 1));

      expect(link.handle(bitfield(0, 1, 9))).to.deep.equal({ type: 'peer-have', pieceIndices: [9] });
      expect(link.handle(bitfield(0, 1, 9))).to.equal(undefined);
      expect(link.handle(bitfield()), 'nothing is taken back').to.equal(undefined);
      expect(link.handle(have(9))).to.equal(undefined);
      expect(link.handle({ type: 'have-all' })).to.deep.equal({
        type: 'peer-have',
        pieceIndices: [2, 3, 4, 5, 6, 7, 8, 10],
      });
    });

    it('makes nothing of have-all that is said again: five bytes are no list of all pieces', () => {
      const link = aLink();
      link.handle({ type: 'have-all' });

      expect(link.handle({ type: 'have-all' })).to.equal(undefined);
      expect(link.handle({ type: 'have-none' })).to.equal(undefined);
      expect(link.handle(have(5))).to.equal(undefined);
    });

    it('refuses bitfields that do not fit, and pieces that are not there', () => {
      refuses(aLink(), { type: 'bitfield', bits: new Uint8Array(1) }, /1 bytes, expected 2/);
      refuses(aLink(), { type: 'bitfield', bits: new Uint8Array(3) }, /3 bytes, expected 2/);
      refuses(aLink(), bitfield(11), /behind the last piece/);
      refuses(aLink(), have(11), /piece 11 of 11/);
      refuses(aLink(), have(0xffff_ffff), /piece 4294967295 of 11/);
    });

    it('bears a torrent without pieces', () => {
      const link = aLink({ shape: new PieceLayout(16, []) });

      expect(link.handle({ type: 'have-all' })).to.deep.equal({ type: 'peer-has', pieces: 'all' });
      refuses(link, have(0), /piece 0 of 0/);
    });

    it('tells of every piece once, whatever is said in which order', () => {
      const message = fc.oneof(
        fc.nat(10).map(have),
        fc.subarray([...Array(11).keys()]).map((indices) => bitfield(...indices)),
        fc.constantFrom({ type: 'have-all' } as const, { type: 'have-none' } as const),
      );
      fc.assert(
        fc.property(fc.array(message), (messages) => {
          const link = aLink();
          const said = new Set<number>();
          const told: number[] = [];
          messages.forEach((each, at) => {
            if (each.type === 'have') said.add(each.pieceIndex);
            if (each.type === 'have-all') for (let index = 0; index < 11; index += 1) said.add(index);
            if (each.type === 'bitfield') {
              for (let index = 0; index < 11; index += 1)
                if ((each.bits[index >> 3] ?? 0) & (0x80 >> (index & 7))) said.add(index);
            }
            const event = link.handle(each);
            if (event?.type === 'peer-has') {
              expect(at).to.equal(0);
              if (event.pieces !== 'none') told.push(...said);
            }
            if (event?.type === 'peer-have') told.push(...event.pieceIndices);
          });
          expect([...told].sort((a, b) => a - b)).to.deep.equal([...said].sort((a, b) => a - b));
        }),
      );
    });
  });

  describe('ranges', () => {
    for (const type of ['request', 'cancel', 'reject'] as const) {
      const eventType = type === 'reject' ? 'rejected' : type;

      it(`takes a ${type} inside a piece`, () => {
        for (const [pieceIndex, blockOffset, lengthBytes] of [
          [0, 0, BLOCK_LENGTH],
          [0, 1, 1],
          [9, PIECE - MAX_SERVED_BLOCK_BYTES, MAX_SERVED_BLOCK_BYTES],
          [10, 0, 1000],
          [10, 999, 1],
        ] as const) {
          const range = { pieceIndex, blockOffset, lengthBytes };

          expect(aLink().handle({ type, ...range })).to.deep.equal({ type: eventType, range });
        }
      });

      it(`refuses a ${type} of nothing, of too much, and past the end`, () => {
        for (const [pieceIndex, blockOffset, lengthBytes, words] of [
          [0, 0, 0, /0 bytes, allowed are 1 to 131072/],
          [0, 0, MAX_SERVED_BLOCK_BYTES + 1, /131073 bytes, allowed are 1 to 131072/],
          [0, 0, 0xffff_ffff, /4294967295 bytes/],
          [0, PIECE, 1, /passes the end of piece 0/],
          [0, PIECE - 1, 2, /passes the end of piece 0/],
          [0, 0xffff_ffff, 1, /passes the end/],
          [10, 0, 1001, /passes the end of piece 10 \(1000 bytes\)/],
          [11, 0, 1, /piece 11 of 11/],
        ] as const) {
          refuses(aLink(), { type, pieceIndex, blockOffset, lengthBytes }, words);
        }
      });
    }

    it('takes rejects, suggestions and allowed-fast from peers with BEP 6 alone', () => {
      const link = aLink({ fast: false });

      refuses(link, { type: 'reject', pieceIndex: 0, blockOffset: 0, lengthBytes: 1 }, /BEP 6/);
      for (const type of ['suggest', 'allowed-fast'] as const) {
        refuses(link, { type, pieceIndex: 0 }, /BEP 6/);
        refuses(aLink(), { type, pieceIndex: 11 }, /piece 11 of 11/);
        expect(aLink().handle({ type, pieceIndex: 10 })).to.deep.equal({
          type: type === 'suggest' ? 'suggested' : type,
          pieceIndex: 10,
        });
      }
    });

    it('remembers only so many suggestions and allowed-fast pieces, each once', () => {
      for (const type of ['suggest', 'allowed-fast'] as const) {
        const link = new PeerLink(new PieceLayout(1, [{ lengthBytes: 1_000 }]), true);
        const told = Array.from({ length: 1_000 }, (_, at) => link.handle({ type, pieceIndex: Math.floor(at / 2) }));

        expect(told.filter((event) => event !== undefined)).to.have.length(MAX_FAST_HINTS);
      }
    });
  });

  describe('blocks', () => {
    it('names the block when the range is one that we ask for', () => {
      for (const [pieceIndex, blockOffset, lengthBytes, block] of [
        [0, 0, BLOCK_LENGTH, 0],
        [9, 9 * BLOCK_LENGTH, BLOCK_LENGTH, 9],
        [0, 10 * BLOCK_LENGTH, 5, 10],
        [10, 0, 1000, 0],
        [0, 1, BLOCK_LENGTH, undefined],
        [0, 0, BLOCK_LENGTH - 1, undefined],
        [0, 0, 2 * BLOCK_LENGTH, undefined],
        [0, 10 * BLOCK_LENGTH, 4, undefined],
      ] as const) {
        const message = piece(pieceIndex, blockOffset, lengthBytes);

        expect(aLink().handle(message)).to.deep.equal({ type: 'fragment', fragment: message, block });
      }
    });

    it('refuses blocks that do not fit their piece', () => {
      refuses(aLink(), piece(11, 0, 1), /piece 11 of 11/);
      refuses(aLink(), piece(0, 0, 0), /0 bytes at 0/);
      refuses(aLink(), piece(0, PIECE, 1), /1 bytes at 163845 does not fit/);
      refuses(aLink(), piece(10, 1, 1000), /1000 bytes at 1 does not fit piece 10 of 1000 bytes/);
    });
  });

  it('hands on the port of a DHT node (BEP 5)', () => {
    expect(aLink().handle({ type: 'port', port: 6881 })).to.deep.equal({ type: 'dht-port', port: 6881 });
  });

  it('hands on extended messages, and passes over what it does not know', () => {
    const payload = Uint8Array.of(1, 2);

    expect(aLink().handle({ type: 'extended', extensionId: 3, payload })).to.deep.equal({
      type: 'extended',
      extensionId: 3,
      payload,
    });
    for (const message of [{ type: 'keep-alive' }, { type: 'unknown', id: 99, lengthBytes: 5 }] as const) {
      expect(aLink().handle(message)).to.equal(undefined);
    }
  });
});
