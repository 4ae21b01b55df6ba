import { expect } from 'chai';

import { OwnAddress } from '../../src/swarm/own-address.js';

describe('OwnAddress', () => {
  it('believes what most peers tell, each of them once', () => {
    const own = new OwnAddress();

    expect(own.handleTold('198.51.100.7', '203.0.113.1')).to.equal(true);
    for (let times = 0; times < 5; times += 1) own.handleTold('192.0.2.66', '203.0.113.2');
    expect(own.seenFrom('203.0.113.9')).to.equal('198.51.100.7');
    own.handleTold('192.0.2.66', '203.0.113.3');

    expect(own.seenFrom('203.0.113.9')).to.equal('192.0.2.66');
  });

  it('knows different addresses for this machine, the network and the world', () => {
    const own = new OwnAddress();
    own.handleTold('127.0.0.1', '127.0.0.1');
    own.handleTold('10.0.0.5', '10.0.0.1');
    own.handleTold('10.0.0.66', '203.0.113.1');
    own.handleTold('2001:db8::5', '2001:db8::1');

    expect(own.seenFrom('127.0.0.1')).to.equal('127.0.0.1');
    expect(own.seenFrom('192.168.0.1')).to.equal('10.0.0.5');
    expect(own.seenFrom('203.0.113.1')).to.equal(undefined);
    expect(own.seenFrom('2001:db8::9')).to.equal('2001:db8::5');
  });

  it('listens to a bounded number of peers', () => {
    const own = new OwnAddress();
    own.handleTold('198.51.100.7', '203.0.113.1');

    for (let n = 0; n < 200; n += 1) own.handleTold(`192.0.2.${n}`, `203.0.114.${n}`);

    expect(own.seenFrom('203.0.113.1')).to.equal('198.51.100.7');
  });
});
