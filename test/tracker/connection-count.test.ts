import { expect } from 'chai';
import { ConnectionCount } from '../../src/tracker/connection-count.js';

describe('ConnectionCount', () => {
  it('refuses one more than allowed, of that address alone', () => {
    const connections = new ConnectionCount(2);

    expect([connections.open('a'), connections.open('a'), connections.open('a')]).to.deep.equal([true, true, false]);
    expect(connections.open('b')).to.equal(true);
  });

  it('has room again when one closes', () => {
    const connections = new ConnectionCount(1);
    connections.open('a');
    connections.close('a');

    expect(connections.open('a')).to.equal(true);
    expect(connections.open('a')).to.equal(false);
  });
});
