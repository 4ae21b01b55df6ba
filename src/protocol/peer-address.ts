/** Where a peer is reached, and what it is called. */

/** An IP address and a TCP port. IPv6 hosts carry no brackets; IPv4-mapped ones are written as IPv4. */
export interface PeerAddress {
  readonly host: string;
  readonly port: number;
}

declare const peerIdBrand: unique symbol;
/** A peer id (BEP 3, 20 bytes) as 40 lower-case hex digits. */
export type PeerId = string & { readonly [peerIdBrand]: true };

/** `host:port`, with brackets around IPv6: a key for maps and a text for people. */
export function formatAddress(address: PeerAddress): string {
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/** The host without the `::ffff:` that a dual-stack socket puts before IPv4. */
export function normaliseHost(host: string): string {
  return /^::ffff:\d+\.\d+\.\d+\.\d+$/i.test(host) ? host.slice(7) : host;
}

/** Whether the host is this machine: 127.0.0.0/8 or ::1. */
export function isLoopbackHost(host: string): boolean {
  return host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(normaliseHost(host));
}

/** Whether many peers may share this address: loopback, private, link-local (RFC 1918, 4193, 3927, 4291, 6598). */
export function isPrivateHost(host: string): boolean {
  const plain = normaliseHost(host).toLowerCase();
  if (plain.includes(':')) return plain === '::1' || /^f[cd]|^fe[89ab]/.test(plain);
  const [a = -1, b = -1] = plain.split('.').map(Number);
  return (
    a === 10 ||
    a === 127 ||
    (a === 172 && b >= 16 && b <= 31) ||
    (a === 192 && b === 168) ||
    (a === 169 && b === 254) ||
    (a === 100 && b >= 64 && b <= 127)
  );
}
