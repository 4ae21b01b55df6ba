import { expect } from 'chai';

import { peerPriority } from '../../src/swarm/peer-priority.js';

describe('peerPriority', () => {
  it('has the test vectors of BEP 40', () => {
    expect(between('123.213.32.10', '98.76.54.32')).to.equal(0xec2d7224);
    expect(between('123.213.32.10', '123.213.32.234')).to.equal(0x99568189);
  });

  it('is the same seen from either end', () => {
    for (const [one, other] of [
      ['123.213.32.10', '123.213.99.1'],
      ['2001:db8::1', '2001:db8:0:1::2'],
      ['2001:db8::1', '2a00:1450::5'],
    ] as const) {
      expect(between(one, other)).to.equal(between(other, one));
    }
  });

  it('compares ports when the hosts are the same', () => {
    const near = peerPriority({ host: '10.0.0.1', port: 9_000 }, { host: '10.0.0.1', port: 9_001 });

    // CRC-32C of 23 28 23 29.
    expect(near).to.equal(0x37160d2d);
    expect(peerPriority({ host: '10.0.0.1', port: 9_001 }, { host: '10.0.0.1', port: 9_000 })).to.equal(near);
  });

  it('gives neighbours of a strange network the same priority, wherever they sit in it', () => {
    expect(between('123.213.32.10', '98.76.54.32')).to.equal(between('123.213.32.10', '98.76.52.34'));
    expect(between('2001:db8::1', '2a00:1450:1:2::5')).to.equal(between('2001:db8::1', '2a00:1450:1:a8::f'));
  });

  it('is none between families, and none for names', () => {
    expect(between('10.0.0.1', '2001:db8::1')).to.equal(undefined);
    expect(between('10.0.0.1', 'example.org')).to.equal(undefined);
  });
});

function between(one: string, other: string): number | undefined {
  return peerPriority({ host: one, port: 9_000 }, { host: other, port: 9_001 });
}
