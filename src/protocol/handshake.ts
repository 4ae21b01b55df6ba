/**
 * The handshake that opens a connection (BEP 3): 0x13, `BitTorrent protocol`, 8 reserved bytes, info hash, peer id.
 *
 *   0   1                    20         28                48              68
 *   | 19 | BitTorrent protocol | reserved | info hash (20) | peer id (20) |
 */
import { InvariantError, ProtocolError } from '../errors.js';

export const HANDSHAKE_LENGTH = 68;

const PREFIX = Uint8Array.from('\x13BitTorrent protocol', (letter) => letter.charCodeAt(0));
const RESERVED_AT = 20;
const INFO_HASH_AT = 28;
const PEER_ID_AT = 48;

/** Reserved bit of BEP 10, extended messages: byte 5. */
const EXTENDED_BIT = 0x10;
/** Reserved bit of BEP 6, fast extension: byte 7. */
const FAST_BIT = 0x04;
/** Reserved bit of BEP 5, DHT: byte 7. */
const DHT_BIT = 0x01;

export interface Handshake {
  /** 20 bytes. */
  readonly infoHash: Uint8Array;
  /** 20 bytes. */
  readonly peerId: Uint8Array;
  /** BEP 6: have-all, have-none, reject, suggest, allowed fast. */
  readonly supportsFast: boolean;
  /** BEP 10: extended messages. */
  readonly supportsExtended: boolean;
  /** BEP 5: it has a DHT node and may tell its port. */
  readonly supportsDht: boolean;
}

/**
 * The 68 bytes of our handshake.
 * @throws {P2P_INVARIANT} when info hash or peer id are not 20 bytes
 */
export function encodeHandshake(handshake: Omit<Handshake, 'supportsDht'> & { supportsDht?: boolean }): Uint8Array {
  const { infoHash, peerId } = handshake;
  if (infoHash.length !== 20 || peerId.length !== 20) {
    throw new InvariantError(`info hash of ${infoHash.length} and peer id of ${peerId.length} bytes, both must be 20`);
  }
  const bytes = new Uint8Array(HANDSHAKE_LENGTH);
  bytes.set(PREFIX);
  if (handshake.supportsExtended) bytes[RESERVED_AT + 5] = EXTENDED_BIT;
  bytes[RESERVED_AT + 7] = (handshake.supportsFast ? FAST_BIT : 0) | (handshake.supportsDht ? DHT_BIT : 0);
  bytes.set(infoHash, INFO_HASH_AT);
  bytes.set(peerId, PEER_ID_AT);
  return bytes;
}

/**
 * Takes the first bytes of a connection as they come.
 *
 * The info hash can be read as soon as it is there: some clients hold their peer id back until they were answered, as
 * BEP 3 allows, so the accepting side must not wait for it.
 */
export class HandshakeReader {
  readonly #bytes = new Uint8Array(HANDSHAKE_LENGTH);
  #received = 0;

  /**
   * @param chunk not kept
   * @returns the bytes of `chunk` behind the handshake, a view; empty while the handshake is not whole
   * @throws {P2P_HANDSHAKE_FOREIGN} at the first byte that no BitTorrent handshake has there: close without blame, it may be
   * an encrypted one (MSE; aria2 dials so first)
   */
  push(chunk: Uint8Array): Uint8Array {
    const taken = Math.min(HANDSHAKE_LENGTH - this.#received, chunk.length);
    this.#bytes.set(chunk.subarray(0, taken), this.#received);
    const checked = this.#received;
    this.#received += taken;
    for (let at = checked; at < Math.min(this.#received, PREFIX.length); at += 1) {
      if (this.#bytes[at] !== PREFIX[at]) {
        const message = `byte ${at} is ${this.#bytes[at]}, not ${PREFIX[at]}: no BitTorrent handshake`;
        throw new ProtocolError(message, { at }, 'P2P_HANDSHAKE_FOREIGN');
      }
    }
    return chunk.subarray(taken);
  }

  /** Bytes of the handshake that are there, 0 to 68. */
  get received(): number {
    return this.#received;
  }

  /** 20 bytes, a copy; undefined until they are there. */
  get infoHash(): Uint8Array | undefined {
    return this.#received >= PEER_ID_AT ? this.#bytes.slice(INFO_HASH_AT, PEER_ID_AT) : undefined;
  }

  /** The whole handshake, undefined until the peer id is there. */
  get handshake(): Handshake | undefined {
    if (this.#received < HANDSHAKE_LENGTH) return undefined;
    const byte5 = this.#bytes[RESERVED_AT + 5] ?? 0;
    const byte7 = this.#bytes[RESERVED_AT + 7] ?? 0;
    return {
      infoHash: this.#bytes.slice(INFO_HASH_AT, PEER_ID_AT),
      peerId: this.#bytes.slice(PEER_ID_AT),
      supportsFast: (byte7 & FAST_BIT) !== 0,
      supportsExtended: (byte5 & EXTENDED_BIT) !== 0,
      supportsDht: (byte7 & DHT_BIT) !== 0,
    };
  }
}
