import { expect } from 'chai';
import fc from 'fast-check';

import { BufferPool } from '../../src/workers/buffer-pool.js';
import { expectError } from '../helpers/expect-error.js';

function aBuffer(pool: BufferPool, lengthBytes: number, force = false): Uint8Array {
  const buffer = pool.acquire(lengthBytes, force);
  if (!buffer) throw new Error(`no room for ${lengthBytes} bytes`);
  return buffer;
}

describe('BufferPool', () => {
  it('lends memory of at least the length asked for, and wastes at most half of it', () => {
    const pool = new BufferPool(1_000_000_000);
    for (const length of [1, 127, 128, 129, 192, 193, 256, 257, 16_384, 16_397, 1_048_576, 1_048_577, 13_000_000]) {
      const buffer = aBuffer(pool, length);

      expect(buffer.length).to.be.within(length, Math.max(128, 1.5 * length));
      pool.release(buffer);
    }
  });

  it('lends memory that nobody else sees', () => {
    const pool = new BufferPool(10_000);
    const [one, other] = [aBuffer(pool, 200), aBuffer(pool, 200)];

    expect(one.buffer).to.not.equal(other.buffer);
    expect(one.buffer.byteLength).to.equal(one.length);
  });

  it('lends the same memory again', () => {
    const pool = new BufferPool(10_000);
    const first = aBuffer(pool, 1000);
    pool.release(first);

    expect(aBuffer(pool, 900)).to.equal(first);
    expect(aBuffer(pool, 900)).to.not.equal(first);
  });

  it('refuses above its budget, and says when there is room', () => {
    let rooms = 0;
    const pool = new BufferPool(4096, () => (rooms += 1));
    const [one, other] = [aBuffer(pool, 2048), aBuffer(pool, 2048)];
    expect(pool.acquire(128)).to.equal(undefined);

    pool.release(one);
    expect(rooms).to.equal(1);
    pool.release(other);
    expect(rooms, 'nobody waits any more').to.equal(1);
  });

  it('says nothing of room when nobody was refused', () => {
    let rooms = 0;
    const pool = new BufferPool(4096, () => (rooms += 1));

    pool.release(aBuffer(pool, 4096));

    expect(rooms).to.equal(0);
  });

  it('overdraws its budget when forced, and tells its pressure', () => {
    const pool = new BufferPool(4096);
    const buffers = [aBuffer(pool, 2048), aBuffer(pool, 4096, true)];

    expect(pool.usedBytes).to.equal(6144);
    expect(pool.pressure).to.equal(1.5);

    for (const buffer of buffers) pool.release(buffer);
    expect(pool.pressure).to.equal(0);
  });

  it('keeps memory of one size from standing in the way of another', () => {
    const pool = new BufferPool(4096);
    const small = Array.from({ length: 4 }, () => aBuffer(pool, 1024));
    for (const buffer of small) pool.release(buffer);

    expect(aBuffer(pool, 4096)).to.have.length(4096);
  });

  it('takes a buffer back once', () => {
    const pool = new BufferPool(4096);
    const buffer = aBuffer(pool, 128);
    pool.release(buffer);

    expectError('P2P_INVARIANT', () => {
      pool.release(buffer);
    });
    expectError('P2P_INVARIANT', () => {
      pool.release(new Uint8Array(128));
    });
    expect(pool.usedBytes).to.equal(0);
  });

  it('counts right, whatever is lent and given back', () => {
    const step = fc.record({ length: fc.integer({ min: 1, max: 5000 }), force: fc.boolean(), back: fc.nat(20) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const pool = new BufferPool(20_000);
        const lent: Uint8Array[] = [];
        for (const { length, force, back } of steps) {
          const before = pool.usedBytes;
          const buffer = pool.acquire(length, force);
          if (buffer) lent.push(buffer);
          if (force) expect(buffer).to.not.equal(undefined);
          if (!force && buffer && before + buffer.length > 20_000) throw new Error('over the budget');
          expect(new Set(lent).size, 'lent twice').to.equal(lent.length);
          const [returned] = back < lent.length ? lent.splice(back, 1) : [];
          if (returned) pool.release(returned);
          expect(pool.usedBytes).to.equal(lent.reduce((sum, each) => sum + each.length, 0));
        }
      }),
    );
  });
});
