/** The torrents that were published at a tracker, in SQLite: found by name or hash, kept until somebody removes the file. */
import type { Statement } from 'better-sqlite3';
import { join, resolve } from 'node:path';
import { openDatabase } from '../database/open-database.js';
import { type SqliteDatabase, withStorageErrors } from '../database/sqlite.js';
import { StorageError, TrackerError } from '../errors.js';
import type { Metainfo } from '../metainfo/metainfo.js';
import { parseMetainfo } from '../metainfo/parse-metainfo.js';
import type { CatalogueEntry } from './catalogue-entry.js';

/** An entry without what changes from minute to minute. */
export type StoredEntry = Omit<CatalogueEntry, 'seeders' | 'leechers'>;

export interface Published {
  readonly entry: StoredEntry;
  /** False when it stood there already; then nothing was changed. */
  readonly isNew: boolean;
}

export interface CatalogueOptions {
  /** Folder of `tracker.db`. */
  readonly stateDir: string;
  /** Bytes that the database may have at most. */
  readonly maxBytes: number;
  readonly onNote?: (message: string) => void;
}

export class Catalogue {
  readonly #database: SqliteDatabase;
  readonly #path: string;
  readonly #maxBytes: number;
  readonly #statements: Statements;

  /**
   * @throws {P2P_STATE_UNUSABLE} {P2P_STATE_NEWER} {P2P_DISK_FULL} {P2P_DISK_FAILED} when the database cannot be opened
   */
  constructor(options: CatalogueOptions) {
    this.#path = join(resolve(options.stateDir), 'tracker.db');
    this.#maxBytes = options.maxBytes;
    this.#database = openDatabase({
      path: this.#path,
      migrations: MIGRATIONS,
      onTorn: (asidePath) =>
        options.onNote?.(
          `the catalogue was damaged: it is set aside as ${asidePath}, and a new one begun; peers publish again when they start`,
        ),
    });
    this.#statements = prepare(this.#database);
  }

  get count(): number {
    return this.#run(() => this.#statements.count.get() ?? 0);
  }

  /**
   * Takes a torrent in; publishing it again changes nothing.
   * @param bytes a .torrent file
   * @param nowMs since 1970
   * @throws {MetainfoError} when it is no usable torrent
   * @throws {P2P_REFUSED} when it is private, or has the info hash of another torrent
   * @throws {P2P_DISK_FULL} when the catalogue, or the disk, is full
   */
  publish(bytes: Uint8Array, nowMs: number): Published {
    const metainfo = parseMetainfo(bytes);
    if (metainfo.isPrivate) {
      throw new TrackerError('P2P_REFUSED', `'${metainfo.name}' is a private torrent, which is never listed`);
    }
    const row = rowOf(metainfo, bytes, nowMs);
    const take = this.#database.transaction((): Published => {
      const stored = this.#statements.byHash.get(row.info_hash, null);
      if (!stored) {
        this.#refuseWhenFull(bytes.length);
        this.#statements.insert.run(row);
        return { entry: entryOf(row), isNew: true };
      }
      if (stored.blake3_info_hash.equals(row.blake3_info_hash)) return { entry: entryOf(stored), isNew: false };
      throw new TrackerError('P2P_REFUSED', `another torrent has the info hash ${metainfo.infoHash} already`);
    });
    return this.#run(() => take.immediate());
  }

  /** All torrents of exactly this name, the oldest first; at most 1,000. */
  findByName(name: string): StoredEntry[] {
    return this.#run(() => this.#statements.byName.all(name)).map(entryOf);
  }

  /** A part of all torrents, by name, then age. */
  list(limit: number, offset: number): StoredEntry[] {
    return this.#run(() => this.#statements.list.all(limit, offset)).map(entryOf);
  }

  /**
   * The .torrent file as it was published.
   * @param hash wire info hash (40 hex digits) or BLAKE3 of the info bytes (64)
   */
  torrentOf(hash: string): Uint8Array | undefined {
    const bytes = Buffer.from(hash, 'hex');
    const [infoHash, blake3] = hash.length === 40 ? [bytes, null] : [null, bytes];
    return this.#run(() => this.#statements.metainfo.get(infoHash, blake3));
  }

  close(): void {
    this.#database.close();
  }

  #refuseWhenFull(moreBytes: number): void {
    const pages = Number(this.#database.pragma('page_count', { simple: true }));
    const pageBytes = Number(this.#database.pragma('page_size', { simple: true }));
    if (pages * pageBytes + moreBytes <= this.#maxBytes) return;
    throw new StorageError('P2P_DISK_FULL', `the catalogue is full: it may have ${this.#maxBytes} bytes at most`);
  }

  #run<Result>(action: () => Result): Result {
    return withStorageErrors(this.#path, action);
  }
}

/** Append only, see `openDatabase`. */
const MIGRATIONS = [
  `CREATE TABLE torrents (
    id INTEGER PRIMARY KEY,
    info_hash BLOB NOT NULL UNIQUE,
    blake3_info_hash BLOB NOT NULL UNIQUE,
    name TEXT NOT NULL,
    total_bytes INTEGER NOT NULL,
    piece_length_bytes INTEGER NOT NULL,
    piece_count INTEGER NOT NULL,
    file_count INTEGER NOT NULL,
    hashes TEXT NOT NULL,
    published_at_ms INTEGER NOT NULL,
    -- The .torrent file; last, so that lists do not read it.
    metainfo BLOB NOT NULL
  ) STRICT;
  CREATE INDEX torrents_by_name ON torrents (name, id);`,
];

const LISTED =
  'info_hash, blake3_info_hash, name, total_bytes, piece_length_bytes, piece_count, file_count, hashes, published_at_ms';

interface ListedRow {
  readonly info_hash: Buffer;
  readonly blake3_info_hash: Buffer;
  readonly name: string;
  readonly total_bytes: number;
  readonly piece_length_bytes: number;
  readonly piece_count: number;
  readonly file_count: number;
  /** Names, joined by commas. */
  readonly hashes: string;
  readonly published_at_ms: number;
}

interface TorrentRow extends ListedRow {
  readonly metainfo: Uint8Array;
}

interface Statements {
  readonly count: Statement<[], number>;
  readonly byHash: Statement<[Buffer | null, Buffer | null], ListedRow>;
  readonly byName: Statement<[string], ListedRow>;
  readonly list: Statement<[number, number], ListedRow>;
  readonly metainfo: Statement<[Buffer | null, Buffer | null], Buffer>;
  readonly insert: Statement<[TorrentRow]>;
}

function prepare(database: SqliteDatabase): Statements {
  return {
    count: database.prepare<[], number>('SELECT count(*) FROM torrents').pluck(),
    byHash: database.prepare(`SELECT ${LISTED} FROM torrents WHERE info_hash = ? OR blake3_info_hash = ?`),
    byName: database.prepare(`SELECT ${LISTED} FROM torrents WHERE name = ? ORDER BY id LIMIT 1000`),
    list: database.prepare(`SELECT ${LISTED} FROM torrents ORDER BY name, id LIMIT ? OFFSET ?`),
    metainfo: database
      .prepare<[Buffer | null, Buffer | null], Buffer>(
        'SELECT metainfo FROM torrents WHERE info_hash = ? OR blake3_info_hash = ?',
      )
      .pluck(),
    insert: database.prepare(
      `INSERT INTO torrents (${LISTED}, metainfo) VALUES (@info_hash, @blake3_info_hash, @name, @total_bytes,
       @piece_length_bytes, @piece_count, @file_count, @hashes, @published_at_ms, @metainfo)`,
    ),
  };
}

function rowOf(metainfo: Metainfo, bytes: Uint8Array, nowMs: number): TorrentRow {
  return {
    info_hash: Buffer.from(metainfo.infoHash, 'hex'),
    blake3_info_hash: Buffer.from(metainfo.blake3InfoHash, 'hex'),
    name: metainfo.name,
    total_bytes: metainfo.layout.totalBytes,
    piece_length_bytes: metainfo.layout.pieceLengthBytes,
    piece_count: metainfo.layout.pieceCount,
    file_count: metainfo.files.filter((file) => !file.isPad).length,
    hashes: [...metainfo.digests.keys()].join(','),
    published_at_ms: Math.round(nowMs),
    metainfo: bytes,
  };
}

function entryOf(row: ListedRow): StoredEntry {
  return {
    name: row.name,
    infoHash: row.info_hash.toString('hex'),
    blake3InfoHash: row.blake3_info_hash.toString('hex'),
    totalBytes: row.total_bytes,
    pieceLengthBytes: row.piece_length_bytes,
    pieceCount: row.piece_count,
    fileCount: row.file_count,
    hashes: row.hashes.split(','),
    publishedAtMs: row.published_at_ms,
  };
}
