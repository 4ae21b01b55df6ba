/**
 * The datagram of local discovery (BEP 14): who is in this network, and for which torrents. It looks like a request of
 * HTTP, and is sent to a multicast group.
 */
import { MAX_LOCAL_ANNOUNCE_BYTES, MAX_LOCAL_INFO_HASHES } from './limits.js';

/** The groups of BEP 14, one for each family, and the UDP port of both. */
export const LOCAL_GROUPS = { ipv4: '239.192.152.143', ipv6: 'ff15::efc0:988f' } as const;
export const LOCAL_PORT = 6_771;

export type LocalFamily = keyof typeof LOCAL_GROUPS;

export interface LocalAnnounce {
  /** Where the sender accepts connections, 1 to 65,535. */
  readonly port: number;
  /** Wire info hashes, 40 lower-case hex digits each, without repeats. */
  readonly infoHashes: readonly string[];
  /** By which a sender knows its own announces. */
  readonly cookie: string | undefined;
}

const FIRST_LINE = 'BT-SEARCH * HTTP/1.1';
const MAX_COOKIE_LENGTH = 64;

/** @param announce at most 20 info hashes, so that it fits a datagram */
export function encodeLocalAnnounce(announce: LocalAnnounce, family: LocalFamily): Uint8Array {
  const host = family === 'ipv6' ? `[${LOCAL_GROUPS.ipv6}]` : LOCAL_GROUPS.ipv4;
  const lines = [
    FIRST_LINE,
    `Host: ${host}:${LOCAL_PORT}`,
    `Port: ${announce.port}`,
    ...announce.infoHashes.map((infoHash) => `Infohash: ${infoHash}`),
    ...(announce.cookie === undefined ? [] : [`cookie: ${announce.cookie}`]),
  ];
  return new TextEncoder().encode(`${lines.join('\r\n')}\r\n\r\n\r\n`);
}

/**
 * What a datagram says; undefined when it is none of these. Header names are read in any case, what is unknown is passed
 * over, and so are info hashes that are none.
 */
export function decodeLocalAnnounce(datagram: Uint8Array): LocalAnnounce | undefined {
  if (datagram.length > MAX_LOCAL_ANNOUNCE_BYTES) return undefined;
  const [first, ...lines] = new TextDecoder('latin1').decode(datagram).split('\r\n');
  if (first !== FIRST_LINE) return undefined;
  let port = 0;
  let cookie: string | undefined;
  const infoHashes = new Set<string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    const value = line.slice(colon + 1).trim();
    switch (line.slice(0, Math.max(0, colon)).toLowerCase()) {
      case 'port':
        port = /^\d{1,5}$/.test(value) ? Number(value) : 0;
        break;
      case 'infohash':
        if (/^[0-9a-f]{40}$/i.test(value) && infoHashes.size < MAX_LOCAL_INFO_HASHES) {
          infoHashes.add(value.toLowerCase());
        }
        break;
      case 'cookie':
        cookie = value.slice(0, MAX_COOKIE_LENGTH);
        break;
      default:
    }
  }
  if (port < 1 || port > 65_535 || infoHashes.size === 0) return undefined;
  return { port, infoHashes: [...infoHashes], cookie };
}
