/** A state database into which another process writes just when a transfer starts. */
import { expect } from 'chai';
import path from 'node:path';
import { openSqlite, type SqliteDatabase } from '../../src/database/sqlite.js';
import { openStateDatabase } from '../../src/store/database.js';
import { testBytes } from '../helpers/test-bytes.js';
import { useEngines, type TestEngine } from './engine-fixture.js';

describe('engine: a state database that is being written', () => {
  const engines = useEngines();
  const content = testBytes(100_000, 41);

  /** Another process that has begun to write and goes on. */
  function busyWriter(stateDir: string): SqliteDatabase {
    openStateDatabase(stateDir).close();
    const writer = openSqlite(path.join(stateDir, 'p2p.db'), 1_000);
    writer.exec('BEGIN IMMEDIATE');
    return writer;
  }

  /** From the event that it listens to the first attempt to write nothing is waited for, and that one holds the thread. */
  async function untilItTried(engine: TestEngine): Promise<void> {
    await engine.until('listening');
    await new Promise(setImmediate);
  }

  it('is waited for when a download starts', async () => {
    await engines.tracker();
    await (await engines.engine()).seed(await engines.file('story.bin', content));
    const engine = await engines.engine();
    const writer = busyWriter(engine.stateDir);

    const downloading = engine.download('story.bin', await engines.folder('output'));
    await untilItTried(engine);
    writer.close();

    expect((await (await downloading).finished).state).to.equal('complete');
  });

  it('is waited for when a seed starts', async () => {
    await engines.tracker();
    const rootPath = await engines.file('story.bin', content);
    const first = await engines.engine();
    const { infoHash } = (await first.seed(rootPath)).transfer.metainfo;
    await first.close();
    const engine = await engines.engine({ stateDir: first.stateDir });
    const writer = busyWriter(first.stateDir);

    const seeding = engine.api.resume({ infoHash, rootPath, trackers: [] });
    await untilItTried(engine);
    writer.close();

    expect((await seeding).snapshot().state).to.equal('seeding');
  });

  it('is not waited for by an engine that is closed', async () => {
    await engines.tracker();
    await (await engines.engine()).seed(await engines.file('story.bin', content));
    const engine = await engines.engine();
    const writer = busyWriter(engine.stateDir);
    const outcome = engine.download('story.bin', await engines.folder('output')).catch((error: unknown) => error);
    await untilItTried(engine);

    await engine.close();
    writer.close();

    expect(await outcome).to.include({ code: 'P2P_ENGINE_CLOSED' });
  });
});
