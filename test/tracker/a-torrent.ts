import { buildInfo, buildMetainfo } from '../../src/metainfo/build-metainfo.js';
import { parseMetainfo } from '../../src/metainfo/parse-metainfo.js';

export interface TorrentOverrides {
  readonly name?: string;
  readonly lengthBytes?: number;
  /** Fills the digests: another one is another torrent. */
  readonly fill?: number;
  readonly isPrivate?: boolean;
  /** Without SHA-1. */
  readonly isPure?: boolean;
  /** Bytes of comment, to make it large. */
  readonly commentBytes?: number;
}

/** A .torrent file with made-up digests, and its hashes. */
export function aTorrent(overrides: TorrentOverrides = {}): {
  readonly bytes: Uint8Array;
  readonly infoHash: string;
  readonly blake3InfoHash: string;
} {
  const { name = 'story.txt', lengthBytes = 1_000, fill = 1, isPrivate = false, isPure = false } = overrides;
  const pieceCount = Math.ceil(lengthBytes / 128);
  const digests = new Map([['blake3', new Uint8Array(32 * pieceCount).fill(fill)]]);
  if (!isPure) digests.set('sha1', new Uint8Array(20 * pieceCount).fill(fill));
  const infoBytes = buildInfo({
    name,
    isFolder: false,
    files: [{ path: [], lengthBytes }],
    pieceLengthBytes: 128,
    digests,
    isPrivate,
  });
  const comment = overrides.commentBytes === undefined ? undefined : 'x'.repeat(overrides.commentBytes);
  const bytes = buildMetainfo({ infoBytes, trackerTiers: [], comment });
  const { infoHash, blake3InfoHash } = parseMetainfo(bytes);
  return { bytes, infoHash, blake3InfoHash };
}
