/** The address by which other machines on the network most likely reach this one. */
import { networkInterfaces, type NetworkInterfaceInfo } from 'node:os';
import { isLoopbackHost, isPrivateHost } from '../protocol/peer-address.js';

/** Interfaces of containers and virtual machines, which others cannot reach. */
const VIRTUAL = /^(?:docker|br-|veth|virbr|vmnet|vboxnet|cni|flannel|zt|utun|tun|tap)/;

/**
 * @param interfaces for tests; this machine's when left out
 * @returns an IPv4 address; undefined when this machine has none but loopback
 */
export function lanAddress(interfaces: NodeJS.Dict<NetworkInterfaceInfo[]> = networkInterfaces()): string | undefined {
  const candidates = Object.entries(interfaces).flatMap(([name, addresses]) =>
    (addresses ?? [])
      .filter(({ family, internal, address }) => family === 'IPv4' && !internal && !isLoopbackHost(address))
      .map(({ address }) => ({ address, rank: (VIRTUAL.test(name) ? 2 : 0) + (isPrivateHost(address) ? 0 : 1) })),
  );
  return candidates.toSorted((left, right) => left.rank - right.rank)[0]?.address;
}
