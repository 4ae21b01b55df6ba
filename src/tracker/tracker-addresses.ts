/**
 * The addresses of a tracker, and which of them to announce to: one of each family (BEP 7), since a tracker learns the
 * address of a peer from where its announce comes.
 */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { networkInterfaces, type NetworkInterfaceInfo } from 'node:os';
import { isDialableIp, isIpv4, isLoopbackIp, parseIp } from '../protocol/ip-address.js';

export type Family = 'ipv4' | 'ipv6';

/** Addresses that are tried one after the other, until one answers. */
export interface AddressGroup {
  /** Undefined for this machine's own, where the families are no different peers. */
  readonly family: Family | undefined;
  readonly addresses: readonly string[];
}

/** Addresses of a family that are tried; a name may have any number. */
const MOST_ADDRESSES = 3;

/**
 * All addresses behind a host.
 * @param host a name or an address, without brackets
 * @throws Node's error when the name has none
 */
export async function resolveHost(host: string): Promise<string[]> {
  if (isIP(host) !== 0) return [host];
  return (await lookup(host, { all: true, verbatim: true })).map(({ address }) => address);
}

/**
 * The groups to announce to.
 * @param families on which we listen, so that we are not announced where we are not reached
 * @param interfaces for tests; this machine's when left out. Asked only when there is a choice: a thousand torrents announce at
 *   once, and the system takes its time
 */
export function groupAddresses(
  addresses: readonly string[],
  families: readonly Family[],
  interfaces: () => NodeJS.Dict<NetworkInterfaceInfo[]> = networkInterfaces,
): AddressGroup[] {
  const usable = addresses.flatMap((address) => {
    const ip = parseIp(address);
    return ip && isDialableIp(ip) ? [{ address, ip }] : [];
  });
  const local = usable.filter(({ ip }) => isLoopbackIp(ip));
  if (local.length > 0) {
    // IPv4 first: nearly every tracker hears on it.
    const [first, second] = [local.filter(({ ip }) => isIpv4(ip)), local.filter(({ ip }) => !isIpv4(ip))];
    return [{ family: undefined, addresses: [...first, ...second].map(({ address }) => address) }];
  }
  const groups = (['ipv4', 'ipv6'] as const).flatMap((family): AddressGroup[] => {
    const own = usable.filter(({ ip }) => isIpv4(ip) === (family === 'ipv4')).slice(0, MOST_ADDRESSES);
    return own.length > 0 ? [{ family, addresses: own.map(({ address }) => address) }] : [];
  });
  if (groups.length <= 1) return groups;
  const present = interfaces();
  const wanted = groups.filter(({ family }) => family && families.includes(family) && hasFamily(family, present));
  return wanted.length > 0 ? wanted : groups.slice(0, 1);
}

/** The families of addresses on which peers reach us. @param bindHost the one address that we listen on */
export function listenedFamilies(bindHost: string | undefined): readonly Family[] {
  if (bindHost === undefined || bindHost === '::' || isIP(bindHost) === 0) return ['ipv4', 'ipv6'];
  return isIP(bindHost) === 6 ? ['ipv6'] : ['ipv4'];
}

/** Whether this machine can reach others over a family: an address of the link alone is not enough. */
function hasFamily(family: Family, interfaces: NodeJS.Dict<NetworkInterfaceInfo[]>): boolean {
  return Object.values(interfaces).some((entries) =>
    entries?.some(
      (entry) => !entry.internal && entry.family.toLowerCase() === family && !/^fe[89ab]/i.test(entry.address),
    ),
  );
}
