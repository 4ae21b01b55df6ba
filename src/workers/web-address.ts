/**
 * Which hosts a torrent may send us to (server-side request forgery). A stranger's torrent names URLs that our machine
 * then asks for, from behind its firewall. A web seed in the own network is a good thing, so hosts there may be asked, but
 * not with everything (libtorrent's `ssrf_mitigation` draws the line alike):
 *
 * - never: link-local addresses (clouds keep secrets at 169.254.169.254), unspecified, multicast, reserved ones
 * - the own network and this machine: only without a query, since what acts on a GET mostly wants one
 * - and not when a server on the open internet redirects there
 *
 * The address that a name stands for is judged where the connection is made, so that no second answer of the DNS can differ.
 */
import dns from 'node:dns';
import net, { BlockList } from 'node:net';

/** Where an address lies. */
export type AddressKind = 'public' | 'local' | 'forbidden';

/** @param ip a numeric IPv4 or IPv6 address, without brackets */
export function addressKind(ip: string): AddressKind {
  const family = net.isIPv6(ip) ? 'ipv6' : 'ipv4';
  if (FORBIDDEN.check(ip, family)) return 'forbidden';
  return LOCAL.check(ip, family) ? 'local' : 'public';
}

/** Says what is wrong with asking this address for this URL; undefined when nothing is. */
export function webAddressProblem(url: URL, kind: AddressKind, wasPublic: boolean): string | undefined {
  if (kind === 'forbidden') return 'is at an address that is never asked (link-local, multicast or reserved)';
  if (kind === 'public') return undefined;
  if (wasPublic) return 'redirects into the local network';
  return url.search === '' ? undefined : 'is in the local network, where no URL with a query is asked for';
}

/** A refusal to connect, as an error of the request. */
export class WebAddressError extends Error {}

/** The `lookup` of a request: resolves the name and lets through only addresses that `judge` finds nothing wrong with. */
export function guardedLookup(judge: (ip: string) => string | undefined): net.LookupFunction {
  return (hostname, options, callback) => {
    dns.lookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) {
        callback(error, '', 0);
        return;
      }
      const problem = addresses.map(({ address }) => judge(address)).find((each) => each !== undefined);
      const [first] = addresses;
      if (problem !== undefined || !first) callback(new WebAddressError(problem ?? 'has no address'), '', 0);
      else if (options.all === true) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
  };
}

/** Each worker runs this as it starts, so it looks for a colon: the first `net.isIPv6` compiles a regex of 17 ms. */
function blockList(subnets: readonly (readonly [address: string, prefix: number])[]): BlockList {
  const list = new BlockList();
  for (const [address, prefix] of subnets) list.addSubnet(address, prefix, address.includes(':') ? 'ipv6' : 'ipv4');
  return list;
}

/** RFC 3927, 4291, 5771, 1112; "this network". */
const FORBIDDEN = blockList([
  ['0.0.0.0', 8],
  ['169.254.0.0', 16],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
  ['::', 128],
  ['fe80::', 10],
  ['ff00::', 8],
]);
/** Loopback, RFC 1918, 6598, 4193, and the old site-local addresses. */
const LOCAL = blockList([
  ['127.0.0.0', 8],
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['100.64.0.0', 10],
  ['::1', 128],
  ['fc00::', 7],
  ['fec0::', 10],
]);
