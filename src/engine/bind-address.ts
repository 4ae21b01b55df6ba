/** `--bind`: the local address that a peer listens on, and reaches others from. */
import { isIP } from 'node:net';

import { OptionError } from '../errors.js';
import { escapeText } from '../metainfo/escape-text.js';

/** @throws {P2P_OPTION_INVALID} when it is no IPv4 or IPv6 address */
export function checkBindAddress(address: string | undefined): void {
  if (address === undefined || isIP(address) !== 0) return;
  throw new OptionError(
    `--bind takes an IPv4 or IPv6 address of this machine, such as 192.168.1.5, not '${escapeText(address)}'`,
    { address },
  );
}

/** What connections to others leave from; undefined when the system chooses, as with `0.0.0.0` and `::`. */
export function sourceAddress(address: string | undefined): string | undefined {
  return address === '0.0.0.0' || address === '::' ? undefined : address;
}
