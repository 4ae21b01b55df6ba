/** The lines that `--json` prints, as the tests read them (docs/command-line.md, JSON lines). */

/** How one download ended, in the `result` of `peer download`. */
export interface DownloadSummary {
  readonly name: string;
  readonly infoHash: string;
  readonly path: string;
  readonly totalBytes: number;
  readonly elapsedMs: number;
  readonly downTotalBytes: number;
  readonly upTotalBytes: number;
  readonly refusedPieces: number;
  readonly wastedBytes: number;
  readonly state: string;
  readonly missingEverywhere: readonly number[];
}

/** What one torrent gave away, in the `result` of `peer seed`. */
export interface SeedSummary {
  readonly name: string;
  readonly infoHash: string;
  readonly upTotalBytes: number;
}

/** The fields of each line by its type. */
export interface LineFields {
  readonly listening: {
    readonly host: string;
    readonly port: number;
    readonly ports: readonly number[];
    readonly url?: string;
  };
  readonly seeding: {
    readonly name: string;
    readonly infoHash: string;
    readonly blake3InfoHash: string;
    readonly path: string;
    readonly totalBytes: number;
    readonly pieceLengthBytes: number;
    readonly pieceCount: number;
    readonly offeredPieces: number;
    readonly magnet: string;
    readonly command: string;
    readonly trackers: readonly string[];
    readonly published: boolean;
  };
  readonly announced: {
    readonly infoHash: string;
    readonly url: string;
    readonly seeders: number;
    readonly leechers: number;
  };
  readonly downloading: {
    readonly name: string;
    readonly infoHash: string;
    readonly path: string;
    readonly totalBytes: number;
    readonly pieceLengthBytes: number;
    readonly pieceCount: number;
  };
  readonly progress: {
    readonly infoHash: string;
    readonly name: string;
    readonly state: string;
    readonly verifiedPieces: number;
    readonly pieceCount: number;
    readonly verifiedBytes: number;
    readonly totalBytes: number;
    readonly downBytesPerSec: number;
    readonly upBytesPerSec: number;
    readonly downTotalBytes: number;
    readonly upTotalBytes: number;
    readonly peers: number;
    readonly webSeeds: number;
    readonly etaMs: number | null;
    readonly missingEverywhere: readonly number[];
    readonly missingEverywhereCount: number;
    readonly refusedPieces: number;
    readonly wastedBytes: number;
  };
  readonly note: { readonly message: string };
  readonly resumed: {
    readonly infoHash: string;
    readonly name: string;
    readonly pieceCount: number;
    readonly trustedPieces: number;
    readonly hashedPieces: number;
    readonly ownedPieces: number;
  };
  readonly 'piece-refused': {
    readonly infoHash: string;
    readonly pieceIndex: number;
    readonly peers: readonly string[];
  };
  readonly 'peer-banned': { readonly infoHash: string; readonly peer: string; readonly reason: string };
  readonly 'web-seed-failed': {
    readonly infoHash: string;
    readonly url: string;
    readonly message: string;
    readonly retryInMs: number | null;
  };
  readonly downloaded: { readonly infoHash: string; readonly name: string; readonly path: string };
  readonly result: {
    readonly downloads?: readonly DownloadSummary[];
    readonly seeds?: readonly SeedSummary[];
    readonly [field: string]: unknown;
  };
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly details: Readonly<Record<string, unknown>>;
    readonly exitCode: number;
  };
}

export type LineType = keyof LineFields;

/** A line of one type, with the moment (of the test's own clock) at which it was read. */
export type LineOf<T extends LineType> = LineFields[T] & {
  readonly type: T;
  readonly version: number;
  readonly readAtMs: number;
};

/** Any line. */
export type JsonLine = { readonly [T in LineType]: LineOf<T> }[LineType];
