import { expect } from 'chai';
import { PieceLayout } from '../../src/metainfo/piece-layout.js';
import { decodeDontHave, encodeDontHave } from '../../src/protocol/dont-have-message.js';
import { PeerLink } from '../../src/swarm/peer-link.js';
import { expectError } from '../helpers/expect-error.js';

describe('lt_donthave (BEP 54)', () => {
  it('carries an index', () => {
    expect([...encodeDontHave(0x01020304)]).to.deep.equal([1, 2, 3, 4]);
    for (const index of [0, 1, 2 ** 32 - 1]) expect(decodeDontHave(encodeDontHave(index))).to.equal(index);
    expect(decodeDontHave(Uint8Array.of(9, 0, 0, 1, 7).subarray(1))).to.equal(0x00000107);
  });

  it('refuses another length', () => {
    for (const length of [0, 3, 5]) expectError('P2P_PROTOCOL', () => decodeDontHave(new Uint8Array(length)));
  });

  it('is news only of a piece that the peer had, and breaks a rule beyond the last', () => {
    const link = new PeerLink(new PieceLayout(16_384, [{ lengthBytes: 4 * 16_384 }]), true);
    expect(link.handleDontHave(1)).to.equal(undefined);
    link.handle({ type: 'have-all' });

    expect(link.handleDontHave(1)).to.equal(1);
    expect(link.handleDontHave(1)).to.equal(undefined);
    expect(link.handle({ type: 'have', pieceIndex: 1 })).to.deep.equal({ type: 'peer-have', pieceIndices: [1] });
    expectError('P2P_PROTOCOL', () => link.handleDontHave(4));
  });
});
