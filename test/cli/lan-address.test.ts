import { expect } from 'chai';
import type { NetworkInterfaceInfo } from 'node:os';
import { lanAddress } from '../../src/cli/lan-address.js';

function ipv4(address: string, internal = false): NetworkInterfaceInfo[] {
  return [{ address, internal, family: 'IPv4', netmask: '255.255.255.0', mac: '', cidr: null }];
}

describe('lanAddress', () => {
  it('prefers a private address of a real interface', () => {
    const interfaces = {
      lo: ipv4('127.0.0.1', true),
      docker0: ipv4('172.17.0.1'),
      eth0: ipv4('203.0.113.7'),
      wlan0: ipv4('192.168.1.5'),
    };

    expect(lanAddress(interfaces)).to.equal('192.168.1.5');
  });

  it('takes IPv6 where there is no IPv4, and never an address of the link', () => {
    const ipv6 = (address: string): NetworkInterfaceInfo[] => [
      { address, internal: false, family: 'IPv6', netmask: '', mac: '', cidr: null, scopeid: 0 },
    ];
    expect(lanAddress({ eth0: ipv6('fe80::1'), eth1: ipv6('2001:db8::1') })).to.equal('2001:db8::1');
    expect(lanAddress({ eth1: ipv6('fd00::1'), docker0: ipv4('172.17.0.1') })).to.equal('172.17.0.1');
    expect(lanAddress({ eth0: ipv6('fe80::1') })).to.equal(undefined);
  });

  it('takes what there is, and knows when there is none', () => {
    expect(lanAddress({ docker0: ipv4('172.17.0.1') })).to.equal('172.17.0.1');
    expect(lanAddress({ lo: ipv4('127.0.0.1', true) })).to.equal(undefined);
  });
});
