/**
 * IP addresses as 16 bytes, IPv4 as IPv4-mapped IPv6 (RFC 4291, 2.5.5.2): one form to store, compare and send.
 * `2001:db8::1` ⇄ 16 bytes; `10.0.0.1` ⇄ `00…00 ff ff 0a 00 00 01`.
 */

/** Bytes of an address in this form. */
export const IP_BYTES = 16;

// No leading zeros: some read them as octal.
const IPV4_PATTERN = /^(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})$/;
const GROUP_PATTERN = /^[0-9a-f]{1,4}$/i;

/**
 * An address as bytes.
 * @param text IPv4, IPv6 or IPv4-mapped IPv6, without brackets; a zone (`%eth0`) is passed over
 * @returns 16 bytes, or undefined when the text is no IP address
 */
export function parseIp(text: string): Uint8Array | undefined {
  const zone = text.indexOf('%');
  const plain = zone < 0 ? text : text.slice(0, zone);
  const bytes = new Uint8Array(IP_BYTES);
  if (!plain.includes(':')) {
    bytes[10] = 0xff;
    bytes[11] = 0xff;
    return writeIpv4(plain, bytes, 12) ? bytes : undefined;
  }
  return writeIpv6(plain, bytes) ? bytes : undefined;
}

/** An address as the wire has it: 4 bytes for IPv4, 16 for IPv6; undefined when the text is none. */
export function packIp(text: string): Uint8Array | undefined {
  const bytes = parseIp(text);
  return bytes && isIpv4(bytes) ? bytes.slice(12) : bytes;
}

/** @param packed 4 or 16 bytes */
export function unpackIp(packed: Uint8Array): Uint8Array {
  if (packed.length === IP_BYTES) return packed;
  const bytes = new Uint8Array(IP_BYTES);
  bytes.fill(0xff, 10, 12);
  bytes.set(packed, 12);
  return bytes;
}

/** The address as text: dotted for IPv4, else groups of hex with the longest run of zeros left out (RFC 5952). */
export function formatIp(bytes: Uint8Array): string {
  if (isIpv4(bytes)) return bytes.subarray(12, 16).join('.');
  const groups = Array.from({ length: 8 }, (_, index) =>
    (((bytes[2 * index] ?? 0) << 8) | (bytes[2 * index + 1] ?? 0)).toString(16),
  );
  const full = groups.join(':');
  const runs = [...full.matchAll(/(?:^|:)0(?::0)+(?=:|$)/g)].sort((a, b) => b[0].length - a[0].length);
  const [longest] = runs;
  if (!longest) return full;
  const before = full.slice(0, longest.index);
  const after = full.slice(longest.index + longest[0].length).replace(/^:/, '');
  return `${before}::${after}`;
}

/** Whether the 16 bytes at `offset` are an IPv4 address. */
export function isIpv4(bytes: Uint8Array, offset = 0): boolean {
  for (let at = 0; at < 10; at += 1) if (bytes[offset + at] !== 0) return false;
  return bytes[offset + 10] === 0xff && bytes[offset + 11] === 0xff;
}

/** Whether the 16 bytes at `offset` are an address of 127.0.0.0/8, or ::1. */
export function isLoopbackIp(bytes: Uint8Array, offset = 0): boolean {
  if (isIpv4(bytes, offset)) return bytes[offset + 12] === 127;
  for (let at = 0; at < IP_BYTES - 1; at += 1) if (bytes[offset + at] !== 0) return false;
  return bytes[offset + IP_BYTES - 1] === 1;
}

/** Whether a peer can be dialled there: neither unspecified (0.0.0.0, ::) nor multicast nor IPv4 broadcast. */
export function isDialableIp(bytes: Uint8Array): boolean {
  if (!isIpv4(bytes)) return bytes[0] !== 0xff && bytes.some((byte) => byte !== 0);
  const first = bytes[12] ?? 0;
  if (first === 0 || (first >= 224 && first <= 239)) return false;
  return !bytes.subarray(12, 16).every((byte) => byte === 255);
}

function writeIpv4(text: string, target: Uint8Array, offset: number): boolean {
  const match = IPV4_PATTERN.exec(text);
  if (!match) return false;
  for (let at = 0; at < 4; at += 1) {
    const value = Number(match[at + 1]);
    if (value > 255) return false;
    target[offset + at] = value;
  }
  return true;
}

function writeIpv6(text: string, target: Uint8Array): boolean {
  let hex = text;
  const lastColon = text.lastIndexOf(':');
  if (text.includes('.')) {
    const tail = new Uint8Array(4);
    if (!writeIpv4(text.slice(lastColon + 1), tail, 0)) return false;
    const [a = 0, b = 0, c = 0, d = 0] = tail;
    hex = `${text.slice(0, lastColon + 1)}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  }
  const halves = hex.split('::');
  if (halves.length > 2) return false;
  const head = splitGroups(halves[0] ?? '');
  const tail = splitGroups(halves[1] ?? '');
  const groupCount = head.length + tail.length;
  if (halves.length === 2 ? groupCount > 7 : groupCount !== 8) return false;
  const groups = [...head, ...Array<string>(8 - groupCount).fill('0'), ...tail];
  for (const [index, group] of groups.entries()) {
    if (!GROUP_PATTERN.test(group)) return false;
    const value = Number.parseInt(group, 16);
    target[2 * index] = value >> 8;
    target[2 * index + 1] = value & 0xff;
  }
  return true;
}

function splitGroups(half: string): string[] {
  return half === '' ? [] : half.split(':');
}
