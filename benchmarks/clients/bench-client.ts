/** What a benchmark has to know of a client: how one peer of it is started, as a seeder and as a downloader. */

/** What one peer gets. */
export interface PeerPlace {
  /** The torrent's data lies in here, or is to come here; the client may write its own files beside it. */
  readonly folder: string;
  /** Of the file or folder that the torrent names. */
  readonly dataName: string;
  readonly torrent: string;
  readonly address: string;
  readonly port: number;
  /** `ADDRESS:PORT` of the seeders, for clients that know no tracker. */
  readonly seeders: readonly string[];
}

/** A seeder has everything, or one of the torrent's files and nothing else. */
export interface SeederPlace extends PeerPlace {
  /** Which file of the torrent it has, counted from 0; undefined when it has everything. */
  readonly onlyFile: { readonly index: number; readonly count: number } | undefined;
}

export interface Launch {
  readonly command: readonly [string, ...string[]];
  readonly env?: Readonly<Record<string, string>>;
  /** A file that appears when the download is complete, of a client that does not end by itself. */
  readonly doneFile?: string;
  /** A file that appears when a seeder is ready, of one that does not announce itself. */
  readonly readyFile?: string;
}

export interface BenchClient {
  readonly name: string;
  /** Undefined where it is not installed; `missingNote` says how it gets there. */
  readonly version: string | undefined;
  readonly missingNote: string;
  /** So slow that one run has to do. */
  readonly isSlow?: boolean;
  /** It fetches from one server: no swarm, no tracker. */
  readonly isPlainServer?: boolean;
  /** Why it cannot offer a part of a torrent. */
  readonly noPartsNote?: string;
  /** To offer a part it is told which, and has everything; others find that part alone. */
  readonly needsWholeForPart?: boolean;
  /** Why it cannot take part on loopback. */
  readonly noLoopbackNote?: string;
  /** Where it can be told so, it believes that its data is right. */
  seed(place: SeederPlace): Launch;
  download(place: PeerPlace): Launch;
}
