/** Torrents made by hand: plain v1 ones as others make them, and such as nobody should make. */
import { createHash } from 'node:crypto';
import { bencode, type BencodeInput } from './naive-bencode.js';

export interface HandMadeTorrentOptions {
  readonly name: string;
  readonly data: Uint8Array;
  readonly pieceLength: number;
  readonly announce?: string;
  /** Files of a folder, end to end in `data`; a single file when left out. */
  readonly files?: readonly { readonly path: readonly string[]; readonly length: number }[];
  /** Put into the info dictionary last, so that they replace what is there. */
  readonly info?: Readonly<Record<string, BencodeInput>>;
  /** Keys that are left out of the info dictionary. */
  readonly without?: readonly string[];
}

export interface HandMadeTorrent {
  readonly bytes: Buffer;
  readonly infoBytes: Buffer;
  /** 40 hex digits. */
  readonly infoHash: string;
  readonly pieceCount: number;
}

/** A plain v1 torrent (BEP 3), changed as the options say. */
export function handMadeTorrent(options: HandMadeTorrentOptions): HandMadeTorrent {
  const { name, data, pieceLength, files } = options;
  const content = files ? { files: files.map(({ path, length }) => ({ path, length })) } : { length: data.length };
  const everything: Record<string, BencodeInput> = {
    name,
    'piece length': pieceLength,
    pieces: pieceDigests(data, pieceLength, (piece) => createHash('sha1').update(piece).digest()),
    ...content,
    ...options.info,
  };
  const info = Object.fromEntries(Object.entries(everything).filter(([key]) => !options.without?.includes(key)));
  const infoBytes = bencode(info);
  const outer = options.announce === undefined ? { info } : { announce: options.announce, info };
  return {
    bytes: bencode(outer),
    infoBytes,
    infoHash: createHash('sha1').update(infoBytes).digest('hex'),
    pieceCount: Math.ceil(data.length / pieceLength),
  };
}

/** The digests of all pieces, end to end. */
export function pieceDigests(data: Uint8Array, pieceLength: number, digest: (piece: Uint8Array) => Uint8Array): Buffer {
  const digests: Uint8Array[] = [];
  for (let at = 0; at < data.length; at += pieceLength) digests.push(digest(data.subarray(at, at + pieceLength)));
  return Buffer.concat(digests);
}
