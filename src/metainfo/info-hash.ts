/** Info hashes: the name of a torrent on the wire, and their several spellings. */
import { MetainfoError } from '../errors.js';
import { blake3, sha1, toHex } from '../hashing/digests.js';
import type { InfoHash } from './metainfo.js';

/** Bytes of an info hash on the wire (BEP 3; BEP 52 truncates longer ones to it). */
export const INFO_HASH_BYTES = 20;

/**
 * A wire info hash from 40 hex digits, in either case.
 * @throws {P2P_METAINFO_INVALID} when the text is anything else
 */
export function parseInfoHash(text: string): InfoHash {
  if (!/^[0-9a-f]{40}$/i.test(text)) {
    throw new MetainfoError(
      'P2P_METAINFO_INVALID',
      `an info hash is 40 hex digits, not ${text.length} characters${text.length === 40 ? ', some of them no hex digits' : ''}`,
    );
  }
  return text.toLowerCase() as InfoHash;
}

/**
 * A wire info hash from its 20 bytes.
 * @throws {P2P_METAINFO_INVALID} when there are more or fewer
 */
export function infoHashFromBytes(bytes: Uint8Array): InfoHash {
  if (bytes.length !== INFO_HASH_BYTES) {
    throw new MetainfoError('P2P_METAINFO_INVALID', `an info hash has ${INFO_HASH_BYTES} bytes, not ${bytes.length}`);
  }
  return toHex(bytes) as InfoHash;
}

/**
 * The wire info hash of a pure torrent: the first 20 bytes of the BLAKE3 of its info dictionary.
 * @param blake3InfoHash 64 hex digits
 * @throws {P2P_METAINFO_INVALID} when it is not
 */
export function infoHashFromBlake3(blake3InfoHash: string): InfoHash {
  if (!/^[0-9a-f]{64}$/i.test(blake3InfoHash)) {
    throw new MetainfoError('P2P_METAINFO_INVALID', 'a BLAKE3 info hash is 64 hex digits');
  }
  return parseInfoHash(blake3InfoHash.slice(0, 2 * INFO_HASH_BYTES));
}

/**
 * Whether these are the info bytes of that torrent, dual-hash, v1 (by SHA-1) or pure (by BLAKE3): what a stranger sent
 * is checked before anybody reads it. 16 MiB take about 10 ms.
 */
export function isInfoOf(infoBytes: Uint8Array, infoHash: InfoHash): boolean {
  return toHex(sha1(infoBytes)) === infoHash || infoHashFromBlake3(toHex(blake3(infoBytes))) === infoHash;
}

/** The 20 bytes of an info hash; a new array each time. */
export function infoHashBytes(infoHash: InfoHash): Uint8Array {
  return Uint8Array.from({ length: INFO_HASH_BYTES }, (_, at) => parseInt(infoHash.slice(2 * at, 2 * at + 2), 16));
}
