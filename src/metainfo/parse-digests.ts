/** The piece digests of an info dictionary: BEP 3's `pieces`, and our `piece hashes`. */
import { MetainfoError } from '../errors.js';
import { BencodeDictionary } from './bencode-dictionary.js';
import { escapeText } from './escape-text.js';
import type { PieceLayout } from './piece-layout.js';

/** Digest lengths that an algorithm may have (`HashAlgorithm.digestLength`). */
const MIN_DIGEST_BYTES = 16;
const MAX_DIGEST_BYTES = 64;
/** Lengths that are known here; those of plugins are checked where the plugins are known. */
const KNOWN_DIGEST_BYTES: ReadonlyMap<string, number> = new Map([
  ['sha1', 20],
  ['blake3', 32],
  ['sha256', 32],
]);
/** More algorithms than this in one torrent is no use to anyone. */
const MAX_ALGORITHMS = 16;
const ALGORITHM_NAME = /^[a-z0-9][a-z0-9-]{0,31}$/;

/**
 * Piece digests by algorithm name, copied; `sha1` is `pieces`. Not empty.
 * @throws {P2P_METAINFO_INVALID} when there are none, or their length does not fit the piece count
 */
export function parseDigests(info: BencodeDictionary, layout: PieceLayout): ReadonlyMap<string, Uint8Array> {
  const digests = new Map<string, Uint8Array>();
  const pieces = info.get('pieces');
  if (pieces !== undefined) {
    if (!(pieces instanceof Uint8Array)) throw invalid('pieces is not a string');
    digests.set('sha1', checkLength('sha1', 'pieces', pieces, layout));
  }
  const pieceHashes = info.get('piece hashes');
  if (pieceHashes !== undefined) {
    if (!(pieceHashes instanceof BencodeDictionary)) throw invalid('piece hashes is not a dictionary');
    if (pieceHashes.size > MAX_ALGORITHMS) throw invalid(`${pieceHashes.size} algorithms exceed ${MAX_ALGORITHMS}`);
    for (const [name, value] of pieceHashes.entries()) {
      if (!ALGORITHM_NAME.test(name)) throw invalid(`'${name}' is no name of a hash algorithm`);
      if (name === 'sha1') throw invalid('SHA-1 digests belong into pieces, not into piece hashes');
      if (!(value instanceof Uint8Array)) throw invalid(`piece hashes of ${name} are not a string`);
      digests.set(name, checkLength(name, `piece hashes of ${name}`, value, layout));
    }
  }
  if (digests.size === 0) throw invalid('it has neither pieces nor piece hashes, so that nothing could be verified');
  return digests;
}

function checkLength(algorithm: string, what: string, digests: Uint8Array, layout: PieceLayout): Uint8Array {
  const { pieceCount } = layout;
  const known = KNOWN_DIGEST_BYTES.get(algorithm);
  if (known !== undefined) {
    if (digests.length !== known * pieceCount) throw unfit(what, digests.length, `${known}`, layout);
  } else {
    const each = pieceCount === 0 ? MIN_DIGEST_BYTES : digests.length / pieceCount;
    const fits = Number.isInteger(each) && each >= MIN_DIGEST_BYTES && each <= MAX_DIGEST_BYTES;
    if (!fits || (pieceCount === 0 && digests.length > 0)) {
      throw unfit(what, digests.length, `${MIN_DIGEST_BYTES} to ${MAX_DIGEST_BYTES}`, layout);
    }
  }
  return digests.slice();
}

function unfit(what: string, lengthBytes: number, each: string, layout: PieceLayout): MetainfoError {
  return invalid(
    `${what} has ${lengthBytes} bytes, but ${layout.totalBytes} bytes in pieces of ${layout.pieceLengthBytes} are ` +
      `${layout.pieceCount} pieces of ${each} bytes each`,
    { lengthBytes, pieceCount: layout.pieceCount },
  );
}

function invalid(problem: string, details: Readonly<Record<string, unknown>> = {}): MetainfoError {
  return new MetainfoError('P2P_METAINFO_INVALID', `not a usable .torrent: ${escapeText(problem)}`, details);
}
