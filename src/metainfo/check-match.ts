/** Metainfo that came from somewhere else than its hash did. */
import { MetainfoError } from '../errors.js';
import type { InfoHash, Metainfo } from './metainfo.js';

/** What a magnet link, a command line or a catalogue said the torrent is. */
export interface ExpectedHashes {
  readonly infoHash?: InfoHash | undefined;
  /** 64 lower-case hex digits. */
  readonly blake3InfoHash?: string | undefined;
}

/**
 * Passes when the metainfo is the one that was asked for; what is not expected is not compared.
 * @throws {P2P_METAINFO_MISMATCH} when a hash differs
 */
export function assertMatches(metainfo: Metainfo, expected: ExpectedHashes): void {
  const { infoHash, blake3InfoHash } = metainfo;
  if (expected.infoHash !== undefined && expected.infoHash !== infoHash) {
    throw mismatch('info hash', infoHash, expected.infoHash);
  }
  if (expected.blake3InfoHash !== undefined && expected.blake3InfoHash !== blake3InfoHash) {
    throw mismatch('BLAKE3 info hash', blake3InfoHash, expected.blake3InfoHash);
  }
}

function mismatch(what: string, found: string, expected: string): MetainfoError {
  return new MetainfoError(
    'P2P_METAINFO_MISMATCH',
    `the metainfo has ${what} ${found}, but ${expected} was asked for: it belongs to another torrent or was altered`,
    { found, expected },
  );
}
