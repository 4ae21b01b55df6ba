import { expect } from 'chai';
import {
  formatAddress,
  isLoopbackHost,
  isPrivateHost,
  networkOf,
  normaliseHost,
} from '../../src/protocol/peer-address.js';

describe('formatAddress', () => {
  it('puts brackets around IPv6 only', () => {
    expect(formatAddress({ host: '10.0.0.1', port: 9000 })).to.equal('10.0.0.1:9000');
    expect(formatAddress({ host: '2001:db8::1', port: 9000 })).to.equal('[2001:db8::1]:9000');
  });
});

describe('normaliseHost', () => {
  for (const [host, normal] of [
    ['::ffff:10.1.2.3', '10.1.2.3'],
    ['::FFFF:10.1.2.3', '10.1.2.3'],
    ['10.1.2.3', '10.1.2.3'],
    ['::1', '::1'],
    ['2001:db8::ffff:1', '2001:db8::ffff:1'],
    ['::ffff:a01:203', '10.1.2.3'],
    ['0:0:0:0:0:ffff:10.1.2.3', '10.1.2.3'],
    ['2001:DB8:0:0:0:0:0:01', '2001:db8::1'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['fe80::1%eth0', 'fe80::1%eth0'],
    ['Example.org', 'Example.org'],
  ] as const) {
    it(`writes ${host} as ${normal}`, () => {
      expect(normaliseHost(host)).to.equal(normal);
    });
  }
});

describe('networkOf', () => {
  for (const [host, network] of [
    ['203.0.113.9', '203.0.113.9'],
    ['::ffff:203.0.113.9', '203.0.113.9'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::', '2001:db8:1:2::/64'],
    ['fd00:1:2:3::4', 'fd00:1:2:3::4'],
    ['::1', '::1'],
  ] as const) {
    it(`counts ${host} as ${network}`, () => {
      expect(networkOf(host)).to.equal(network);
    });
  }
});

describe('isLoopbackHost', () => {
  for (const host of ['127.0.0.1', '127.255.0.3', '::1', '::ffff:127.0.0.1']) {
    it(`says yes to ${host}`, () => {
      expect(isLoopbackHost(host)).to.equal(true);
    });
  }
  for (const host of ['128.0.0.1', '10.0.0.1', '::2', 'fe80::1', '127.evil.example', '1.127.0.0']) {
    it(`says no to ${host}`, () => {
      expect(isLoopbackHost(host)).to.equal(false);
    });
  }
});

describe('isPrivateHost', () => {
  const privateHosts = [
    '10.0.0.0',
    '10.255.255.255',
    '127.0.0.1',
    '172.16.0.0',
    '172.31.255.255',
    '192.168.0.1',
    '169.254.1.1',
    '100.64.0.0',
    '100.127.255.255',
    '::1',
    'fc00::1',
    'fdff::1',
    'fe80::1',
    'FEBF::1',
    '::ffff:192.168.1.1',
  ];
  for (const host of privateHosts) {
    it(`says yes to ${host}`, () => {
      expect(isPrivateHost(host)).to.equal(true);
    });
  }
  const publicHosts = [
    '9.255.255.255',
    '11.0.0.0',
    '172.15.255.255',
    '172.32.0.0',
    '192.167.255.255',
    '169.253.0.0',
    '100.63.255.255',
    '100.128.0.0',
    '8.8.8.8',
    '2001:db8::1',
    'fc::1',
    'fec0::1',
    'fbff::1',
    '::ffff:8.8.8.8',
    'fc.example.org',
  ];
  for (const host of publicHosts) {
    it(`says no to ${host}`, () => {
      expect(isPrivateHost(host)).to.equal(false);
    });
  }
});
