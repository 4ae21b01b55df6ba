import type Database from 'better-sqlite3';
import { expect } from 'chai';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDatabase } from '../../src/database/open-database.js';
import { StorageError } from '../../src/errors.js';

const MIGRATIONS = ['CREATE TABLE notes (text TEXT NOT NULL) STRICT', 'ALTER TABLE notes ADD COLUMN at INTEGER'];

describe('openDatabase', () => {
  let folder: string;
  let path: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'p2p-database-'));
    path = join(folder, 'deeper', 'notes.db');
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  function open(migrations = MIGRATIONS, notes: string[] = []): Database.Database {
    return openDatabase({ path, migrations, onTorn: (asidePath) => notes.push(asidePath) });
  }

  function errorOf(action: () => unknown): unknown {
    try {
      action();
      return undefined;
    } catch (error) {
      return error;
    }
  }

  it('makes folder and file, with the newest schema', () => {
    const database = open();
    database.prepare('INSERT INTO notes VALUES (?, ?)').run('a', 1);

    expect(database.pragma('user_version', { simple: true })).to.equal(2);
    expect(database.pragma('journal_mode', { simple: true })).to.equal('wal');
    database.close();
  });

  it('brings an older schema forward and keeps what is in it', () => {
    const older = open(MIGRATIONS.slice(0, 1));
    older.prepare('INSERT INTO notes VALUES (?)').run('kept');
    older.close();

    const database = open();

    expect(database.prepare('SELECT * FROM notes').all()).to.deep.equal([{ text: 'kept', at: null }]);
    database.close();
  });

  it('changes nothing when a migration fails', () => {
    open(MIGRATIONS.slice(0, 1)).close();

    expect(() => open([MIGRATIONS[0] ?? '', 'CREATE TABLE other (a)', 'NONSENSE'])).to.throw(/NONSENSE/);

    const database = open(MIGRATIONS.slice(0, 1));
    expect(database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").pluck().all()).to.deep.equal([
      'notes',
    ]);
    database.close();
  });

  it('refuses a newer schema and leaves it alone', () => {
    open([...MIGRATIONS, 'CREATE TABLE later (a)']).close();
    const before = readFileSync(path);

    const error = errorOf(() => open());

    expect(error).to.be.instanceOf(StorageError).and.include({ code: 'P2P_STATE_NEWER' });
    expect(readFileSync(path).equals(before)).to.equal(true);
  });

  it('sets a file aside that is no database, and says so', () => {
    mkdirSync(join(folder, 'deeper'));
    writeFileSync(path, 'this is no database at all, but it is long enough to be looked at'.repeat(100));
    const notes: string[] = [];

    const database = open(MIGRATIONS, notes);

    expect(database.prepare('SELECT count(*) FROM notes').pluck().get()).to.equal(0);
    expect(notes).to.have.lengthOf(1);
    expect(readdirSync(join(folder, 'deeper')).filter((name) => name.startsWith('notes.db.torn-'))).to.have.lengthOf(1);
    database.close();
  });

  it('sets a torn database aside', () => {
    const whole = open();
    const insert = whole.prepare('INSERT INTO notes VALUES (?, ?)');
    for (let row = 0; row < 500; row += 1) insert.run('x'.repeat(200), row);
    whole.pragma('wal_checkpoint(TRUNCATE)');
    whole.close();
    const bytes = readFileSync(path);
    writeFileSync(path, bytes.fill(0xaa, 8_192, 40_960));
    const notes: string[] = [];

    const database = open(MIGRATIONS, notes);

    expect(notes).to.have.lengthOf(1);
    expect(database.prepare('SELECT count(*) FROM notes').pluck().get()).to.equal(0);
    database.close();
  });

  it('says what is wrong with a folder that cannot be used', () => {
    writeFileSync(join(folder, 'deeper'), 'a file where a folder must be');

    expect(errorOf(() => open()))
      .to.be.instanceOf(StorageError)
      .and.include({ code: 'P2P_STATE_UNUSABLE' });
  });

  it('says so when a folder stands where the file must be', () => {
    mkdirSync(path, { recursive: true });

    expect(errorOf(() => open()))
      .to.be.instanceOf(StorageError)
      .and.include({ code: 'P2P_STATE_UNUSABLE' });
  });

  it('may be open twice', () => {
    const first = open();
    const second = open();
    first.prepare('INSERT INTO notes VALUES (?, ?)').run('a', 1);

    expect(second.prepare('SELECT count(*) FROM notes').pluck().get()).to.equal(1);
    first.close();
    second.close();
  });
});
