/** Whether a torrent is looked for in the DHT (BEP 5). */
import { isPrivateHost } from '../protocol/peer-address.js';

/**
 * Never for a private torrent (BEP 27). Without a word from the user only where every tracker is outside the local network:
 * otherwise the whole swarm may be in it, and nobody else needs to hear of it.
 * @param setting what the user says; undefined when nothing
 * @param trackers announce URLs in use, also the one that is tried when none is named
 */
export function wantsDht(setting: boolean | undefined, isPrivate: boolean, trackers: readonly string[]): boolean {
  if (isPrivate || setting !== undefined) return !isPrivate && setting === true;
  return trackers.length > 0 && !trackers.some(isLocalTracker);
}

/** Whether the host is an address or name of this machine or network: `10.0.0.1`, `nas`, `nas.local`. */
export function isLocalTracker(url: string): boolean {
  const host = new URL(url.replace(/^udp:/i, 'http:')).hostname.replace(/^\[|\]$/g, '').toLowerCase();
  if (isPrivateHost(host)) return true;
  if (host.includes(':') || /^[\d.]+$/.test(host)) return false;
  return !host.includes('.') || /\.(?:localhost|local|lan|home|internal|home\.arpa)$/.test(host);
}
