/** Seeders and trackers that are killed in the middle and come back: those who stayed go on, newcomers find everybody. */
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { useSwarm, type DownloadRun, type RunningSeed, type RunningTracker } from '../helpers/swarm-fixture.js';
import { testBytes } from '../helpers/test-bytes.js';

const KIB = 1024;
const MIB = 1024 * KIB;
const PIECE_LENGTH = 32 * KIB;
const FLAGS = ['--piece-length', String(PIECE_LENGTH), '--upload-limit', '1M'];
/** What one kill may cost: blocks of pieces that were on their way. */
const IN_FLIGHT = MIB;

describe('Peers and trackers that are killed and come back', function () {
  this.timeout(60_000);
  const swarm = useSwarm('each');
  const data = testBytes(3 * MIB, 25);
  let tracker: RunningTracker;
  let trackerHome: { readonly cwd: string; readonly stateDir: string };
  let seed: RunningSeed;
  let path: string;
  const seedHome = { stateDir: '' };

  beforeEach(async () => {
    trackerHome = { cwd: swarm.folder('tracker'), stateDir: swarm.folder('state') };
    tracker = await swarm.startTracker([], trackerHome);
    path = swarm.file('late.bin', data);
    seedHome.stateDir = swarm.folder('state');
    seed = await swarm.seed(path, FLAGS, seedHome);
  });

  it('goes on when the seeder is back, and fetches only what was on its way once more', async () => {
    const download = await half();

    await seed.process.kill();
    await swarm.seed(path, FLAGS, seedHome);

    await expectWhole(download);
  });

  it('goes on without the tracker, and is found by a newcomer when the tracker is back', async () => {
    const download = await half(['--seed']);

    await tracker.process.kill();
    await download.process.next('downloaded');
    await seed.process.kill();
    await restartTracker();
    const newcomer = swarm.download('late.bin');

    await expectWhole(newcomer);
    expect(await download.process.stop()).to.deep.equal({ code: 0, signal: null });
    expect(readFileSync(download.path('late.bin')).equals(data)).to.equal(true);
  });

  it('goes on when both were gone and both are back', async () => {
    const download = await half();

    await Promise.all([tracker.process.kill(), seed.process.kill()]);
    await restartTracker();
    // Where it was before: the download tries there by itself, long before its next announce.
    await swarm.seed(path, FLAGS, { ...seedHome, port: seed.port });

    await expectWhole(download);
  });

  /** A download that has a third of the file. */
  async function half(flags: readonly string[] = []): Promise<DownloadRun> {
    const download = swarm.download('late.bin', flags);
    await download.process.until('progress', ({ verifiedBytes }) => verifiedBytes >= MIB);
    return download;
  }

  /** At the address that it had. */
  async function restartTracker(): Promise<void> {
    const process = swarm.start(['tracker', 'start', '--port', String(tracker.port)], {
      ...{ name: 'tracker again', ...trackerHome },
    });
    await process.next('listening');
  }

  async function expectWhole(download: DownloadRun): Promise<void> {
    const summary = await download.completed();
    expect(readFileSync(download.path('late.bin')).equals(data)).to.equal(true);
    expect(summary.refusedPieces).to.equal(0);
    expect(summary.downTotalBytes, 'fetched in all').to.be.at.most(data.length + IN_FLIGHT);
  }
});
