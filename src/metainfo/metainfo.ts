/** A torrent's metainfo once it has been read and checked (BEP 3, BEP 47; `piece hashes` is ours: docs/formats.md). */
import type { PieceLayout } from './piece-layout.js';

declare const infoHashBrand: unique symbol;
/** The wire info hash: 40 lower-case hex digits (20 bytes). Made only by `parseInfoHash` and by reading metainfo. */
export type InfoHash = string & { readonly [infoHashBrand]: true };

/** One file of a torrent. */
export interface MetainfoFile {
  /** Safe path components below the torrent's root; empty for the file of a single-file torrent. */
  readonly path: readonly string[];
  /**
   * The path as the torrent writes it, when `path` had to be changed to be safe everywhere (`aux.c`, `README` beside
   * `readme`). Data that somebody else wrote may lie there; read only, nothing is created under it, and not on
   * Windows, where such a name may mean a device.
   */
  readonly originalPath?: readonly string[];
  readonly lengthBytes: number;
  /** A BEP 47 pad file: its bytes are zeros, it is hashed and transferred but never lies on disk. */
  readonly isPad: boolean;
  /** It is a program or script (BEP 47, `x`). */
  readonly isExecutable?: true;
}

/** `dual-hash`: `pieces` and `piece hashes`. `pure`: only `piece hashes`. `v1`: only `pieces`. */
export type MetainfoKind = 'dual-hash' | 'pure' | 'v1';

export interface Metainfo {
  readonly kind: MetainfoKind;
  /** File or folder name: one safe path component. */
  readonly name: string;
  /** The name as the torrent writes it, when `name` had to be changed to be safe everywhere; as `originalPath` of files. */
  readonly originalName?: string;
  /** Whether the torrent is a folder (`files`) and not a single file (`length`). */
  readonly isFolder: boolean;
  readonly files: readonly MetainfoFile[];
  readonly layout: PieceLayout;
  /** The info dictionary as received, byte for byte. */
  readonly infoBytes: Uint8Array;
  readonly infoHash: InfoHash;
  /** BLAKE3 of the info bytes, 64 hex digits. */
  readonly blake3InfoHash: string;
  /** Piece digests, concatenated in order, by algorithm name; `sha1` is BEP 3's `pieces`. Not empty. */
  readonly digests: ReadonlyMap<string, Uint8Array>;
  readonly isPrivate: boolean;
  /** Tracker tiers (BEP 12); the lone `announce` is one tier of one. */
  readonly trackerTiers: readonly (readonly string[])[];
  /** URLs of web seeds (BEP 19, `url-list`), without repeats. */
  readonly webSeeds: readonly string[];
  readonly createdBy: string | undefined;
  readonly comment: string | undefined;
  /** Seconds since 1970. */
  readonly creationDate: number | undefined;
  /** What a user should know about how it was read: symbolic links left out, names that were changed. */
  readonly notes: readonly string[];
}
