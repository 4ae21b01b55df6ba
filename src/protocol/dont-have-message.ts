/** `lt_donthave` (BEP 54): the opposite of `have`, for a piece that is not there any more. Its payload is the index. */
import { ProtocolError } from '../errors.js';

/** The name in `m` of an extension handshake. */
export const DONT_HAVE_EXTENSION = 'lt_donthave';
/** The id under which we take these messages. */
export const DONT_HAVE_EXTENSION_ID = 7;

const PAYLOAD_BYTES = 4;

/** The payload of an extended message. */
export function encodeDontHave(pieceIndex: number): Uint8Array {
  const payload = new Uint8Array(PAYLOAD_BYTES);
  new DataView(payload.buffer).setUint32(0, pieceIndex);
  return payload;
}

/**
 * The index that a peer names; whether there is such a piece is for the caller to check.
 * @throws {P2P_PROTOCOL} when the payload is of another length
 */
export function decodeDontHave(payload: Uint8Array): number {
  if (payload.length !== PAYLOAD_BYTES) {
    throw new ProtocolError(`lt_donthave of ${payload.length} bytes instead of ${PAYLOAD_BYTES}`);
  }
  return new DataView(payload.buffer, payload.byteOffset).getUint32(0);
}
