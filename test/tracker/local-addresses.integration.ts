import { expect } from 'chai';
import type { NetworkInterfaceInfo } from 'node:os';
import { formatIp, parseIp } from '../../src/protocol/ip-address.js';
import { LocalAddresses } from '../../src/tracker/local-addresses.js';

function anInterface(address: string, netmask: string, internal = false): NetworkInterfaceInfo {
  const mac = '00:00:00:00:00:00';
  return address.includes(':')
    ? { address, netmask, family: 'IPv6', mac, internal, cidr: null, scopeid: 0 }
    : { address, netmask, family: 'IPv4', mac, internal, cidr: null };
}

const INTERFACES = {
  lo: [anInterface('127.0.0.1', '255.0.0.0', true), anInterface('::1', 'ffff:'.repeat(7) + 'ffff', true)],
  docker0: [anInterface('172.17.0.1', '255.255.0.0')],
  eth0: [anInterface('10.0.0.5', '255.0.0.0'), anInterface('fd00:1::5', 'ffff:ffff:ffff:ffff::')],
  eth1: [anInterface('10.9.0.5', '255.255.0.0')],
};

describe('LocalAddresses', () => {
  const reached = (addresses: LocalAddresses, from: string, nowMs = 0): string | undefined => {
    const ip = addresses.reachedBy(parseIp(from) ?? new Uint8Array(16), nowMs);
    return ip && formatIp(ip);
  };

  it('is reached by the address in the network of the sender, the smaller network first', () => {
    const addresses = new LocalAddresses(() => INTERFACES);

    expect(reached(addresses, '10.1.2.3')).to.equal('10.0.0.5');
    expect(reached(addresses, '10.9.2.3')).to.equal('10.9.0.5');
    expect(reached(addresses, '172.17.0.8')).to.equal('172.17.0.1');
    expect(reached(addresses, 'fd00:1::9')).to.equal('fd00:1::5');
  });

  it('is reached from elsewhere by an address of the same family', async () => {
    const addresses = new LocalAddresses(() => INTERFACES);
    await addresses.learnOutside();

    expect(reached(addresses, '203.0.113.9')).to.match(/^\d+\.\d+\.\d+\.\d+$/);
    expect(reached(addresses, '2001:db8:9::9')).to.include(':');
  });

  it('looks again when interfaces may have changed, and knows nothing where there are none', () => {
    let interfaces: NodeJS.Dict<NetworkInterfaceInfo[]> = {};
    const addresses = new LocalAddresses(() => interfaces);
    expect(reached(addresses, '10.1.2.3')).to.equal(undefined);

    interfaces = INTERFACES;
    expect(reached(addresses, '10.1.2.3', 9_999)).to.equal(undefined);
    expect(reached(addresses, '10.1.2.3', 10_000)).to.equal('10.0.0.5');
  });
});
