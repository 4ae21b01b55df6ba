import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

import { expect } from 'chai';

import { StorageError } from '../../src/errors.js';
import { CopyStore } from '../../src/store/copy-store.js';
import { checkpointDatabase } from '../../src/database/checkpoint-database.js';
import { openStateDatabase } from '../../src/store/database.js';
import { migrate, readVersion } from '../../src/database/migrate.js';
import { MIGRATIONS } from '../../src/store/migrations.js';
import { isRetryable, openSqlite } from '../../src/database/sqlite.js';
import { aCopyRequest, aTempDir } from './store-fixtures.js';

describe('openStateDatabase', () => {
  let dir: ReturnType<typeof aTempDir>;
  let path: string;
  beforeEach(() => {
    dir = aTempDir();
    path = join(dir.path, 'p2p.db');
  });
  afterEach(() => {
    dir.remove();
  });

  function thrownBy(work: () => unknown): StorageError {
    try {
      work();
    } catch (error) {
      expect(error).to.be.instanceOf(StorageError);
      return error as StorageError;
    }
    throw new Error('nothing was thrown');
  }

  /** A closed database with one copy whose metainfo fills many pages. */
  function fillDatabase(): void {
    const database = openStateDatabase(dir.path);
    new CopyStore(database).openCopy(aCopyRequest({ metainfoBytes: new Uint8Array(100_000).fill(7) }));
    database.close();
  }

  it('creates the folder and a database of the newest version', () => {
    const folder = join(dir.path, 'deep', 'er');
    const database = openStateDatabase(folder);

    expect(readVersion(database)).to.equal(MIGRATIONS.length);
    expect(database.pragma('journal_mode', { simple: true })).to.equal('wal');
    expect(database.pragma('synchronous', { simple: true })).to.equal(1);
    expect(database.pragma('wal_autocheckpoint', { simple: true })).to.equal(0);
    expect(database.pragma('busy_timeout', { simple: true })).to.equal(250);
    expect(database.pragma('foreign_keys', { simple: true })).to.equal(1);
    database.close();
    expect(readdirSync(folder)).to.deep.equal(['p2p.db']);
  });

  it('refuses a database of a newer version, and leaves it as it is', () => {
    const newer = openSqlite(path, 0);
    newer.exec(`CREATE TABLE future (x); PRAGMA user_version = ${MIGRATIONS.length + 1}`);
    newer.close();
    const before = readFileSync(path);

    const error = thrownBy(() => openStateDatabase(dir.path));
    expect(error.code).to.equal('P2P_STATE_NEWER');
    expect(error.message)
      .to.include(`version ${MIGRATIONS.length + 1}`)
      .and.include('--state');
    expect(readFileSync(path).equals(before)).to.equal(true);
  });

  const damages: readonly (readonly [string, () => void])[] = [
    ['without a header', () => writeFileSync(path, 'this is no database, whatever it is called '.repeat(100))],
    ['cut in the middle', () => truncateSync(path, 20_000)],
    ['cut inside its first page', () => truncateSync(path, 1000)],
    ['with a page of zeros', () => overwrite(path, 2 * 4096, Buffer.alloc(4096))],
    ['with a schema that makes no sense', () => overwrite(path, 100, Buffer.alloc(2000, 0x55))],
  ];
  for (const [what, damage] of damages) {
    it(`sets aside a database ${what}, says so, and begins a new one`, () => {
      fillDatabase();
      damage();
      const torn = readFileSync(path);
      const notes: string[] = [];

      const database = openStateDatabase(dir.path, { onNote: (note) => notes.push(note) });
      expect(new CopyStore(database).listCopies()).to.deep.equal([]);
      database.close();
      expect(readFileSync(`${path}.torn-1`).equals(torn)).to.equal(true);
      expect(notes).to.have.length(1);
      expect(notes[0]).to.include('p2p.db.torn-1');
    });
  }

  it('numbers the databases that it sets aside', () => {
    for (const number of [1, 2, 3]) {
      writeFileSync(path, `nonsense ${number} `.repeat(200));
      openStateDatabase(dir.path).close();
      expect(readFileSync(`${path}.torn-${number}`, 'utf8')).to.include(`nonsense ${number}`);
    }
  });

  it('moves the log of a torn database away with it', () => {
    fillDatabase();
    const database = openStateDatabase(dir.path);
    new CopyStore(database).openCopy(aCopyRequest({ rootPath: '/other' }));
    const log = readFileSync(`${path}-wal`);
    database.close();
    writeFileSync(path, 'nonsense'.repeat(600));
    writeFileSync(`${path}-wal`, log);

    const fresh = openStateDatabase(dir.path);
    expect(new CopyStore(fresh).listCopies()).to.deep.equal([]);
    fresh.close();
    expect(readFileSync(`${path}.torn-1-wal`).equals(log)).to.equal(true);
  });

  it('takes an empty file for a new database', () => {
    writeFileSync(path, '');
    openStateDatabase(dir.path).close();

    expect(existsSync(`${path}.torn-1`)).to.equal(false);
  });

  it('says what to do when the folder is a file, or the database a folder', () => {
    writeFileSync(join(dir.path, 'file'), '');
    mkdirSync(join(dir.path, 'state', 'p2p.db'), { recursive: true });

    for (const folder of ['file', 'file/below', 'state']) {
      const error = thrownBy(() => openStateDatabase(join(dir.path, folder)));
      expect(error.code, folder).to.equal('P2P_STATE_UNUSABLE');
      expect(error.message).to.match(/permissions.*--state/);
    }
  });

  it('says what to do when the folder is read-only', function () {
    // The super-user may write everywhere.
    if (process.platform === 'win32' || process.getuid?.() === 0) this.skip();
    chmodSync(dir.path, 0o500);

    const error = thrownBy(() => openStateDatabase(dir.path));
    chmodSync(dir.path, 0o700);
    expect(error.code).to.equal('P2P_STATE_UNUSABLE');
  });

  it('tries for a while, then says what to do when another program keeps the database locked', () => {
    fillDatabase();
    const other = openSqlite(path, 0);
    other.pragma('locking_mode = EXCLUSIVE');
    other.exec('BEGIN EXCLUSIVE');

    const startMs = performance.now();
    const error = thrownBy(() => openStateDatabase(dir.path, { patienceMs: 400 }));
    expect(performance.now() - startMs).to.be.at.least(400);
    other.close();
    expect(error.code).to.equal('P2P_STATE_UNUSABLE');
    expect(error.message).to.include('another program keeps it locked');
    expect(isRetryable(error)).to.equal(true);
  });

  it('opens while another process is writing', () => {
    fillDatabase();
    const other = openSqlite(path, 0);
    other.exec('BEGIN IMMEDIATE');

    const database = openStateDatabase(dir.path, { patienceMs: 0 });
    expect(new CopyStore(database).listCopies()).to.have.length(1);
    database.close();
    other.close();
  });

  it('keeps its log from growing when checkpoints move it', () => {
    const database = openStateDatabase(dir.path);
    const store = new CopyStore(database);
    const sizes = ['a', 'b', 'c'].map((name) => {
      store.openCopy(
        aCopyRequest({ rootPath: `/${name}`, metainfoBytes: new Uint8Array(100_000).fill(name.charCodeAt(0)) }),
      );
      const { size } = statSync(`${path}-wal`);
      checkpointDatabase(path);
      return size;
    });

    expect(sizes[0]).to.be.greaterThan(100_000);
    expect(sizes[2]).to.be.at.most(sizes[0] ?? 0);
    expect(statSync(`${path}-wal`).size, 'a log that is moved is cut off').to.equal(0);
    expect(store.listCopies()).to.have.length(3);
    database.close();
  });
});

describe('migrate', () => {
  it('runs the steps that are missing, in order, once each', () => {
    const database = openSqlite(':memory:', 0);
    const steps = ['CREATE TABLE a (x)', 'ALTER TABLE a ADD COLUMN y', 'INSERT INTO a VALUES (1, 2)'];

    migrate(database, steps.slice(0, 1));
    migrate(database, steps);
    migrate(database, steps);
    expect(readVersion(database)).to.equal(3);
    expect(database.prepare('SELECT * FROM a').all()).to.deep.equal([{ x: 1, y: 2 }]);
    database.close();
  });

  it('changes nothing when a step fails', () => {
    const database = openSqlite(':memory:', 0);

    expect(() => migrate(database, ['CREATE TABLE a (x)', 'nonsense'])).to.throw(/syntax/);
    expect(readVersion(database)).to.equal(0);
    expect(database.prepare('SELECT count(*) AS n FROM sqlite_schema').get()).to.deep.equal({ n: 0 });
    database.close();
  });
});

function overwrite(path: string, offset: number, bytes: Uint8Array): void {
  const content = readFileSync(path);
  content.set(bytes, offset);
  writeFileSync(path, content);
}
