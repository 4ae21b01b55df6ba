/** Builders of torrents for tests. */
import { createHash } from 'node:crypto';
import { blake3 } from '../../src/hashing/digests.js';
import { encodeBencode, type BencodeInput } from '../../src/metainfo/bencode.js';
import { buildInfo, buildMetainfo } from '../../src/metainfo/build-metainfo.js';
import type { Metainfo } from '../../src/metainfo/metainfo.js';
import { parseMetainfo } from '../../src/metainfo/parse-metainfo.js';

type Fields = Readonly<Record<string, BencodeInput | undefined>>;

/** A v1 .torrent of 40 bytes in 3 pieces; `info` and `root` replace keys, undefined leaves one out. */
export function aTorrent(info: Fields = {}, root: Fields = {}): Uint8Array {
  return encodeBencode({
    announce: 'http://tracker.example/announce',
    info: { name: 'story.txt', 'piece length': 16, length: 40, pieces: new Uint8Array(60), ...info },
    ...root,
  });
}

/** A v1 folder .torrent with these `files` entries, all their digests zeros. */
export function aFolderTorrent(files: readonly Fields[], info: Fields = {}): Uint8Array {
  const total = files.reduce((sum, { length }) => sum + (typeof length === 'number' ? length : 0), 0);
  const pieces = new Uint8Array(20 * Math.ceil(total / 16));
  return aTorrent({ length: undefined, name: 'album', files, pieces, ...info });
}

export interface TorrentContent {
  readonly name?: string;
  /** Content by path, `/` between components; a single file when left out. */
  readonly files?: Readonly<Record<string, Uint8Array>>;
  /** Content of the single file. */
  readonly content?: Uint8Array;
  readonly pieceLengthBytes?: number;
  readonly hashes?: readonly ('blake3' | 'sha1' | 'sha256')[];
  readonly trackers?: readonly string[];
}

/** Metainfo of real content, dual-hash unless told otherwise. */
export function aMetainfo(torrent: TorrentContent = {}): Metainfo {
  const single = torrent.content ?? Uint8Array.from({ length: 1000 }, (_, at) => (at * 7) & 0xff);
  const entries = Object.entries(torrent.files ?? { '': single });
  const pieceLengthBytes = torrent.pieceLengthBytes ?? 128;
  const bytes = Buffer.concat(entries.map(([, content]) => content));
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += pieceLengthBytes) pieces.push(bytes.subarray(at, at + pieceLengthBytes));
  const infoBytes = buildInfo({
    name: torrent.name ?? 'story.txt',
    isFolder: torrent.files !== undefined,
    files: entries.map(([path, content]) => ({
      path: path === '' ? [] : path.split('/'),
      lengthBytes: content.length,
    })),
    pieceLengthBytes,
    digests: new Map(
      (torrent.hashes ?? ['blake3', 'sha1']).map((hash) => [
        hash,
        Uint8Array.from(Buffer.concat(pieces.map((piece) => digestOf(hash, piece)))),
      ]),
    ),
    isPrivate: false,
  });
  return parseMetainfo(buildMetainfo({ infoBytes, trackerTiers: [torrent.trackers ?? []] }));
}

function digestOf(hash: string, bytes: Uint8Array): Uint8Array {
  return hash === 'blake3' ? blake3(bytes) : createHash(hash).update(bytes).digest();
}
