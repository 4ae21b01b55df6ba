import { expect } from 'chai';
import { open, readFile } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { testBytes } from '../helpers/test-bytes.js';
import {
  aSilentTracker,
  rejection,
  storedCopies,
  untilSnapshot,
  useEngines,
  type TestEngine,
} from './engine-fixture.js';

describe('engine: closing', () => {
  const engines = useEngines();

  /** A file of zeros that takes several tasks to hash. */
  async function aLargeFile(): Promise<string> {
    const file = await engines.file('large.bin', '');
    const handle = await open(file, 'r+');
    await handle.truncate(80 * 1_048_576);
    await handle.close();
    return file;
  }

  it('breaks off what is being hashed', async () => {
    const engine = await engines.engine();
    const creating = engine.api.create({ path: await aLargeFile(), trackers: [] }, () => void engine.close());
    const seeding = engine.api.seed({ path: await aLargeFile(), trackers: ['http://127.0.0.1:1/announce'] });

    await Promise.all([rejection('P2P_ENGINE_CLOSED', creating), rejection('P2P_ENGINE_CLOSED', seeding)]);

    await engine.close();
    expect(engine.api.transfers).to.deep.equal([]);
  });

  it('breaks off a look-up at a tracker that does not answer', async () => {
    const tracker = await aSilentTracker(engines);
    const engine = await engines.engine();
    const calls = [
      engine.api.download({ target: 'story.bin', outputDir: await engines.folder(), trackers: [tracker.url] }),
      engine.api.resolve({ target: 'ab'.repeat(20), trackers: [tracker.url] }),
      engine.api.catalogue([tracker.url]),
      engine.api.seed({ path: await engines.file('story.bin', 'x'), trackers: [tracker.url] }),
    ];
    await tracker.asked;

    let endedCount = 0;
    for (const call of calls) call.catch(() => (endedCount += 1));
    await engine.close();
    // What is chained to an answer runs in the same turn, but not before what is chained to close().
    await new Promise((resolve) => setImmediate(resolve));

    expect(endedCount, 'calls that were answered when close() was').to.equal(calls.length);
    for (const call of calls) await rejection('P2P_ENGINE_CLOSED', call);
  });

  it('breaks off publishing, and leaves no seed behind', async () => {
    let asked: (response: ServerResponse) => void = () => {};
    const publishing = new Promise<ServerResponse>((resolve) => (asked = resolve));
    const server = createServer((request, response) => {
      if (request.method === 'PUT') asked(response);
      else response.end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    engines.onClose(async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });
    const engine = await engines.engine();
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/announce`;
    const seeding = rejection(
      'P2P_ENGINE_CLOSED',
      engine.api.seed({ path: await engines.file('story.bin', 'x'), trackers: [url] }),
    );

    await publishing;
    await engine.close();
    await seeding;

    expect(engine.api.transfers).to.deep.equal([]);
  });

  it('answers nothing afterwards', async () => {
    const engine = await engines.engine();
    const file = await engines.file('story.bin', 'x');
    await engine.close();

    await rejection('P2P_ENGINE_CLOSED', engine.api.seed({ path: file, trackers: [] }));
    await rejection('P2P_ENGINE_CLOSED', engine.api.create({ path: file, trackers: [] }));
    await rejection('P2P_ENGINE_CLOSED', engine.api.catalogue([]));
    await rejection('P2P_ENGINE_CLOSED', engine.api.verify({ target: file, trackers: [] }, file));
  });

  it('is done once for all who ask', async () => {
    const engine = await engines.engine();
    await engine.api.create({ path: await engines.file('story.bin', 'x'), trackers: [] });

    const first = engine.close();

    expect(engine.close()).to.equal(first);
    await first;
  });

  describe('in the middle of a download', () => {
    const pieceLengthBytes = 16_384;
    const bytes = testBytes(40 * pieceLengthBytes, 7);
    let seeder: TestEngine;

    beforeEach(async () => {
      await engines.tracker();
      seeder = await engines.engine();
      const seedFile = await engines.file('story.bin', bytes);
      await seeder.seed(seedFile, { pieceLengthBytes, mask: { to: 0.5 } });
    });

    it('keeps what is there, written down as durable, and the next engine fetches the rest alone', async () => {
      const stateDir = await engines.folder('state');
      const outputDir = await engines.folder('output');
      const first = await engines.engine({ stateDir });
      const transfer = await first.download('story.bin', outputDir);
      await untilSnapshot(transfer, ({ swarm }) => swarm.verifiedPieces === 20);

      await first.close();

      expect((await transfer.finished).state).to.equal('stopped');
      const [copy] = storedCopies(stateDir);
      expect(copy).to.include({ state: 'stopped', stoppedCleanly: true });
      expect(copy?.ownership.durable.count()).to.equal(20);
      expect(copy?.ownership.intents.isEmpty()).to.equal(true);

      const whole = await engines.engine();
      await whole.seed(await engines.file('story.bin', bytes));
      const second = await engines.engine({ stateDir });
      const resumed = await second.download('story.bin', outputDir);
      expect(resumed.snapshot().swarm.verifiedPieces).to.be.at.least(20);
      const { state, snapshot } = await resumed.finished;

      expect(state).to.equal('complete');
      expect(snapshot.swarm.downTotalBytes).to.equal(20 * pieceLengthBytes);
      expect(await readFile(path.join(outputDir, 'story.bin'))).to.deep.equal(bytes);
      expect(second.copies()[0]?.ownership.durable.isFull()).to.equal(true);
    });

    it('says goodbye to the tracker', async () => {
      const leecher = await engines.engine();
      const outputDir = await engines.folder('output');
      const transfer = await leecher.download('story.bin', outputDir);
      await leecher.until('announced');
      const leechers = async (): Promise<number | undefined> =>
        (await leecher.api.catalogue(engines.trackerUrls))[0]?.leechers;
      // The seeder of a half counts as one too.
      expect(await leechers()).to.equal(2);

      await leecher.close();

      expect((await transfer.finished).state).to.equal('stopped');
      expect((await seeder.api.catalogue(engines.trackerUrls))[0]?.leechers).to.equal(1);
    });
  });
});
