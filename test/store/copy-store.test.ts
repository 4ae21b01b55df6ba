import { join } from 'node:path';

import { expect } from 'chai';

import { StorageError } from '../../src/errors.js';
import { CopyStore } from '../../src/store/copy-store.js';
import { openMemoryDatabase, openStateDatabase } from '../../src/store/database.js';
import { isRetryable, openSqlite } from '../../src/database/sqlite.js';
import { describeCopyStore } from '../compliance/copy-store.js';
import { aCopyRequest, aTempDir, anInfoHash } from './store-fixtures.js';

describe('copy stores', () => {
  let dir: ReturnType<typeof aTempDir>;
  beforeEach(() => {
    dir = aTempDir();
  });
  afterEach(() => {
    dir.remove();
  });

  describeCopyStore('memory', openMemoryDatabase);
  describeCopyStore(
    'a file',
    () => openStateDatabase(dir.path),
    (database) => {
      database.close();
      return openStateDatabase(dir.path);
    },
  );
  describeCopyStore(
    'a file that another process had open when it was killed',
    () => openStateDatabase(dir.path),
    // What lies in the log only is found by a second connection as by the next process.
    (database) => {
      const next = openStateDatabase(dir.path);
      database.close();
      return next;
    },
  );

  it('says that the call may be tried again when another process is writing', () => {
    const database = openStateDatabase(dir.path);
    const store = new CopyStore(database);
    const { id } = store.openCopy(aCopyRequest());
    const other = openSqlite(join(dir.path, 'p2p.db'), 0);
    other.exec('BEGIN IMMEDIATE');

    let thrown: unknown;
    try {
      store.recordPieces(id, { verified: [1] });
    } catch (error) {
      thrown = error;
    }
    expect(thrown).to.be.instanceOf(StorageError).with.property('code', 'P2P_STATE_UNUSABLE');
    expect(isRetryable(thrown)).to.equal(true);
    expect(store.ownership(id).verified.isEmpty()).to.equal(true);

    other.exec('ROLLBACK');
    store.recordPieces(id, { verified: [1] });
    expect(store.ownership(id).verified.has(1)).to.equal(true);
    other.close();
    database.close();
  });

  it('says that the disk is full, and keeps what it had', () => {
    const database = openStateDatabase(dir.path);
    const store = new CopyStore(database);
    const { id } = store.openCopy(aCopyRequest());
    // The same error as a full disk gives, without one.
    const pages = database.pragma('page_count', { simple: true }) as number;
    database.pragma(`max_page_count = ${pages}`);

    expect(() =>
      store.openCopy(
        aCopyRequest({ rootPath: '/2', infoHash: anInfoHash('b'), metainfoBytes: new Uint8Array(50_000) }),
      ),
    )
      .to.throw(StorageError, /disk is full/)
      .with.property('code', 'P2P_DISK_FULL');
    expect(store.listCopies().map((copy) => copy.id)).to.deep.equal([id]);
    database.close();
  });
});
