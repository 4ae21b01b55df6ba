/** A state database that cannot be used as it is: what the command line says and does. (The store: test/store/.) */
import { expect } from 'chai';
import { existsSync, readFileSync, readdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openSqlite, type SqliteDatabase } from '../../src/database/sqlite.js';
import { useSwarm, type DownloadRun } from '../helpers/swarm-fixture.js';
import { testBytes } from '../helpers/test-bytes.js';

const KIB = 1024;
const PIECE_LENGTH = 16 * KIB;
const SIZE = 64 * PIECE_LENGTH;
/** Longer than p2p waits for a database, and starts. */
const BOUND_MS = 30_000;

describe('A state database', function () {
  this.timeout(60_000);
  const swarm = useSwarm();
  const data = testBytes(SIZE, 29);
  const open: SqliteDatabase[] = [];
  let place: { readonly outputDir: string; readonly stateDir: string };
  let database: string;
  let first: DownloadRun;

  before(async () => {
    await swarm.startTracker();
    await swarm.seed(swarm.file('state.bin', data), ['--piece-length', '16K', '--missing', '32-63']);
  });

  /** A download that has half of the pieces and was stopped in order. */
  beforeEach(async () => {
    place = { outputDir: swarm.folder('output'), stateDir: swarm.folder('state') };
    database = join(place.stateDir, 'p2p.db');
    first = swarm.download('state.bin', [], place);
    await first.process.until('progress', ({ verifiedPieces }) => verifiedPieces === 32);
    await first.process.stop();
  });
  afterEach(() => {
    for (const each of open.splice(0)) each.close();
  });

  it('of a newer p2p ends every command that needs it, and is left as it is', async () => {
    const newer = openSqlite(database, 1_000);
    newer.exec('PRAGMA user_version = 99');
    newer.close();
    const before = readFileSync(database);
    const commands = [
      swarm.download('state.bin', [], place).process,
      swarm.start(['peer', 'seed', swarm.file('x', 'x'), '--tracker', swarm.tracker.url, '-p', '0'], place),
      swarm.start(['status'], place),
    ];

    for (const command of commands) {
      const error = await command.failure();
      expect(error, command.name).to.include({ code: 'P2P_STATE_NEWER', exitCode: 7 });
      expect(error.message).to.include('99').and.include(database);
    }
    expect(readFileSync(database).equals(before)).to.equal(true);
  });

  const torn = {
    'garbage in its middle': (path: string) => {
      const bytes = readFileSync(path);
      bytes.set(testBytes(8 * KIB, 1), Math.floor(bytes.length / 8 / KIB) * 4 * KIB);
      writeFileSync(path, bytes);
    },
    'its second half cut off': (path: string) => truncateSync(path, Math.floor(readFileSync(path).length / 2)),
    'nothing but garbage': (path: string) => writeFileSync(path, testBytes(20_000, 2)),
  };
  for (const [what, tear] of Object.entries(torn)) {
    it(`with ${what} is set aside, and the download goes on with what its .part holds`, async () => {
      tear(database);
      const whole = await swarm.seed(swarm.file('state.bin', data), ['--piece-length', '16K']);

      const download = swarm.download('state.bin', [], place);
      const summary = await download.completed();

      const notes = download.process.all('note').map(({ message }) => message);
      expect(notes.join('\n')).to.include(`set aside as ${database}.torn-1`);
      expect(existsSync(`${database}.torn-1`)).to.equal(true);
      expect(summary.downTotalBytes, 'fetched').to.equal(SIZE / 2);
      expect(readFileSync(download.path('state.bin')).equals(data)).to.equal(true);
      expect(download.process.all('resumed'), 'the store knew nothing of it').to.deep.equal([]);
      expect(readdirSync(place.stateDir).filter((name) => name.endsWith('.torn-2'))).to.deep.equal([]);
      await whole.process.stop();
    });
  }

  it('that another program keeps locked ends a command in bounded time', async () => {
    const locked = openSqlite(database, 1_000);
    open.push(locked);
    locked.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; PRAGMA user_version = 2');
    const startedAtMs = performance.now();

    const error = await swarm.download('state.bin', [], place).process.failure();

    expect(error).to.include({ code: 'P2P_STATE_UNUSABLE', exitCode: 7 });
    expect(error.message).to.include('locked').and.include(database);
    expect(performance.now() - startedAtMs).to.be.below(BOUND_MS);
  });
});
