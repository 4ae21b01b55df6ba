/**
 * The messages of `ut_metadata` (BEP 9): asking a peer for a torrent's info dictionary, 16 KiB at a time. A bencoded
 * dictionary, and behind it, in a `data` message, the raw bytes.
 */
import { MetainfoError, ProtocolError } from '../errors.js';
import { BencodeDictionary } from '../metainfo/bencode-dictionary.js';
import { decodeBencodePrefix, encodeBencode } from '../metainfo/bencode.js';
import { MAX_EXTENSION_HANDSHAKE_BYTES, METADATA_PIECE_BYTES } from './limits.js';

/** The name in `m` of an extension handshake. */
export const METADATA_EXTENSION = 'ut_metadata';
/** The id under which we take these messages. */
export const METADATA_EXTENSION_ID = 2;

export type MetadataMessage =
  | { readonly type: 'request'; readonly piece: number }
  | {
      readonly type: 'data';
      readonly piece: number;
      /** Length of the whole metadata as this message says; undefined when it does not. */
      readonly totalBytes: number | undefined;
      /** A view into the payload. */
      readonly bytes: Uint8Array;
    }
  | { readonly type: 'reject'; readonly piece: number };

/** How many pieces metadata of this length has. */
export function metadataPieceCount(sizeBytes: number): number {
  return Math.ceil(sizeBytes / METADATA_PIECE_BYTES);
}

/** Length of one piece of metadata, 0 for one that does not exist. */
export function metadataPieceBytes(sizeBytes: number, piece: number): number {
  return Math.max(0, Math.min(METADATA_PIECE_BYTES, sizeBytes - piece * METADATA_PIECE_BYTES));
}

export function encodeMetadataRequest(piece: number): Uint8Array {
  return encodeBencode({ msg_type: MESSAGE_TYPES.request, piece });
}

export function encodeMetadataReject(piece: number): Uint8Array {
  return encodeBencode({ msg_type: MESSAGE_TYPES.reject, piece });
}

/** @param metadata all of it; the piece is copied out */
export function encodeMetadataData(metadata: Uint8Array, piece: number): Uint8Array {
  const head = encodeBencode({ msg_type: MESSAGE_TYPES.data, piece, total_size: metadata.length });
  const start = piece * METADATA_PIECE_BYTES;
  const bytes = metadata.subarray(start, start + METADATA_PIECE_BYTES);
  const payload = new Uint8Array(head.length + bytes.length);
  payload.set(head);
  payload.set(bytes, head.length);
  return payload;
}

/**
 * @param payload of an extended message; `data` gives a view into it
 * @returns undefined for a type of message that is not known, as BEP 9 asks
 * @throws {P2P_PROTOCOL} when it is no dictionary, names no piece, or carries more than a piece
 */
export function decodeMetadataMessage(payload: Uint8Array): MetadataMessage | undefined {
  const { told, rest } = decodeDictionary(payload);
  const piece = told.integer('piece');
  if (piece === undefined || piece < 0) throw new ProtocolError('ut_metadata message names no piece');
  switch (told.integer('msg_type')) {
    case MESSAGE_TYPES.request:
      return { type: 'request', piece };
    case MESSAGE_TYPES.data:
      if (rest.length > METADATA_PIECE_BYTES) {
        throw new ProtocolError(`metadata piece of ${rest.length} bytes exceeds ${METADATA_PIECE_BYTES}`);
      }
      return { type: 'data', piece, totalBytes: told.integer('total_size'), bytes: rest };
    case MESSAGE_TYPES.reject:
      return { type: 'reject', piece };
    default:
      return undefined;
  }
}

function decodeDictionary(payload: Uint8Array): { readonly told: BencodeDictionary; readonly rest: Uint8Array } {
  try {
    const limits = { maxBytes: MAX_EXTENSION_HANDSHAKE_BYTES, maxDepth: 8 };
    const { value, consumedBytes } = decodeBencodePrefix(payload, limits);
    if (value instanceof BencodeDictionary) return { told: value, rest: payload.subarray(consumedBytes) };
  } catch (error) {
    if (!(error instanceof MetainfoError)) throw error;
    throw new ProtocolError(`ut_metadata message: ${error.message}`, error.details);
  }
  throw new ProtocolError('ut_metadata message is no dictionary');
}

/** `msg_type` on the wire. */
const MESSAGE_TYPES = { request: 0, data: 1, reject: 2 } as const;
