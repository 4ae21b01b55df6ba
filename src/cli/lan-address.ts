/** The address by which other machines on the network most likely reach this one. */
import { networkInterfaces, type NetworkInterfaceInfo } from 'node:os';
import { isLoopbackHost, isPrivateHost } from '../protocol/peer-address.js';

/** Interfaces of containers and virtual machines, which others cannot reach. */
const VIRTUAL = /^(?:docker|br-|veth|virbr|vmnet|vboxnet|cni|flannel|zt|utun|tun|tap)/;

/**
 * @param interfaces for tests; this machine's when left out
 * @returns an IPv4 address, or an IPv6 one where there is no other; undefined when this machine has none but loopback
 */
export function lanAddress(interfaces: NodeJS.Dict<NetworkInterfaceInfo[]> = networkInterfaces()): string | undefined {
  const candidates = Object.entries(interfaces).flatMap(([name, addresses]) =>
    (addresses ?? [])
      .filter(({ internal, address }) => !internal && !isLoopbackHost(address) && !isOfLink(address))
      .map(({ family, address }) => ({
        address,
        rank: (family === 'IPv4' ? 0 : 4) + (VIRTUAL.test(name) ? 2 : 0) + (isPrivateHost(address) ? 0 : 1),
      })),
  );
  return candidates.toSorted((left, right) => left.rank - right.rank)[0]?.address;
}

/** Addresses of the link (fe80::/10) mean nothing without the name of an interface. */
function isOfLink(address: string): boolean {
  return /^fe[89ab][0-9a-f]:/i.test(address);
}
