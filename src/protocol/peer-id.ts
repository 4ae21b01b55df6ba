/** Peer ids (BEP 3: 20 bytes) and what they say about the client behind them (BEP 20). */
import { InvariantError } from '../errors.js';
import type { PeerId } from './peer-address.js';

const PEER_ID_LENGTH = 20;
/** Our two letters in the Azureus style; no other client is known to use them. */
const CLIENT_CODE = 'PP';
const VERSION_DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ';

/** Clients by their two letters in Azureus style, as BEP 20 and their sources have them. */
const AZUREUS_CLIENTS: Readonly<Record<string, string>> = {
  AG: 'Ares',
  AZ: 'Vuze',
  BC: 'BitComet',
  BI: 'BiglyBT',
  BT: 'BitTorrent',
  DE: 'Deluge',
  FD: 'Free Download Manager',
  FW: 'FrostWire',
  GT: 'anacrolix/torrent',
  KT: 'KTorrent',
  LT: 'libtorrent',
  PI: 'PicoTorrent',
  PP: 'p2p',
  TR: 'Transmission',
  TX: 'Tixati',
  UM: 'µTorrent for Mac',
  UT: 'µTorrent',
  WD: 'WebTorrent Desktop',
  WW: 'WebTorrent',
  XL: 'Xunlei',
  lt: 'rTorrent (libTorrent)',
  qB: 'qBittorrent',
  rQ: 'rqbit',
};

/** Clients that write `XX-1-2-3-`: mainline's letter and aria2's pair. */
const DASHED_CLIENTS: Readonly<Record<string, string>> = { A2: 'aria2', M: 'BitTorrent' };

/**
 * A peer id of ours: `-PP0100-` for version 0.1.0, then random bytes.
 * @param randomBytes at least 12
 * @param version of the package; each of its first three numbers becomes one digit of base 36
 * @throws {P2P_INVARIANT} when there are fewer random bytes
 */
export function createPeerId(randomBytes: Uint8Array, version: string): PeerId {
  const numbers = version.split('.', 3).map((part) => Number.parseInt(part, 10) || 0);
  const digits = [0, 1, 2].map((at) => VERSION_DIGITS[Math.min(numbers[at] ?? 0, 35)]).join('');
  const prefix = Uint8Array.from(`-${CLIENT_CODE}${digits}0-`, (letter) => letter.charCodeAt(0));
  const randomLength = PEER_ID_LENGTH - prefix.length;
  if (randomBytes.length < randomLength) {
    throw new InvariantError(`peer id of ${randomBytes.length} random bytes, at least ${randomLength}`);
  }
  const bytes = new Uint8Array(PEER_ID_LENGTH);
  bytes.set(prefix);
  bytes.set(randomBytes.subarray(0, randomLength), prefix.length);
  return peerIdFromBytes(bytes);
}

/** The 20 bytes of a peer id, as they stand in a handshake. */
export function peerIdBytes(peerId: PeerId): Uint8Array {
  return Uint8Array.from({ length: PEER_ID_LENGTH }, (_, at) => Number.parseInt(peerId.slice(2 * at, 2 * at + 2), 16));
}

/**
 * @param bytes 20 bytes of a handshake or a tracker's reply
 * @throws {P2P_INVARIANT} when they are not 20
 */
export function peerIdFromBytes(bytes: Uint8Array): PeerId {
  if (bytes.length !== PEER_ID_LENGTH) throw new InvariantError(`peer id of ${bytes.length} bytes, must be 20`);
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('') as PeerId;
}

/**
 * Which client made a peer id: `-TR3000-…` is `Transmission 3.00`. Of an unknown one the printable beginning; empty when
 * there is none. Holds no control characters.
 */
export function clientNameOf(peerId: PeerId): string {
  const text = String.fromCharCode(...peerIdBytes(peerId));
  const azureus = /^-([A-Za-z]{2})([0-9A-Za-z]{4})-/.exec(text);
  if (azureus) return azureusName(azureus[1] ?? '', azureus[2] ?? '');
  const dashed = /^(A2|M)-?(\d+(?:-\d+){1,2})-/.exec(text);
  if (dashed) return `${DASHED_CLIENTS[dashed[1] ?? ''] ?? ''} ${(dashed[2] ?? '').replaceAll('-', '.')}`;
  return /^[\x21-\x7e]*/.exec(text.slice(0, 8))?.[0] ?? '';
}

function azureusName(code: string, version: string): string {
  const client = AZUREUS_CLIENTS[code];
  if (client === undefined) return `-${code}${version}-`;
  const [a = 0, b = 0, c = 0] = Array.from(version, (digit) => Number.parseInt(digit, 36));
  switch (code) {
    case 'TR':
      // Up to 3.00 the second number had two digits.
      return a < 4 ? `${client} ${a}.${version.slice(1, 3)}` : `${client} ${a}.${b}.${c}`;
    case 'WW':
    case 'WD':
      return `${client} ${Number.parseInt(version.slice(0, 2), 10) || 0}.${Number.parseInt(version.slice(2), 10) || 0}`;
    default:
      return `${client} ${a}.${b}.${c}`;
  }
}
