/** A torrent in a tracker's catalogue, as it is listed; plain values for JSON. */
export interface CatalogueEntry {
  /** File or folder name. */
  readonly name: string;
  /** Wire info hash, 40 hex digits. */
  readonly infoHash: string;
  /** 64 hex digits. */
  readonly blake3InfoHash: string;
  readonly totalBytes: number;
  readonly pieceLengthBytes: number;
  readonly pieceCount: number;
  readonly fileCount: number;
  /** Algorithms of its piece digests. */
  readonly hashes: readonly string[];
  /** Milliseconds since 1970. */
  readonly publishedAtMs: number;
  /** Now, at this tracker. */
  readonly seeders: number;
  readonly leechers: number;
}
