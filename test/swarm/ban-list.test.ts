import { expect } from 'chai';
import { BanList, BLAME } from '../../src/swarm/ban-list.js';
import { aPeerId } from './swarm-fixture.js';

describe('BanList', () => {
  it('bans at the second failed piece', () => {
    const bans = new BanList();

    expect(bans.blame('198.51.100.7', BLAME.failedPiece)).to.equal(false);
    expect(bans.blame('198.51.100.7', BLAME.failedPiece)).to.equal(true);
    expect(bans.isBanned('198.51.100.7')).to.equal(true);
  });

  it('bans a proven liar at once, a breaker of rules after four times', () => {
    const bans = new BanList();

    expect(bans.blame('a', BLAME.provenLie)).to.equal(true);
    expect([1, 2, 3, 4].map(() => bans.blame('b', BLAME.protocol))).to.deep.equal([false, false, false, true]);
  });

  it('knows a public peer by its address alone', () => {
    const bans = new BanList();
    const key = bans.blameKey({ host: '198.51.100.7', port: 50_000 }, aPeerId('aa'));

    bans.blame(key, BLAME.provenLie);

    expect(bans.isBanned(bans.blameKey({ host: '198.51.100.7', port: 9_000 }, aPeerId('bb')))).to.equal(true);
    expect(bans.isAddressBanned({ host: '198.51.100.7', port: 1 })).to.equal(true);
  });

  it('shuts out the network of a public IPv6 address, of which a liar has every address', () => {
    const bans = new BanList();
    const key = bans.blameKey({ host: '2001:db8:0:1::7', port: 50_000 }, aPeerId('aa'));
    bans.blame(key, BLAME.provenLie);

    expect(bans.isAddressBanned({ host: '2001:db8:0:1::8', port: 1 })).to.equal(true);
    expect(bans.isAddressBanned({ host: '2001:db8:0:2::7', port: 1 })).to.equal(false);
  });

  it('does not ban the neighbours of a liar on a private address', () => {
    const bans = new BanList();
    const liar = bans.blameKey({ host: '127.0.0.1', port: 50_000 }, aPeerId('aa'));
    bans.learnAddress(liar, { host: '127.0.0.1', port: 9_001 });

    bans.blame(liar, BLAME.provenLie);

    expect(bans.isBanned(bans.blameKey({ host: '127.0.0.1', port: 50_001 }, aPeerId('bb')))).to.equal(false);
    expect(bans.isAddressBanned({ host: '127.0.0.1', port: 9_001 })).to.equal(true);
    expect(bans.isAddressBanned({ host: '127.0.0.1', port: 9_002 })).to.equal(false);
  });

  it('recognises a liar that comes back with a new peer id on the same port', () => {
    const bans = new BanList();
    const address = { host: '10.0.0.5', port: 9_001 };
    const before = bans.blameKey(address, aPeerId('aa'));
    bans.learnAddress(before, address);
    bans.blame(before, BLAME.provenLie);

    const after = bans.blameKey(address, aPeerId('bb'));
    bans.learnAddress(after, address);

    expect(bans.isBanned(after)).to.equal(true);
  });
});
