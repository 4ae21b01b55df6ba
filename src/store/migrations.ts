/**
 * The tables of the state database, as steps from one version to the next. Append only: a released step never changes,
 * since it has run on the machines of users.
 */
const COPIES = `
  CREATE TABLE torrents (
    info_hash TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    total_bytes INTEGER NOT NULL,
    piece_count INTEGER NOT NULL,
    added_at_ms INTEGER NOT NULL,
    metainfo BLOB NOT NULL
  ) STRICT;

  CREATE TABLE copies (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    info_hash TEXT NOT NULL REFERENCES torrents(info_hash),
    root_path TEXT NOT NULL,
    role TEXT NOT NULL,
    state TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    updated_at_ms INTEGER NOT NULL,
    down_total_bytes INTEGER NOT NULL DEFAULT 0,
    up_total_bytes INTEGER NOT NULL DEFAULT 0,
    stopped_cleanly INTEGER NOT NULL DEFAULT 0,
    UNIQUE (info_hash, root_path)
  ) STRICT;

  -- Bitmaps of 4096 pieces each, the high bit of the first byte first, as on the wire.
  CREATE TABLE piece_states (
    copy_id INTEGER NOT NULL REFERENCES copies(id) ON DELETE CASCADE,
    span INTEGER NOT NULL,
    intents BLOB NOT NULL,
    verified BLOB NOT NULL,
    durable BLOB NOT NULL,
    PRIMARY KEY (copy_id, span)
  ) STRICT, WITHOUT ROWID;

  -- How the files looked when their pieces were last known to be right; inode and times as signed 64 bits.
  CREATE TABLE copy_files (
    copy_id INTEGER NOT NULL REFERENCES copies(id) ON DELETE CASCADE,
    file_index INTEGER NOT NULL,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    ctime_ns INTEGER NOT NULL,
    inode INTEGER NOT NULL,
    PRIMARY KEY (copy_id, file_index)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE copy_trackers (
    copy_id INTEGER NOT NULL REFERENCES copies(id) ON DELETE CASCADE,
    tier INTEGER NOT NULL,
    position INTEGER NOT NULL,
    url TEXT NOT NULL,
    PRIMARY KEY (copy_id, tier, position)
  ) STRICT, WITHOUT ROWID;
`;

/** Who works on which copy at the moment, for `p2p status`, and how the last run ended. */
const RUNS = `
  ALTER TABLE copies ADD COLUMN last_error TEXT;
  -- NULL for torrents that were stored before, until they are used again.
  ALTER TABLE torrents ADD COLUMN piece_length INTEGER;
  CREATE INDEX copies_by_path ON copies(root_path);

  -- A process that was not ended in order leaves its row; its lock file tells that it is gone.
  CREATE TABLE processes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    pid INTEGER NOT NULL,
    lock_name TEXT NOT NULL UNIQUE,
    started_at_ms INTEGER NOT NULL
  ) STRICT;

  -- The snapshot is JSON, made by the process once a second while something changes.
  CREATE TABLE runs (
    copy_id INTEGER NOT NULL REFERENCES copies(id) ON DELETE CASCADE,
    process_id INTEGER NOT NULL REFERENCES processes(id) ON DELETE CASCADE,
    updated_at_ms INTEGER NOT NULL,
    snapshot TEXT NOT NULL,
    PRIMARY KEY (copy_id, process_id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX runs_by_process ON runs(process_id);
`;

/** Which files a download fetches: a bit a file, the high bit of the first byte first. NULL: the torrent as one thing. */
const CHOSEN_FILES = 'ALTER TABLE copies ADD COLUMN chosen_files BLOB;';

/** Step n leads from version n to n + 1; the version is SQLite's `user_version`. */
export const MIGRATIONS: readonly string[] = [COPIES, RUNS, CHOSEN_FILES];
