/**
 * The slow twin of the wire codec: all bytes of a connection in one buffer, whole messages only, everything copied.
 * Written from the BEPs and not from `src/protocol`, so that it can judge that; only the value types are shared.
 */
import type { SendableMessage } from '../../src/protocol/message-encoder.js';

/** A block as one value, where the fast decoder hands out fragments. */
export interface WholeBlock {
  readonly type: 'piece';
  readonly pieceIndex: number;
  readonly blockOffset: number;
  readonly block: Uint8Array;
}
export interface UnknownMessage {
  readonly type: 'unknown';
  readonly id: number;
  readonly lengthBytes: number;
}
export type WholeMessage = SendableMessage | WholeBlock | UnknownMessage;

export interface NaiveLimits {
  readonly pieceCount: number | undefined;
  readonly maxExtendedBytes: number;
}

export interface NaiveResult {
  readonly messages: readonly WholeMessage[];
  /** Whether the bytes broke a rule behind those messages. */
  readonly broken: boolean;
}

/** All messages that are whole in `bytes`, up to the first that breaks a rule. */
export function decodeNaively(bytes: Uint8Array, limits: NaiveLimits): NaiveResult {
  const messages: WholeMessage[] = [];
  let rest = bytes;
  while (rest.length >= 4) {
    const length = new DataView(rest.buffer, rest.byteOffset).getUint32(0);
    if (length > 1_048_578) return { messages, broken: true };
    if (length > 0 && rest.length < 5) break;
    if (length > 0 && !isLengthAllowed(rest[4] ?? 0, length, limits)) return { messages, broken: true };
    const isUnknown = length > 0 && !KNOWN.has(rest[4] ?? 0);
    if (!isUnknown && rest.length < 4 + length) break;
    messages.push(length === 0 ? { type: 'keep-alive' } : decodeBody(rest.slice(4, 4 + length), length));
    rest = rest.slice(4 + length);
  }
  return { messages, broken: false };
}

/** One message as bytes. */
export function encodeNaively(message: WholeMessage): Uint8Array {
  const body = encodeBody(message);
  const bytes = new Uint8Array(4 + body.length);
  new DataView(bytes.buffer).setUint32(0, body.length);
  bytes.set(body, 4);
  return bytes;
}

const SIGNALS = ['choke', 'unchoke', 'interested', 'not-interested'] as const;
const KNOWN = new Set([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 14, 15, 16, 17, 20]);

function isLengthAllowed(id: number, length: number, limits: NaiveLimits): boolean {
  if ([0, 1, 2, 3, 14, 15].includes(id)) return length === 1;
  if ([4, 13, 17].includes(id)) return length === 5;
  if ([6, 8, 16].includes(id)) return length === 13;
  if (id === 9) return length === 3;
  if (id === 7) return length >= 10 && length <= 131_081;
  if (id === 20) return length >= 2 && length <= 2 + limits.maxExtendedBytes;
  if (id === 5) {
    return limits.pieceCount === undefined ? length <= 131_073 : length === 1 + Math.ceil(limits.pieceCount / 8);
  }
  return length <= 1_048_576;
}

/** @param body from the id on; cut short when the message is unknown */
function decodeBody(body: Uint8Array, length: number): WholeMessage {
  const view = new DataView(body.buffer);
  const range = () => ({
    pieceIndex: view.getUint32(1),
    blockOffset: view.getUint32(5),
    lengthBytes: view.getUint32(9),
  });
  const id = view.getUint8(0);
  const signal = SIGNALS[id];
  if (signal) return { type: signal };
  switch (id) {
    case 4:
      return { type: 'have', pieceIndex: view.getUint32(1) };
    case 5:
      return { type: 'bitfield', bits: body.slice(1) };
    case 6:
      return { type: 'request', ...range() };
    case 7:
      return { type: 'piece', pieceIndex: view.getUint32(1), blockOffset: view.getUint32(5), block: body.slice(9) };
    case 8:
      return { type: 'cancel', ...range() };
    case 9:
      return { type: 'port', port: view.getUint16(1) };
    case 13:
      return { type: 'suggest', pieceIndex: view.getUint32(1) };
    case 14:
      return { type: 'have-all' };
    case 15:
      return { type: 'have-none' };
    case 16:
      return { type: 'reject', ...range() };
    case 17:
      return { type: 'allowed-fast', pieceIndex: view.getUint32(1) };
    case 20:
      return { type: 'extended', extensionId: view.getUint8(1), payload: body.slice(2) };
    default:
      return { type: 'unknown', id, lengthBytes: length - 1 };
  }
}

function encodeBody(message: WholeMessage): Uint8Array {
  const uint32s = (id: number, ...values: number[]) => {
    const bytes = new Uint8Array(1 + 4 * values.length);
    bytes[0] = id;
    for (const [at, value] of values.entries()) new DataView(bytes.buffer).setUint32(1 + 4 * at, value);
    return bytes;
  };
  switch (message.type) {
    case 'keep-alive':
      return new Uint8Array(0);
    case 'choke':
    case 'unchoke':
    case 'interested':
    case 'not-interested':
      return Uint8Array.of(SIGNALS.indexOf(message.type));
    case 'have':
      return uint32s(4, message.pieceIndex);
    case 'bitfield':
      return Uint8Array.of(5, ...message.bits);
    case 'request':
      return uint32s(6, message.pieceIndex, message.blockOffset, message.lengthBytes);
    case 'piece':
      return concat([uint32s(7, message.pieceIndex, message.blockOffset), message.block]);
    case 'cancel':
      return uint32s(8, message.pieceIndex, message.blockOffset, message.lengthBytes);
    case 'port':
      return Uint8Array.of(9, Math.floor(message.port / 256), message.port % 256);
    case 'suggest':
      return uint32s(13, message.pieceIndex);
    case 'have-all':
      return Uint8Array.of(14);
    case 'have-none':
      return Uint8Array.of(15);
    case 'reject':
      return uint32s(16, message.pieceIndex, message.blockOffset, message.lengthBytes);
    case 'allowed-fast':
      return uint32s(17, message.pieceIndex);
    case 'extended':
      return concat([Uint8Array.of(20, message.extensionId), message.payload]);
    case 'unknown':
      return concat([Uint8Array.of(message.id), new Uint8Array(message.lengthBytes)]);
    default:
      return message satisfies never;
  }
}

/** All parts as one. */
export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
