import { expect } from 'chai';
import fc from 'fast-check';
import { Bitfield } from '../../src/protocol/bitfield.js';

describe('Bitfield', () => {
  it('behaves as a set of indices', () => {
    const steps = fc.array(fc.record({ index: fc.nat(69), on: fc.boolean() }), { maxLength: 40 });
    fc.assert(
      fc.property(steps, (all) => {
        const bits = new Bitfield(70);
        const set = new Set<number>();

        for (const { index, on } of all) {
          if (on) bits.set(index);
          else bits.clear(index);
          if (on) set.add(index);
          else set.delete(index);
        }

        expect([...bits.indices()]).to.deep.equal([...set].sort((a, b) => a - b));
        expect(bits.count()).to.equal(set.size);
        expect(bits.isEmpty()).to.equal(set.size === 0);
        for (let index = 0; index < 70; index += 1) expect(bits.has(index)).to.equal(set.has(index));
      }),
    );
  });

  it('has piece 0 in the high bit of the first byte', () => {
    const bits = new Bitfield(9);

    bits.set(0);
    bits.set(8);

    expect([...bits.bytes]).to.deep.equal([0x80, 0x80]);
  });

  for (const length of [0, 1, 7, 8, 9, 16, 1_000]) {
    it(`is full with ${length} of ${length} bits, spare bits clear`, () => {
      const bits = Bitfield.full(length);

      expect(bits.isFull()).to.equal(true);
      expect(bits.count()).to.equal(length);
      expect(bits.hasSpareBits()).to.equal(false);
    });
  }

  it('finds and clears spare bits', () => {
    for (let spare = 1; spare < 8; spare += 1) {
      const bits = new Bitfield(8 - spare, Uint8Array.of(1 << (spare - 1)));

      expect(bits.hasSpareBits()).to.equal(true);
      bits.clearSpareBits();
      expect([...bits.bytes]).to.deep.equal([0]);
    }
  });

  it('has nothing beyond its end', () => {
    expect(Bitfield.full(8).has(8)).to.equal(false);
    expect(Bitfield.full(8).has(4_294_967_295)).to.equal(false);
  });

  it('refuses bytes of another length', () => {
    expect(() => new Bitfield(9, new Uint8Array(1))).to.throw(RangeError, '1 bytes does not fit 9');
  });

  it('copies into ordinary memory', () => {
    const shared = Bitfield.shared(10);
    shared.set(3);

    const copy = shared.clone();
    shared.set(4);

    expect([...copy.indices()]).to.deep.equal([3]);
    expect(copy.bytes.buffer).to.be.instanceOf(ArrayBuffer);
  });
});
