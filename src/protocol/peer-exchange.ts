/**
 * The message of peer exchange (BEP 11, `ut_pex`): which peers the sender got and lost since its last one. A bencoded
 * dictionary of compact addresses, IPv4 and IPv6 apart, with a byte of flags for each that was added.
 */
import { MetainfoError, ProtocolError } from '../errors.js';
import { BencodeDictionary } from '../metainfo/bencode-dictionary.js';
import { decodeBencodePrefix, encodeBencode } from '../metainfo/bencode.js';
import { encodeCompactAddresses, readCompactAddresses, type IpLength } from './compact-addresses.js';
import { MAX_EXCHANGED_PEERS, MAX_EXTENSION_HANDSHAKE_BYTES } from './limits.js';
import type { PeerAddress } from './peer-address.js';

/** The name in the extension handshake's `m`. */
export const PEER_EXCHANGE = 'ut_pex';
/** The id under which we take these messages. */
export const PEER_EXCHANGE_ID = 3;

const SEED_FLAG = 0x02;
const REACHABLE_FLAG = 0x10;

/** A peer that another one has a connection with. */
export interface ExchangedPeer {
  readonly address: PeerAddress;
  /** It only uploads. */
  readonly isSeed: boolean;
  /** Whoever tells has dialled it himself: it is no mere claim that it listens there. */
  readonly isReachable: boolean;
}

export interface PeerExchangeMessage {
  readonly added: readonly ExchangedPeer[];
  readonly dropped: readonly PeerAddress[];
}

/** The payload. Of the flags of BEP 11 ours are seed and reachable: we speak no encryption, uTP or hole punching. */
export function encodePeerExchange({ added, dropped }: PeerExchangeMessage): Uint8Array {
  const peers = encodeCompactAddresses(added.map(({ address }) => address));
  const gone = encodeCompactAddresses(dropped);
  const flags = (places: readonly number[]): Uint8Array => Uint8Array.from(places, (place) => flagsOf(added[place]));
  return encodeBencode({
    added: peers.ipv4,
    'added.f': flags(peers.ipv4Places),
    added6: peers.ipv6,
    'added6.f': flags(peers.ipv6Places),
    dropped: gone.ipv4,
    dropped6: gone.ipv6,
  });
}

/**
 * What a peer tells. A key that is absent or of another type counts as empty; of each list the first 100 are read.
 * @throws {P2P_PROTOCOL} when it is no bencoded dictionary
 */
export function decodePeerExchange(payload: Uint8Array): PeerExchangeMessage {
  const told = decodeDictionary(payload);
  const added: ExchangedPeer[] = [];
  const dropped: PeerAddress[] = [];
  for (const [suffix, ipLength] of FAMILIES) {
    const flags = told.bytes(`added${suffix}.f`);
    read(told.bytes(`added${suffix}`), ipLength, (address, index) => {
      const flag = flags?.[index] ?? 0;
      added.push({ address, isSeed: (flag & SEED_FLAG) !== 0, isReachable: (flag & REACHABLE_FLAG) !== 0 });
    });
    read(told.bytes(`dropped${suffix}`), ipLength, (address) => dropped.push(address));
  }
  return { added, dropped };
}

const FAMILIES: readonly (readonly [suffix: string, ipLength: IpLength])[] = [
  ['', 4],
  ['6', 16],
];

function read(
  bytes: Uint8Array | undefined,
  ipLength: IpLength,
  take: (address: PeerAddress, index: number) => void,
): void {
  if (bytes) readCompactAddresses(bytes, ipLength, MAX_EXCHANGED_PEERS, take);
}

function flagsOf(peer: ExchangedPeer | undefined): number {
  return (peer?.isSeed ? SEED_FLAG : 0) | (peer?.isReachable ? REACHABLE_FLAG : 0);
}

function decodeDictionary(payload: Uint8Array): BencodeDictionary {
  try {
    const { value } = decodeBencodePrefix(payload, { maxBytes: MAX_EXTENSION_HANDSHAKE_BYTES, maxDepth: 4 });
    if (value instanceof BencodeDictionary) return value;
  } catch (error) {
    if (!(error instanceof MetainfoError)) throw error;
    throw new ProtocolError(`peer exchange: ${error.message}`, error.details);
  }
  throw new ProtocolError('peer exchange is no dictionary');
}
