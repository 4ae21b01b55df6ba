/**
 * Peer wire messages as bytes (BEP 3, BEP 6, BEP 10): a 4-byte length, an id, the fields, big-endian.
 *
 * Copies made: the payload of bitfield and extended messages once. Blocks are never copied here: a seeder writes piece
 * headers into its send buffer with `writePieceHeader` and reads the file in between. Thread: any.
 * Measured by: benchmarks/protocol/decoder.bench.ts.
 */
import { MESSAGE_IDS, type BlockRange, type WireMessage } from './messages.js';

/** Length of a request, cancel or reject on the wire. */
export const RANGE_MESSAGE_BYTES = 17;
/** Length of a have on the wire. */
export const HAVE_MESSAGE_BYTES = 9;
/** Length of what stands before the payload of a `piece` message on the wire. */
export const PIECE_HEADER_BYTES = 13;

/** A message that is nothing but its id. */
export type Signal = 'choke' | 'unchoke' | 'interested' | 'not-interested' | 'have-all' | 'have-none';
/** A message that names a range of a piece. */
export type RangeMessage = 'request' | 'cancel' | 'reject';

export function encodeKeepAlive(): Uint8Array {
  return new Uint8Array(4);
}

export function encodeSignal(type: Signal): Uint8Array {
  return encodeHeader(MESSAGE_IDS[type], 1, 5);
}

/** Many have messages in one buffer. */
export function encodeHaves(pieceIndices: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(pieceIndices.length * HAVE_MESSAGE_BYTES);
  let at = 0;
  for (const pieceIndex of pieceIndices) {
    writeUint32(bytes, at, 5);
    bytes[at + 4] = MESSAGE_IDS.have;
    writeUint32(bytes, at + 5, pieceIndex);
    at += HAVE_MESSAGE_BYTES;
  }
  return bytes;
}

/** @param bits wire order, ceil(pieceCount / 8) bytes, spare bits clear; copied */
export function encodeBitfield(bits: Uint8Array): Uint8Array {
  const bytes = encodeHeader(MESSAGE_IDS.bitfield, 1 + bits.length, 5 + bits.length);
  bytes.set(bits, 5);
  return bytes;
}

/** Many requests, cancels or rejects in one buffer. */
export function encodeRanges(type: RangeMessage, ranges: readonly BlockRange[]): Uint8Array {
  const bytes = new Uint8Array(ranges.length * RANGE_MESSAGE_BYTES);
  let at = 0;
  for (const range of ranges) at = writeRange(bytes, at, type, range);
  return bytes;
}

/**
 * Requests for whole pieces, one behind the other.
 * @param pieceBytes length of each, but for the last
 */
export function encodePieceRequests(first: number, count: number, pieceBytes: number, lastBytes: number): Uint8Array {
  const bytes = new Uint8Array(count * RANGE_MESSAGE_BYTES);
  for (let index = 0; index < count; index += 1) {
    const at = index * RANGE_MESSAGE_BYTES;
    bytes[at + 3] = 13;
    bytes[at + 4] = MESSAGE_IDS.request;
    writeUint32(bytes, at + 5, first + index);
    writeUint32(bytes, at + 13, index === count - 1 ? lastBytes : pieceBytes);
  }
  return bytes;
}

/**
 * One request, cancel or reject into a buffer with room for 17 bytes.
 * @returns the offset behind it
 */
export function writeRange(target: Uint8Array, at: number, type: RangeMessage, range: BlockRange): number {
  writeUint32(target, at, 13);
  target[at + 4] = MESSAGE_IDS[type];
  writeUint32(target, at + 5, range.pieceIndex);
  writeUint32(target, at + 9, range.blockOffset);
  writeUint32(target, at + 13, range.lengthBytes);
  return at + RANGE_MESSAGE_BYTES;
}

/**
 * The 13 bytes before a block into a buffer whose next `range.lengthBytes` are (or will be) the block itself.
 * @returns the offset behind the header, where the block begins
 */
export function writePieceHeader(target: Uint8Array, at: number, range: BlockRange): number {
  writeUint32(target, at, 9 + range.lengthBytes);
  target[at + 4] = MESSAGE_IDS.piece;
  writeUint32(target, at + 5, range.pieceIndex);
  writeUint32(target, at + 9, range.blockOffset);
  return at + PIECE_HEADER_BYTES;
}

/** A whole `piece` message with its payload copied in: for small or rare ones. */
export function encodePiece(pieceIndex: number, blockOffset: number, block: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(PIECE_HEADER_BYTES + block.length);
  const payloadAt = writePieceHeader(bytes, 0, { pieceIndex, blockOffset, lengthBytes: block.length });
  bytes.set(block, payloadAt);
  return bytes;
}

/** A DHT port (BEP 5). */
export function encodePort(port: number): Uint8Array {
  const bytes = encodeHeader(MESSAGE_IDS.port, 3, 7);
  bytes[5] = port >>> 8;
  bytes[6] = port;
  return bytes;
}

/** A message that names one piece. */
export function encodePieceIndex(type: 'have' | 'suggest' | 'allowed-fast', pieceIndex: number): Uint8Array {
  const bytes = encodeHeader(MESSAGE_IDS[type], 5, 9);
  writeUint32(bytes, 5, pieceIndex);
  return bytes;
}

/** @param extensionId 0 for the extension handshake, else the number that the receiver gave in its own (BEP 10) */
export function encodeExtended(extensionId: number, payload: Uint8Array): Uint8Array {
  const bytes = encodeHeader(MESSAGE_IDS.extended, 2 + payload.length, 6 + payload.length);
  bytes[5] = extensionId;
  bytes.set(payload, 6);
  return bytes;
}

/** A message that can be sent as it stands; blocks and unknown messages cannot. */
export type SendableMessage = Exclude<WireMessage, { readonly type: 'piece' | 'unknown' }>;

/** Any message but a block: what the functions above do, by type. */
export function encodeMessage(message: SendableMessage): Uint8Array {
  switch (message.type) {
    case 'keep-alive':
      return encodeKeepAlive();
    case 'choke':
    case 'unchoke':
    case 'interested':
    case 'not-interested':
    case 'have-all':
    case 'have-none':
      return encodeSignal(message.type);
    case 'have':
    case 'suggest':
    case 'allowed-fast':
      return encodePieceIndex(message.type, message.pieceIndex);
    case 'request':
    case 'cancel':
    case 'reject':
      return encodeRanges(message.type, [message]);
    case 'bitfield':
      return encodeBitfield(message.bits);
    case 'port':
      return encodePort(message.port);
    case 'extended':
      return encodeExtended(message.extensionId, message.payload);
    default:
      return message satisfies never;
  }
}

function encodeHeader(id: number, messageBytes: number, sizeBytes: number): Uint8Array {
  const bytes = new Uint8Array(sizeBytes);
  writeUint32(bytes, 0, messageBytes);
  bytes[4] = id;
  return bytes;
}

/** Single bytes and no DataView: the target is often a Buffer of the caller's, and a view for each would cost more. */
function writeUint32(target: Uint8Array, at: number, value: number): void {
  target[at] = value >>> 24;
  target[at + 1] = value >>> 16;
  target[at + 2] = value >>> 8;
  target[at + 3] = value;
}
