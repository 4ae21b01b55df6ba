/**
 * The extension handshake (BEP 10): the first extended message of each side, id 0, a bencoded dictionary in which every
 * key may be absent. It can come again later; then it replaces what it names.
 *
 * Besides the keys of BEP 10, 9 and 21 there is one of ours, `p2p_ports`: a list of further TCP ports on which the same
 * peer accepts connections (`--port-count`). Others pass over it.
 */
import { MetainfoError, ProtocolError } from '../errors.js';
import { BencodeDictionary } from '../metainfo/bencode-dictionary.js';
import { decodeBencodePrefix, encodeBencode } from '../metainfo/bencode.js';
import { escapeText } from '../metainfo/escape-text.js';
import {
  DEFAULT_PEER_QUEUE,
  MAX_CLIENT_NAME_LENGTH,
  MAX_EXTENSION_HANDSHAKE_BYTES,
  MAX_EXTENSION_MESSAGES,
  MAX_EXTRA_PORTS,
  MAX_METADATA_BYTES,
  MAX_PEER_QUEUE,
} from './limits.js';

/** The extended message id of the handshake itself; all others are given out by its `m`. */
export const EXTENSION_HANDSHAKE_ID = 0;

/** What we tell. */
export interface OurExtensions {
  /** Name and version, `p2p/0.1.0`. */
  readonly client: string;
  /** The ids under which we take extended messages, by name (`ut_metadata`): 1 to 255, each once. */
  readonly messages: Readonly<Record<string, number>>;
  /** Requests that we queue. */
  readonly requestQueue: number;
  /** We want nothing, though we may not own everything (BEP 21). */
  readonly uploadOnly: boolean;
  /** The port that we accept connections on. */
  readonly listenPort?: number;
  /** Further ports of ours, for peers that know `p2p_ports`. */
  readonly extraPorts?: readonly number[];
  /** The receiver's address as we see it: 4 or 16 bytes. */
  readonly yourIp?: Uint8Array;
  /** Length of the info dictionary, once we have it (BEP 9). */
  readonly metadataSize?: number;
}

/** What a peer told, checked and bounded. */
export interface ExtensionHandshake {
  /** Ids under which the peer takes extended messages, 1 to 255. */
  readonly messages: ReadonlyMap<string, number>;
  /** Fit to be shown: control characters are written out. Empty when it told none. */
  readonly client: string;
  /** Requests that it takes at once; 250 when it did not say. */
  readonly requestQueue: number;
  readonly uploadOnly: boolean;
  readonly listenPort: number | undefined;
  /** Without repeats. */
  readonly extraPorts: readonly number[];
  /** Our address as the peer sees it: 4 or 16 bytes. */
  readonly yourIp: Uint8Array | undefined;
  readonly metadataSize: number | undefined;
}

/** The payload of our extension handshake. */
export function encodeExtensionHandshake(ours: OurExtensions): Uint8Array {
  return encodeBencode({
    m: { ...ours.messages },
    metadata_size: ours.metadataSize,
    p: ours.listenPort,
    p2p_ports: ours.extraPorts?.length ? ours.extraPorts : undefined,
    reqq: ours.requestQueue,
    upload_only: ours.uploadOnly ? 1 : 0,
    v: ours.client,
    yourip: ours.yourIp,
  });
}

/**
 * What a peer's extension handshake says. A key of the wrong type or outside its range counts as absent, since clients
 * differ; bytes behind the dictionary are passed over.
 * @param payload of an extended message with id 0; not kept
 * @param before what the peer told earlier: it holds where this handshake is silent (BEP 10)
 * @throws {P2P_PROTOCOL} when it is no bencoded dictionary, or over 64 KiB
 */
export function decodeExtensionHandshake(
  payload: Uint8Array,
  before: ExtensionHandshake = NOTHING_TOLD,
): ExtensionHandshake {
  const told = decodeDictionary(payload);
  const ports = told.list('p2p_ports');
  const uploadOnly = told.integer('upload_only');
  return {
    messages: messageIds(told.dictionary('m'), before.messages),
    client: clientName(told.text('v') ?? '') || before.client,
    requestQueue: Math.min(Math.max(told.integer('reqq') ?? before.requestQueue, 1), MAX_PEER_QUEUE),
    uploadOnly: uploadOnly === undefined ? before.uploadOnly : uploadOnly > 0,
    listenPort: validPort(told.get('p')) ?? before.listenPort,
    extraPorts: ports === undefined ? before.extraPorts : validPorts(ports),
    yourIp: packedIp(told.bytes('yourip')) ?? before.yourIp,
    metadataSize: metadataSize(told.integer('metadata_size')) ?? before.metadataSize,
  };
}

const NOTHING_TOLD: ExtensionHandshake = {
  messages: new Map(),
  client: '',
  requestQueue: DEFAULT_PEER_QUEUE,
  uploadOnly: false,
  listenPort: undefined,
  extraPorts: [],
  yourIp: undefined,
  metadataSize: undefined,
};

function decodeDictionary(payload: Uint8Array): BencodeDictionary {
  try {
    const { value } = decodeBencodePrefix(payload, { maxBytes: MAX_EXTENSION_HANDSHAKE_BYTES, maxDepth: 8 });
    if (value instanceof BencodeDictionary) return value;
  } catch (error) {
    if (!(error instanceof MetainfoError)) throw error;
    throw new ProtocolError(`extension handshake: ${error.message}`, error.details);
  }
  throw new ProtocolError('extension handshake is no dictionary');
}

/** Adds to what was told before; id 0 takes a name back (BEP 10). */
function messageIds(
  m: BencodeDictionary | undefined,
  before: ReadonlyMap<string, number>,
): ReadonlyMap<string, number> {
  const ids = new Map(before);
  for (const [name, id] of m?.entries() ?? []) {
    if (id === 0) ids.delete(name);
    else if (isMessageId(id) && (ids.has(name) || ids.size < MAX_EXTENSION_MESSAGES)) ids.set(name, id);
  }
  return ids;
}

function isMessageId(value: unknown): value is number {
  return typeof value === 'number' && value >= 1 && value <= 255;
}

function clientName(told: string): string {
  // Cut before and after escaping, and by whole characters: one may become six, and half of an emoji is none.
  const short = Array.from(told.slice(0, 2 * MAX_CLIENT_NAME_LENGTH)).slice(0, MAX_CLIENT_NAME_LENGTH);
  return Array.from(escapeText(short.join('').trim()))
    .slice(0, MAX_CLIENT_NAME_LENGTH)
    .join('');
}

function validPorts(told: readonly unknown[]): readonly number[] {
  const ports = new Set<number>();
  for (const value of told.slice(0, MAX_EXTRA_PORTS)) {
    const port = validPort(value);
    if (port !== undefined) ports.add(port);
  }
  return [...ports];
}

function validPort(value: unknown): number | undefined {
  return typeof value === 'number' && value >= 1 && value <= 65_535 ? value : undefined;
}

/** A copy: what bencode gives is a view into the payload. */
function packedIp(told: Uint8Array | undefined): Uint8Array | undefined {
  return told?.length === 4 || told?.length === 16 ? told.slice() : undefined;
}

function metadataSize(told: number | undefined): number | undefined {
  return told !== undefined && told >= 1 && told <= MAX_METADATA_BYTES ? told : undefined;
}
