/** The SQL of `CopyStore`: every statement once, prepared when the store is made. */
import type { SqliteDatabase } from '../database/sqlite.js';
import { SPAN_PIECES } from './piece-bitmaps.js';

/** A row of `copies` with what belongs to its torrent. */
export interface CopyRow {
  readonly id: number;
  readonly info_hash: string;
  readonly root_path: string;
  readonly role: string;
  readonly state: string;
  readonly created_at_ms: number;
  readonly updated_at_ms: number;
  readonly down_total_bytes: number;
  readonly up_total_bytes: number;
  readonly stopped_cleanly: number;
  readonly last_error: string | null;
  readonly chosen_files: Uint8Array | null;
  readonly name: string;
  readonly total_bytes: number;
  readonly piece_count: number;
  readonly piece_length: number | null;
}

interface SpanRow {
  readonly span: number;
  readonly intents: Uint8Array;
  readonly verified: Uint8Array;
  readonly durable: Uint8Array;
}

interface FileRow {
  readonly file_index: bigint;
  readonly size: bigint;
  readonly mtime_ns: bigint;
  readonly ctime_ns: bigint;
  readonly inode: bigint;
}

const SELECT_COPIES = `
  SELECT copies.*, torrents.name, torrents.total_bytes, torrents.piece_count, torrents.piece_length
  FROM copies JOIN torrents USING (info_hash)`;

/**
 * What `prepareCopyStatements` gives.
 * @internal
 */
export type CopyStatements = ReturnType<typeof prepareCopyStatements>;

/**
 * All statements of `CopyStore`, for one connection. Not declared to importing programs: the types of better-sqlite3
 * have no name for its statements.
 * @internal
 */
export function prepareCopyStatements(database: SqliteDatabase) {
  return {
    ...copyStatements(database),
    ...pieceStatements(database),
    ...fileStatements(database),
    ...trackerStatements(database),
  };
}

function copyStatements(database: SqliteDatabase) {
  return {
    addTorrent: database.prepare<[string, string, number, number, number, number, Uint8Array]>(`
      INSERT INTO torrents (info_hash, name, total_bytes, piece_count, piece_length, added_at_ms, metainfo)
      VALUES (?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT DO UPDATE SET piece_length = excluded.piece_length WHERE torrents.piece_length IS NULL`),
    metainfo: database.prepare<[string], { readonly metainfo: Uint8Array }>(
      'SELECT metainfo FROM torrents WHERE info_hash = ?',
    ),
    removeUnusedTorrents: database.prepare<[]>(
      'DELETE FROM torrents WHERE info_hash NOT IN (SELECT info_hash FROM copies)',
    ),
    addCopy: database.prepare<[string, string, string, number, number]>(`
      INSERT INTO copies (info_hash, root_path, role, state, created_at_ms, updated_at_ms)
      VALUES (?, ?, ?, 'checking', ?, ?) ON CONFLICT DO NOTHING`),
    reopenCopy: database.prepare<[string, number, Uint8Array | null, number]>(`
      UPDATE copies SET role = ?, updated_at_ms = ?, chosen_files = ?, stopped_cleanly = 0, last_error = NULL
      WHERE id = ?`),
    setState: database.prepare<[string, number, number]>('UPDATE copies SET state = ?, updated_at_ms = ? WHERE id = ?'),
    markStopped: database.prepare<[number, number]>(
      'UPDATE copies SET stopped_cleanly = 1, updated_at_ms = ? WHERE id = ?',
    ),
    setLastError: database.prepare<[string | null, number]>('UPDATE copies SET last_error = ? WHERE id = ?'),
    addTransferred: database.prepare<[number, number, number, number]>(`
      UPDATE copies SET down_total_bytes = down_total_bytes + ?, up_total_bytes = up_total_bytes + ?, updated_at_ms = ?
      WHERE id = ?`),
    removeCopy: database.prepare<[number]>('DELETE FROM copies WHERE id = ?'),
    copies: database.prepare<[], CopyRow>(`${SELECT_COPIES} ORDER BY copies.id`),
    copiesByInfoHash: database.prepare<[string], CopyRow>(
      `${SELECT_COPIES} WHERE copies.info_hash = ? ORDER BY copies.id`,
    ),
    copiesByPath: database.prepare<[string], CopyRow>(`${SELECT_COPIES} WHERE copies.root_path = ? ORDER BY copies.id`),
    copyByPath: database.prepare<[string, string], CopyRow>(
      `${SELECT_COPIES} WHERE copies.info_hash = ? AND copies.root_path = ?`,
    ),
  };
}

function pieceStatements(database: SqliteDatabase) {
  return {
    pieceCount: database.prepare<[number], { readonly piece_count: number }>(
      'SELECT piece_count FROM copies JOIN torrents USING (info_hash) WHERE copies.id = ?',
    ),
    span: database.prepare<[number, number], SpanRow>('SELECT * FROM piece_states WHERE copy_id = ? AND span = ?'),
    // Of each span only the bytes that hold pieces: most torrents are far smaller than a span.
    allVerified: database
      .prepare<[], [copyId: number, pieceCount: number, span: number, verified: Uint8Array]>(
        `SELECT copies.id, piece_count, span,
           substr(verified, 1, min(${SPAN_PIECES}, piece_count - span * ${SPAN_PIECES}) / 8 + 1)
         FROM piece_states JOIN copies ON copies.id = copy_id JOIN torrents USING (info_hash)`,
      )
      .raw(),
    spans: database.prepare<[number], SpanRow>('SELECT * FROM piece_states WHERE copy_id = ?'),
    putSpan: database.prepare<[number, number, Uint8Array, Uint8Array, Uint8Array]>(
      'INSERT OR REPLACE INTO piece_states (copy_id, span, intents, verified, durable) VALUES (?, ?, ?, ?, ?)',
    ),
  };
}

function fileStatements(database: SqliteDatabase) {
  return {
    putFile: database.prepare<[number, number, number, bigint, bigint, bigint]>(`
      INSERT OR REPLACE INTO copy_files (copy_id, file_index, size, mtime_ns, ctime_ns, inode)
      VALUES (?, ?, ?, ?, ?, ?)`),
    // Safe integers: nanoseconds since 1970 are past 2^53.
    files: database
      .prepare<[number], FileRow>('SELECT * FROM copy_files WHERE copy_id = ? ORDER BY file_index')
      .safeIntegers(),
  };
}

function trackerStatements(database: SqliteDatabase) {
  return {
    addTracker: database.prepare<[number, number, number, string]>(
      'INSERT INTO copy_trackers (copy_id, tier, position, url) VALUES (?, ?, ?, ?)',
    ),
    removeTrackers: database.prepare<[number]>('DELETE FROM copy_trackers WHERE copy_id = ?'),
    trackers: database.prepare<[number], { readonly tier: number; readonly url: string }>(
      'SELECT tier, url FROM copy_trackers WHERE copy_id = ? ORDER BY tier, position',
    ),
  };
}
