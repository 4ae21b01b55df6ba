import { expect } from 'chai';
import type { NetworkInterfaceInfo } from 'node:os';
import { groupAddresses } from '../../src/tracker/tracker-addresses.js';

function anInterface(address: string): NetworkInterfaceInfo {
  const rest = { netmask: '', mac: '', internal: false, cidr: null };
  return address.includes(':')
    ? { address, family: 'IPv6', scopeid: 0, ...rest }
    : { address, family: 'IPv4', ...rest };
}

const BOTH = ['ipv4', 'ipv6'] as const;
const DUAL = () => ({ eth0: [anInterface('192.0.2.1'), anInterface('2001:db8::1')] });
const [V4, V6] = ['198.51.100.1', '2001:db8:9::1'];

describe('groupAddresses', () => {
  it('has a group for each family', () => {
    expect(groupAddresses([V6, V4], BOTH, DUAL)).to.deep.equal([
      { family: 'ipv4', addresses: [V4] },
      { family: 'ipv6', addresses: [V6] },
    ]);
  });

  it('leaves out a family that this machine has not, or does not listen on', () => {
    const overV4 = [{ family: 'ipv4', addresses: [V4] }];
    expect(groupAddresses([V6, V4], BOTH, () => ({ eth0: [anInterface('192.0.2.1')] }))).to.deep.equal(overV4);
    const linkLocal = () => ({ eth0: [anInterface('192.0.2.1'), anInterface('fe80::1')] });
    expect(groupAddresses([V6, V4], BOTH, linkLocal)).to.deep.equal(overV4);
    expect(groupAddresses([V6, V4], ['ipv4'], DUAL)).to.deep.equal(overV4);
  });

  it('asks a tracker that has no other address all the same', () => {
    expect(groupAddresses([V6], ['ipv4'], DUAL)).to.deep.equal([{ family: 'ipv6', addresses: [V6] }]);
  });

  it('does not ask the system for its interfaces when there is no choice', () => {
    const neverAsked = (): never => expect.fail('asked');
    expect(groupAddresses([V4], BOTH, neverAsked)).to.deep.equal([{ family: 'ipv4', addresses: [V4] }]);
    expect(groupAddresses(['::1', '127.0.0.1'], BOTH, neverAsked)).to.have.length(1);
    expect(groupAddresses([], BOTH, neverAsked)).to.deep.equal([]);
  });

  it('takes the addresses of this machine for one, IPv4 first', () => {
    const group = [{ family: undefined, addresses: ['127.0.0.1', '::1'] }];
    expect(groupAddresses(['::1', '127.0.0.1'], BOTH, DUAL)).to.deep.equal(group);
  });

  it('tries three of a family, and no group or broadcast address', () => {
    const addresses = ['224.0.0.1', '255.255.255.255', '0.0.0.0', 'ff02::1', '198.51.100.1', '198.51.100.2'];
    expect(groupAddresses([...addresses, '198.51.100.3', '198.51.100.4'], BOTH, DUAL)).to.deep.equal([
      { family: 'ipv4', addresses: ['198.51.100.1', '198.51.100.2', '198.51.100.3'] },
    ]);
    expect(groupAddresses(['224.0.0.1'], BOTH, DUAL)).to.deep.equal([]);
  });
});
