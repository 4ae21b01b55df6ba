import { expect } from 'chai';
import { PieceLayout } from '../../src/metainfo/piece-layout.js';
import { Bitfield } from '../../src/protocol/bitfield.js';
import { PieceLedger } from '../../src/swarm/piece-ledger.js';
import type { PartialPiece } from '../../src/swarm/swarm-events.js';
import { piece } from './swarm-fixture.js';

const FROM_A: PartialPiece = [{ source: 'a', blocks: Uint8Array.of(0x80) }];
const EVIDENCE = { blockDigests: new Uint8Array(40), sources: FROM_A };

describe('PieceLedger', () => {
  it('takes a piece from missing over assigned and verified to durable, and back when it is lost', () => {
    const ledger = aLedger();
    const states = [ledger.stateOf(piece(0))];

    ledger.assign(piece(0), 1, 'a');
    states.push(ledger.stateOf(piece(0)));
    ledger.verify(piece(0), 1);
    states.push(ledger.stateOf(piece(0)));
    ledger.makeDurable(piece(0));
    states.push(ledger.stateOf(piece(0)));
    ledger.lose(piece(0));
    states.push(ledger.stateOf(piece(0)));

    expect(states).to.deep.equal(['missing', 'assigned', 'verified', 'durable', 'missing']);
    expect(ledger.verifiedBytes).to.equal(0);
    ledger.assertInvariants();
  });

  it('takes what was owned at the start as durable', () => {
    const ledger = aLedger([2]);

    expect(ledger.stateOf(piece(2))).to.equal('durable');
    expect(ledger.verifiedBytes).to.equal(10);
  });

  it('counts what is wanted apart, and takes the rest as settled', () => {
    const ledger = new PieceLedger(new PieceLayout(10, [{ lengthBytes: 35 }]), bits(4, [0]), bits(4, [2, 3]));
    expect([ledger.wantedBytes, ledger.wantedVerifiedBytes, ledger.settled.size]).to.deep.equal([15, 0, 2]);

    ledger.assign(piece(3), 1, 'a');
    ledger.verify(piece(3), 1);
    expect([ledger.verifiedBytes, ledger.wantedVerifiedBytes]).to.deep.equal([15, 5]);
    expect(ledger.settled.isFull).to.equal(false);
    ledger.verify(piece(2), 1);
    expect(ledger.settled.isFull).to.equal(true);
    ledger.lose(piece(0));
    ledger.lose(piece(2));

    expect([...ledger.settled.bits.indices()]).to.deep.equal([0, 1, 3]);
    ledger.assertInvariants();
  });

  it('refuses to assign a piece twice', () => {
    const ledger = aLedger();
    ledger.assign(piece(0), 1, 'a');

    expect(() => ledger.assign(piece(0), 2, 'b')).to.throw('piece 0 is assigned, not missing');
  });

  it('does nothing for a link that the piece does not belong to', () => {
    const ledger = aLedger();
    ledger.assign(piece(0), 1, 'a');

    expect(ledger.release(piece(0), 2, FROM_A)).to.equal(false);
    expect(ledger.fail(piece(0), 2, EVIDENCE)).to.equal(false);
    expect(ledger.verify(piece(0), 2)).to.equal(false);
    expect(ledger.ownerOf(piece(0))).to.equal(1);
    ledger.assertInvariants();
  });

  it('keeps the blocks of a piece that was given back, and drops them when it fails', () => {
    const ledger = aLedger();
    ledger.assign(piece(0), 1, 'a');

    ledger.release(piece(0), 1, FROM_A);
    expect(ledger.partialOf(piece(0))).to.equal(FROM_A);
    ledger.assign(piece(0), 2, 'b');
    ledger.fail(piece(0), 2, undefined);

    expect(ledger.partialOf(piece(0))).to.deep.equal([]);
  });

  it('lets a piece under evidence come from one peer alone', () => {
    const ledger = aLedger();
    ledger.assign(piece(0), 1, 'a');
    ledger.fail(piece(0), 1, EVIDENCE);
    ledger.assign(piece(0), 1, 'a');
    ledger.release(piece(0), 1, FROM_A);

    ledger.assign(piece(0), 3, 'a');
    expect(ledger.partialOf(piece(0))).to.equal(FROM_A);
    ledger.release(piece(0), 3);
    ledger.assign(piece(0), 2, 'b');

    expect(ledger.partialOf(piece(0))).to.deep.equal([]);
    expect(ledger.evidenceOf(piece(0))).to.equal(EVIDENCE);
  });

  it('lets others go on after three lonely attempts, the evidence kept', () => {
    const ledger = aLedger();
    ledger.assign(piece(0), 1, 'a');
    ledger.fail(piece(0), 1, EVIDENCE);
    for (let attempt = 0; attempt < 3; attempt += 1) {
      ledger.assign(piece(0), 1, 'a');
      ledger.release(piece(0), 1, FROM_A);
    }

    ledger.assign(piece(0), 2, 'b');

    expect(ledger.partialOf(piece(0))).to.equal(FROM_A);
    expect(ledger.evidenceOf(piece(0))).to.equal(EVIDENCE);
  });

  it('notices when its records disagree', () => {
    const ledger = aLedger();

    ledger.owned.add(piece(1));

    expect(() => ledger.assertInvariants()).to.throw('piece 1 is missing: wrong owned bit');
  });
});

/** Three pieces of 20, 20 and 10 bytes. */
function aLedger(owned: readonly number[] = []): PieceLedger {
  return new PieceLedger(new PieceLayout(20, [{ lengthBytes: 50 }]), bits(3, owned));
}

function bits(length: number, set: readonly number[]): Bitfield {
  const made = new Bitfield(length);
  for (const index of set) made.set(index);
  return made;
}
