import { expect } from 'chai';
import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import { testBytes } from '../helpers/test-bytes.js';
import { useEngines } from './engine-fixture.js';

describe('engine: one file from end to end', () => {
  const engines = useEngines();

  it('fetches by name, writes down that all is durable, and leaves nothing but the file', async () => {
    await engines.tracker();
    const bytes = testBytes(100_000, 1);
    const seeder = await engines.engine();
    const { transfer: seed, published } = await seeder.seed(await engines.file('story.bin', bytes));
    const outputDir = await engines.folder('output', false);
    const leecher = await engines.engine();

    const transfer = await leecher.download('story.bin', outputDir);
    const { state, error, snapshot } = await transfer.finished;

    expect(error).to.equal(undefined);
    expect(state).to.equal('complete');
    expect(published).to.equal(true);
    expect(await readFile(path.join(outputDir, 'story.bin'))).to.deep.equal(bytes);
    expect(await readdir(outputDir)).to.deep.equal(['story.bin']);
    const [copy, ...others] = leecher.copies();
    expect(others).to.deep.equal([]);
    expect(copy).to.include({
      role: 'download',
      state: 'complete',
      stoppedCleanly: true,
      rootPath: path.join(outputDir, 'story.bin'),
      downTotalBytes: 100_000,
    });
    expect(copy?.ownership.durable.isFull(), 'all durable').to.equal(true);
    expect(copy?.ownership.intents.isEmpty(), 'no intents').to.equal(true);
    expect(snapshot).to.include({ state: 'complete', path: path.join(outputDir, 'story.bin'), etaMs: undefined });
    expect(snapshot.swarm).to.include({ verifiedBytes: 100_000, downTotalBytes: 100_000 });
    expect(seed.snapshot().state).to.equal('seeding');
    expect(leecher.all('downloaded')).to.have.length(1);
    expect(seeder.copies()[0]).to.include({ role: 'seed', state: 'seeding', stoppedCleanly: false });

    await seeder.close();

    expect(seeder.copies()[0]).to.include({ state: 'stopped', stoppedCleanly: true, upTotalBytes: 100_000 });
    expect(await seed.finished).to.deep.include({ state: 'stopped' });
  });
});
