/** URLs as other machines can use them. */
import { isLoopbackHost } from '../protocol/peer-address.js';
import { lanAddress } from './lan-address.js';

/**
 * An announce URL with this machine's address in the local network in place of `localhost`, which means something else on
 * other machines. Other URLs, and all of them on a machine without a network, stay as they are.
 */
export function reachableUrl(announce: string, thisHost: string | undefined = lanAddress()): string {
  if (thisHost === undefined || !URL.canParse(announce)) return announce;
  const url = new URL(announce);
  if (url.hostname !== 'localhost' && !isLoopbackHost(url.hostname.replace(/^\[|\]$/g, ''))) return announce;
  url.hostname = thisHost.includes(':') ? `[${thisHost}]` : thisHost;
  return url.href;
}
