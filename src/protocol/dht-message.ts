/**
 * Which datagrams of the DHT (BEP 5) are fit to be handed on. The package that runs our node trusts what it decodes: a
 * number where it expects bytes would end the process. Only messages whose every field that it reads has the right type
 * and length pass, and of the queries only those of BEP 5: values of others (BEP 44) are not kept here.
 */
import { MetainfoError } from '../errors.js';
import { BencodeDictionary, type BencodeValue } from '../metainfo/bencode-dictionary.js';
import { decodeBencode, encodeBencode } from '../metainfo/bencode.js';
import { MAX_DHT_DATAGRAM_BYTES } from './limits.js';

const ID_BYTES = 20;
const PEER_BYTES = 6;
const NODE_BYTES = 26;
const MAX_TRANSACTION_BYTES = 16;
const MAX_TOKEN_BYTES = 64;
const MAX_DEPTH = 6;

/** Whether a datagram that came may be read. */
export function isSoundDhtMessage(datagram: Uint8Array): boolean {
  const message = decode(datagram);
  const transaction = message?.bytes('t');
  if (!message || !transaction || transaction.length === 0 || transaction.length > MAX_TRANSACTION_BYTES) return false;
  switch (message.text('y')) {
    case 'q':
      return isSoundQuery(message.text('q'), message.dictionary('a'));
    case 'r':
      return isSoundReply(message.dictionary('r'));
    case 'e':
      return isSoundError(message.list('e'));
    default:
      return false;
  }
}

/**
 * A datagram of ours that is small enough to be sent: of a reply with too many peers the first are kept, so that one
 * small question never brings a large answer to whoever's address it bore.
 * @returns undefined when nothing can be left out
 */
export function fitDhtMessage(datagram: Uint8Array): Uint8Array | undefined {
  if (datagram.length <= MAX_DHT_DATAGRAM_BYTES) return datagram;
  const message = decode(datagram);
  const reply = message?.dictionary('r');
  const peers = reply?.list('values');
  if (!message || !reply || !peers) return undefined;
  // Each peer takes 8 bytes: `6:` and itself.
  const excessPeers = Math.ceil((datagram.length - MAX_DHT_DATAGRAM_BYTES) / (PEER_BYTES + 2));
  const kept = peers.slice(0, Math.max(0, peers.length - excessPeers));
  const shortReply = new Map(reply.entries()).set('values', kept);
  return encodeBencode(
    new Map<string, BencodeValue | Map<string, BencodeValue>>(message.entries()).set('r', shortReply),
  );
}

function decode(datagram: Uint8Array): BencodeDictionary | undefined {
  try {
    const value = decodeBencode(datagram, { maxBytes: 65_536, maxDepth: MAX_DEPTH });
    return value instanceof BencodeDictionary ? value : undefined;
  } catch (error) {
    if (error instanceof MetainfoError) return undefined;
    throw error;
  }
}

function isSoundQuery(query: string | undefined, told: BencodeDictionary | undefined): boolean {
  if (!told || !hasId(told, 'id')) return false;
  switch (query) {
    case 'ping':
      return true;
    case 'find_node':
      return hasId(told, 'target');
    case 'get_peers':
      return hasId(told, 'info_hash');
    case 'announce_peer':
      return (
        hasId(told, 'info_hash') &&
        isToken(told.bytes('token')) &&
        isAbsentOrInteger(told, 'port') &&
        isAbsentOrInteger(told, 'implied_port')
      );
    default:
      return false;
  }
}

function isSoundReply(told: BencodeDictionary | undefined): boolean {
  if (!told || !hasId(told, 'id')) return false;
  const nodes = told.get('nodes');
  if (nodes !== undefined && !(nodes instanceof Uint8Array && nodes.length % NODE_BYTES === 0)) return false;
  if (told.has('token') && !isToken(told.bytes('token'))) return false;
  const peers = told.get('values');
  if (peers === undefined) return true;
  return told.list('values')?.every((peer) => peer instanceof Uint8Array && peer.length === PEER_BYTES) === true;
}

function isSoundError(told: readonly BencodeValue[] | undefined): boolean {
  return told?.every((part) => typeof part === 'number' || part instanceof Uint8Array) === true;
}

function hasId(told: BencodeDictionary, key: string): boolean {
  return told.bytes(key)?.length === ID_BYTES;
}

function isToken(token: Uint8Array | undefined): boolean {
  return token !== undefined && token.length > 0 && token.length <= MAX_TOKEN_BYTES;
}

function isAbsentOrInteger(told: BencodeDictionary, key: string): boolean {
  return !told.has(key) || told.integer(key) !== undefined;
}
