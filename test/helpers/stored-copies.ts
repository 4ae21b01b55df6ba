/**
 * What a state database holds, read from a copy of its files: a process that is still at work is not disturbed, and the
 * next start after a crash finds everything as the crash left it.
 */
import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CopyStore, type CopyFile, type CopyRecord, type Ownership } from '../../src/store/copy-store.js';
import { openStateDatabase } from '../../src/store/database.js';

/** A copy as it is written down. */
export interface StoredCopy extends CopyRecord {
  readonly ownership: Ownership;
  readonly files: ReadonlyMap<number, CopyFile>;
}

/** All copies of a state folder, oldest first; none when there is no database yet. */
export function readStoredCopies(stateDir: string): StoredCopy[] {
  if (!existsSync(join(stateDir, 'p2p.db'))) return [];
  const folder = mkdtempSync(join(tmpdir(), 'p2p-stored-'));
  try {
    for (const name of ['p2p.db', 'p2p.db-wal']) {
      if (existsSync(join(stateDir, name))) copyFileSync(join(stateDir, name), join(folder, name));
    }
    const database = openStateDatabase(folder);
    try {
      const store = new CopyStore(database);
      return store
        .listCopies()
        .map((copy) => ({ ...copy, ownership: store.ownership(copy.id), files: store.files(copy.id) }));
    } finally {
      database.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The only copy of a state folder. @throws when there are none or several */
export function readStoredCopy(stateDir: string): StoredCopy {
  const [copy, ...others] = readStoredCopies(stateDir);
  if (!copy || others.length > 0) throw new Error(`expected one stored copy, found ${copy ? others.length + 1 : 0}`);
  return copy;
}
