/** Several processes that share one state folder: they start together, keep out of one another's way, and are killed. */
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { sum } from '../helpers/sent-bytes.js';
import { useSwarm, type RunningSeed } from '../helpers/swarm-fixture.js';
import { testBytes } from '../helpers/test-bytes.js';

const KIB = 1024;
const MIB = 1024 * KIB;

describe('One state folder', function () {
  this.timeout(60_000);
  const swarm = useSwarm();

  before(() => swarm.startTracker());

  it('serves six processes that start at once and find it empty', async () => {
    const names = ['one.bin', 'two.bin', 'three.bin', 'four.bin'];
    const contents = names.map((_, at) => testBytes(200_000, 280 + at));
    await swarm.seed(names.map((name, at) => swarm.file(name, contents[at] ?? '')));
    const stateDir = swarm.folder('empty');
    const others = [swarm.file('five.bin', testBytes(100_000, 1)), swarm.file('six.bin', testBytes(100_000, 2))];

    const seeding = others.map((path) => swarm.seed(path, [], { stateDir }));
    const downloads = names.map((name) => swarm.download(name, [], { stateDir }));
    await Promise.all([...seeding, ...downloads.map((each) => each.completed())]);

    for (const [at, download] of downloads.entries()) {
      expect(readFileSync(download.path(names[at] ?? '')).equals(contents[at] ?? Buffer.alloc(0))).to.equal(true);
    }
    for (const { process } of await Promise.all(seeding)) {
      expect(await process.stop()).to.deep.equal({ code: 0, signal: null });
    }
  });

  it('gives a copy to one download at a time, and says which process has it', async () => {
    const seed = await swarm.seed(swarm.file('mine.bin', testBytes(MIB, 3)), ['--upload-limit', '100K']);
    const place = { stateDir: swarm.folder('state'), outputDir: swarm.folder('output') };
    const first = swarm.download('mine.bin', [], place);
    await first.process.until('progress', ({ verifiedPieces }) => verifiedPieces > 0);

    const error = await swarm.download('mine.bin', [], place).process.failure();

    expect(error).to.include({ code: 'P2P_COPY_IN_USE', exitCode: 7 });
    expect(error.details['pid']).to.equal(first.process.pid);
    expect(error.message).to.include(`process ${first.process.pid}`);
    expect(first.process.isRunning, 'the first one goes on').to.equal(true);
    await first.process.stop();
    await seed.process.stop();
  });

  it('holds a whole swarm of one file, also after all of it was killed', async () => {
    const data = testBytes(4 * MIB, 4);
    const path = swarm.file('ours.bin', data);
    const stateDir = swarm.folder('state');
    const outputDir = swarm.folder('output');
    const flags = ['--piece-length', '64K', '--upload-limit', '700K'];
    const begin = async (): Promise<RunningSeed[]> => {
      const masks = [
        ['--missing', '0-19'],
        ['--missing', '20-39'],
        ['--missing', '40-63'],
      ];
      return Promise.all(masks.map((mask) => swarm.seed(path, [...flags, ...mask], { stateDir })));
    };
    const seeds = await begin();
    const killed = swarm.download('ours.bin', [], { stateDir, outputDir });
    await killed.process.until('progress', ({ verifiedBytes }) => verifiedBytes > MIB);
    await Promise.all([killed.process, ...seeds.map(({ process }) => process)].map((each) => each.kill()));

    const again = await begin();
    const download = swarm.download('ours.bin', [], { stateDir, outputDir });
    const summary = await download.completed();

    expect(readFileSync(download.path('ours.bin')).equals(data)).to.equal(true);
    expect(summary.downTotalBytes, 'fetched the second time').to.be.at.most(3.5 * MIB);
    for (const { process } of again) {
      expect(process.all('resumed')[0], 'each seeder').to.include({ hashedPieces: 0, ownedPieces: 64 });
    }
    const offered = sum(again.map(({ only }) => only.offeredPieces));
    expect(offered, 'masks are those of a run').to.equal(3 * 64 - 64);
  });
});
