/**
 * Bytes of a connection in, wire messages out (BEP 3, BEP 6, BEP 10).
 *
 * Copies made: none of blocks (views into the pushed chunk); bitfields and extended messages once; at most 17 bytes of a
 * header that a chunk border cuts. Thread: that of the socket. Measured by: benchmarks/protocol/decoder.bench.ts.
 *
 *              header whole                    payload all there
 *   ┌─────────┐ ── piece ──────────▶ ┌────────┐ ─────────▶ header
 *   │ header  │ ── bitfield, ext. ─▶ │ body   │ ─────────▶ header
 *   │ (≤ 17 B)│ ── unknown id ─────▶ │ skip   │ ─────────▶ header
 *   └─────────┘ ── all others ─────▶ header
 */
import { InvariantError, ProtocolError } from '../errors.js';
import {
  MAX_BITFIELD_BYTES,
  MAX_EXTENSION_HANDSHAKE_BYTES,
  MAX_MESSAGE_BYTES,
  MAX_PIECE_MESSAGE_BYTES,
  MAX_SERVED_BLOCK_BYTES,
  MAX_UNKNOWN_MESSAGE_BYTES,
  PIECE_PREFIX_BYTES,
} from './limits.js';
import { MESSAGE_IDS, type PieceFragment, type WireMessage } from './messages.js';

export interface MessageDecoderOptions {
  /** Pieces of the torrent, which fixes the bitfield's length; undefined while the metadata is unknown. */
  readonly pieceCount: number | undefined;
  /** Longest payload of an extended message; that of the extension handshake when left out. */
  readonly maxExtendedBytes?: number;
}

const EMPTY = new Uint8Array(0);
const EMPTY_VIEW = new DataView(EMPTY.buffer);
/** Length prefix, id and the fields of the longest message of fixed length. */
const LONGEST_HEADER_BYTES = 17;

const KEEP_ALIVE = Object.freeze({ type: 'keep-alive' });
const CHOKE = Object.freeze({ type: 'choke' });
const UNCHOKE = Object.freeze({ type: 'unchoke' });
const INTERESTED = Object.freeze({ type: 'interested' });
const NOT_INTERESTED = Object.freeze({ type: 'not-interested' });
const HAVE_ALL = Object.freeze({ type: 'have-all' });
const HAVE_NONE = Object.freeze({ type: 'have-none' });

/** Length of each message that has a fixed one, without the prefix; by id. */
const FIXED_LENGTHS: readonly (number | undefined)[] = fixedLengths();

export class MessageDecoder {
  readonly #bitfieldBytes: number | undefined;
  readonly #maxExtendedBytes: number;

  #chunk: Uint8Array = EMPTY;
  #chunkView: DataView = EMPTY_VIEW;
  #at = 0;

  /** The beginning of a header whose end is in a chunk to come. */
  readonly #carry = new Uint8Array(LONGEST_HEADER_BYTES);
  readonly #carryView = new DataView(this.#carry.buffer);
  #carryLength = 0;

  /** The block whose payload is being handed out; none when blockLength is 0. */
  #pieceIndex = 0;
  #blockOffset = 0;
  #blockLength = 0;
  #fragmentOffset = 0;

  /** A bitfield or the extended message `#bodyExtensionId` that is being gathered; it grows with what arrived. */
  #body: Uint8Array | undefined;
  #bodyReceived = 0;
  #bodyLength = 0;
  #bodyExtensionId: number | undefined;

  /** Bytes of an unknown message still to be passed over. */
  #skipBytes = 0;

  constructor(options: MessageDecoderOptions) {
    this.#bitfieldBytes = options.pieceCount === undefined ? undefined : Math.ceil(options.pieceCount / 8);
    this.#maxExtendedBytes = options.maxExtendedBytes ?? MAX_EXTENSION_HANDSHAKE_BYTES;
  }

  /**
   * Takes the next bytes of the connection. Call `next()` until it returns undefined before the next `push`, and before
   * the chunk's memory is used again.
   * @throws {P2P_INVARIANT} when messages of the last chunk were not taken
   */
  push(chunk: Uint8Array): void {
    if (this.#at < this.#chunk.length) {
      throw new InvariantError(`${this.#chunk.length - this.#at} bytes of the last chunk were not taken`);
    }
    this.#chunk = chunk;
    this.#chunkView = new DataView(chunk.buffer, chunk.byteOffset, chunk.length);
    this.#at = 0;
  }

  /**
   * The next message, or the next fragment of a block; undefined when the chunk is used up. Fragments are views into the
   * chunk; everything else may be kept. Piece indices and offsets are as sent: whether they fit is the caller's to check.
   * An `unknown` message is reported when its header is there, and passed over.
   * @throws {P2P_PROTOCOL} when a length is wrong for its message, or over its limit; again at each further call
   */
  next(): WireMessage | undefined {
    const message = this.#read();
    // An idle connection should not keep its last chunk alive.
    if (message === undefined) this.#dropChunk();
    return message;
  }

  #read(): WireMessage | undefined {
    for (;;) {
      if (this.#blockLength > 0) return this.#nextFragment();
      if (this.#body !== undefined) return this.#gather(this.#body);
      if (this.#skipBytes > 0 && !this.#skip()) return undefined;

      const held = this.#carryLength;
      let view = this.#chunkView;
      let at = this.#at;
      let available = this.#chunk.length - at;
      if (held > 0) {
        available = held + this.#copyToCarry(available);
        view = this.#carryView;
        at = 0;
      }
      const headerBytes = this.#headerBytes(view, at, available);
      if (headerBytes === 0) {
        this.#holdHeader(available);
        return undefined;
      }
      // What was copied behind the held bytes and is no part of this header is read again from the chunk.
      this.#at += headerBytes - held;
      this.#carryLength = 0;
      const message = this.#open(view, at);
      if (message !== undefined) return message;
    }
  }

  /**
   * Checks the length of the message at `at` as soon as enough of it is there.
   * @returns length of prefix, id and fields in front of the payload; 0 when they are not all there
   */
  #headerBytes(view: DataView, at: number, available: number): number {
    if (available < 4) return 0;
    const length = view.getUint32(at);
    if (length === 0) return 4;
    if (length > MAX_MESSAGE_BYTES) throw tooLong('message', length, MAX_MESSAGE_BYTES);
    if (available < 5) return 0;
    const id = view.getUint8(at + 4);
    const fixed = FIXED_LENGTHS[id];
    if (fixed !== undefined && length !== fixed) throw wrongLength(`message ${id}`, length, fixed);
    const headerBytes = 4 + (fixed ?? this.#variableHeader(id, length));
    return available < headerBytes ? 0 : headerBytes;
  }

  /** Bytes from the id to the payload of a message without fixed length, once its length is found to be allowed. */
  #variableHeader(id: number, length: number): number {
    switch (id) {
      case MESSAGE_IDS.piece:
        if (length > MAX_PIECE_MESSAGE_BYTES) {
          throw tooLong('block', length - PIECE_PREFIX_BYTES, MAX_SERVED_BLOCK_BYTES);
        }
        if (length <= PIECE_PREFIX_BYTES) throw tooShort('piece message', length, PIECE_PREFIX_BYTES + 1);
        return PIECE_PREFIX_BYTES;
      case MESSAGE_IDS.bitfield:
        if (this.#bitfieldBytes !== undefined && length - 1 !== this.#bitfieldBytes) {
          throw wrongLength('bitfield', length - 1, this.#bitfieldBytes);
        }
        if (length - 1 > MAX_BITFIELD_BYTES && this.#bitfieldBytes === undefined) {
          throw tooLong('bitfield', length - 1, MAX_BITFIELD_BYTES);
        }
        return 1;
      case MESSAGE_IDS.extended:
        if (length < 2) throw tooShort('extended message', length, 2);
        if (length - 2 > this.#maxExtendedBytes) throw tooLong('extended message', length - 2, this.#maxExtendedBytes);
        return 2;
      default:
        if (length > MAX_UNKNOWN_MESSAGE_BYTES) throw tooLong(`message ${id}`, length, MAX_UNKNOWN_MESSAGE_BYTES);
        return 1;
    }
  }

  /** The message whose header is at `at`; undefined when its payload is to follow. */
  #open(view: DataView, at: number): WireMessage | undefined {
    const length = view.getUint32(at);
    if (length === 0) return KEEP_ALIVE;
    const id = view.getUint8(at + 4);
    switch (id) {
      case MESSAGE_IDS.piece:
        this.#pieceIndex = view.getUint32(at + 5);
        this.#blockOffset = view.getUint32(at + 9);
        this.#blockLength = length - PIECE_PREFIX_BYTES;
        this.#fragmentOffset = 0;
        return undefined;
      case MESSAGE_IDS.request:
        return { type: 'request', ...readRange(view, at + 5) };
      case MESSAGE_IDS.cancel:
        return { type: 'cancel', ...readRange(view, at + 5) };
      case MESSAGE_IDS.reject:
        return { type: 'reject', ...readRange(view, at + 5) };
      case MESSAGE_IDS.have:
        return { type: 'have', pieceIndex: view.getUint32(at + 5) };
      case MESSAGE_IDS.suggest:
        return { type: 'suggest', pieceIndex: view.getUint32(at + 5) };
      case MESSAGE_IDS['allowed-fast']:
        return { type: 'allowed-fast', pieceIndex: view.getUint32(at + 5) };
      case MESSAGE_IDS.port:
        return { type: 'port', port: view.getUint16(at + 5) };
      case MESSAGE_IDS.bitfield:
        this.#openBody(length - 1, undefined);
        return undefined;
      case MESSAGE_IDS.extended:
        this.#openBody(length - 2, view.getUint8(at + 5));
        return undefined;
      default:
        return signal(id) ?? this.#openUnknown(id, length - 1);
    }
  }

  #dropChunk(): void {
    this.#chunk = EMPTY;
    this.#chunkView = EMPTY_VIEW;
    this.#at = 0;
  }

  #nextFragment(): PieceFragment | undefined {
    const start = this.#at;
    const fragmentOffset = this.#fragmentOffset;
    const lengthBytes = this.#blockLength;
    const end = Math.min(start + lengthBytes - fragmentOffset, this.#chunk.length);
    if (end === start) return undefined;
    const fragment = this.#chunk.subarray(start, end);
    this.#at = end;
    this.#fragmentOffset = fragmentOffset + end - start;
    if (this.#fragmentOffset === lengthBytes) this.#blockLength = 0;
    return {
      type: 'piece',
      pieceIndex: this.#pieceIndex,
      blockOffset: this.#blockOffset,
      lengthBytes,
      fragmentOffset,
      fragment,
    };
  }

  /** Takes no memory yet: thousands of connections may each claim the most and send nothing. */
  #openBody(lengthBytes: number, extensionId: number | undefined): void {
    this.#body = EMPTY;
    this.#bodyReceived = 0;
    this.#bodyLength = lengthBytes;
    this.#bodyExtensionId = extensionId;
  }

  #gather(body: Uint8Array): WireMessage | undefined {
    const end = Math.min(this.#at + this.#bodyLength - this.#bodyReceived, this.#chunk.length);
    const received = this.#bodyReceived + end - this.#at;
    const room = received > body.length ? this.#growBody(body, received) : body;
    room.set(this.#chunk.subarray(this.#at, end), this.#bodyReceived);
    this.#bodyReceived = received;
    this.#at = end;
    if (received < this.#bodyLength) return undefined;
    this.#body = undefined;
    if (this.#bodyExtensionId === undefined) return { type: 'bitfield', bits: room };
    return { type: 'extended', extensionId: this.#bodyExtensionId, payload: room };
  }

  /** Doubles, so that single bytes cost no more than whole chunks; ends at the length of the message. */
  #growBody(body: Uint8Array, leastBytes: number): Uint8Array {
    const grown = new Uint8Array(Math.min(Math.max(leastBytes, 2 * body.length), this.#bodyLength));
    grown.set(body.subarray(0, this.#bodyReceived));
    this.#body = grown;
    return grown;
  }

  #openUnknown(id: number, lengthBytes: number): WireMessage {
    this.#skipBytes = lengthBytes;
    return { type: 'unknown', id, lengthBytes };
  }

  /** @returns whether the message that is passed over has ended */
  #skip(): boolean {
    const skipped = Math.min(this.#skipBytes, this.#chunk.length - this.#at);
    this.#at += skipped;
    this.#skipBytes -= skipped;
    return this.#skipBytes === 0;
  }

  /** Fills the carry behind what it holds, without taking the bytes from the chunk. @returns bytes copied */
  #copyToCarry(available: number): number {
    const copied = Math.min(LONGEST_HEADER_BYTES - this.#carryLength, available);
    this.#carry.set(this.#chunk.subarray(this.#at, this.#at + copied), this.#carryLength);
    return copied;
  }

  /** Keeps the rest of the chunk, which ends within a header. @param available bytes of that header so far */
  #holdHeader(available: number): void {
    if (this.#carryLength === 0) this.#copyToCarry(available);
    this.#carryLength = available;
    this.#at = this.#chunk.length;
  }
}

function readRange(view: DataView, at: number): { pieceIndex: number; blockOffset: number; lengthBytes: number } {
  return { pieceIndex: view.getUint32(at), blockOffset: view.getUint32(at + 4), lengthBytes: view.getUint32(at + 8) };
}

function signal(id: number): WireMessage | undefined {
  switch (id) {
    case MESSAGE_IDS.choke:
      return CHOKE;
    case MESSAGE_IDS.unchoke:
      return UNCHOKE;
    case MESSAGE_IDS.interested:
      return INTERESTED;
    case MESSAGE_IDS['not-interested']:
      return NOT_INTERESTED;
    case MESSAGE_IDS['have-all']:
      return HAVE_ALL;
    case MESSAGE_IDS['have-none']:
      return HAVE_NONE;
    default:
      return undefined;
  }
}

function fixedLengths(): (number | undefined)[] {
  const lengths = new Array<number | undefined>(256).fill(undefined);
  const ids = MESSAGE_IDS;
  for (const id of [ids.choke, ids.unchoke, ids.interested, ids['not-interested'], ids['have-all'], ids['have-none']]) {
    lengths[id] = 1;
  }
  for (const id of [ids.have, ids.suggest, ids['allowed-fast']]) lengths[id] = 5;
  for (const id of [ids.request, ids.cancel, ids.reject]) lengths[id] = 13;
  lengths[ids.port] = 3;
  return lengths;
}

function tooLong(what: string, lengthBytes: number, limitBytes: number): ProtocolError {
  return new ProtocolError(`${what} of ${lengthBytes} bytes exceeds ${limitBytes}`, { lengthBytes, limitBytes });
}

function tooShort(what: string, lengthBytes: number, leastBytes: number): ProtocolError {
  return new ProtocolError(`${what} of ${lengthBytes} bytes, at least ${leastBytes}`, { lengthBytes, leastBytes });
}

function wrongLength(what: string, lengthBytes: number, expectedBytes: number): ProtocolError {
  return new ProtocolError(`${what} of ${lengthBytes} bytes, must be ${expectedBytes}`, { lengthBytes, expectedBytes });
}
