/** A disk that fills while a download runs and is made larger, and folders that nobody may write into. */
import { expect } from 'chai';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { aMetainfo } from '../helpers/a-torrent.js';
import { skipUnless } from '../helpers/external-tool.js';
import { readStoredCopy } from '../helpers/stored-copies.js';
import { useSwarm } from '../helpers/swarm-fixture.js';
import { testBytes } from '../helpers/test-bytes.js';
import { WatchedSeeders, writeTorrent } from '../helpers/watched-seeders.js';
import { giveAway, withoutRights } from '../helpers/without-rights.js';

const KIB = 1024;
const MIB = 1024 * KIB;

describe('A disk that is made larger', function () {
  this.timeout(60_000);
  const swarm = useSwarm();
  const data = testBytes(3 * MIB, 26);
  const metainfo = aMetainfo({ name: 'grows.bin', content: data, pieceLengthBytes: 64 * KIB });
  let small = '';
  let seeder: WatchedSeeders;

  before(async function () {
    skipUnless(this, process.platform === 'linux' && process.getuid?.() === 0, 'root on Linux');
    small = swarm.folder('small');
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', small]).status === 0;
    if (mounted) swarm.onClose(() => void spawnSync('umount', ['-l', small]));
    skipUnless(this, mounted, 'the right to mount');
    const { url: trackerUrl } = await swarm.startTracker();
    seeder = new WatchedSeeders({ metainfo, data }, { count: 2, rateBytesPerSec: MIB, trackerUrl });
    swarm.onClose(() => seeder.close());
    await seeder.listen();
  });

  it('is told how much is missing, and the same command goes on without fetching anything twice', async () => {
    const target = writeTorrent(join(swarm.folder(), 'grows.torrent'), metainfo, swarm.tracker.url);
    const place = { outputDir: join(small, 'output'), stateDir: swarm.folder('state') };
    await seeder.beginRun();
    const first = swarm.download(target, [], place);
    await seeder.until(() => seeder.haves.size > 2);
    spawnSync('dd', ['if=/dev/zero', `of=${join(small, 'hog')}`, 'bs=64k'], { stdio: 'ignore' });

    const error = await first.process.failure();

    expect(error).to.include({ code: 'P2P_DISK_FULL', exitCode: 7 });
    const { ownership } = readStoredCopy(place.stateDir);
    const { missingBytes, leftBytes, freeBytes } = error.details as Record<string, number>;
    expect(leftBytes).to.equal(data.length - ownership.verified.count() * 64 * KIB);
    expect(missingBytes).to.equal(Number(leftBytes) - Number(freeBytes));
    expect(error.message).to.match(/make room for [\d.]+ [KM]iB more, then the same command goes on/);
    expect(existsSync(first.path('grows.bin'))).to.equal(false);

    expect(spawnSync('mount', ['-o', 'remount,size=16m', small]).status).to.equal(0);
    await seeder.beginRun();
    const second = swarm.download(target, [], place);
    const summary = await second.completed();

    expect(readFileSync(second.path('grows.bin')).equals(data)).to.equal(true);
    expect([...seeder.requested].filter((index) => ownership.verified.has(index))).to.deep.equal([]);
    expect(summary.downTotalBytes).to.equal(leftBytes);
    const [resumed] = second.process.all('resumed');
    expect(resumed?.trustedPieces).to.equal(ownership.verified.count());
    expect(resumed?.hashedPieces).to.be.at.most(ownership.intents.count());
  });
});

describe('A folder that may not be written', function () {
  this.timeout(60_000);
  const swarm = useSwarm();
  const data = testBytes(200_000, 27);
  let wrapper: readonly string[] = [];

  before(async function () {
    const found = withoutRights();
    skipUnless(this, found !== undefined, 'setpriv, or what "nobody" may read');
    wrapper = found ?? [];
    chmodSync(swarm.root, 0o755);
    await swarm.startTracker();
    await swarm.seed(swarm.file('closed.bin', data), ['--piece-length', '16K']);
  });

  it('ends a download before anything is fetched, and the same command goes on when it is opened', async () => {
    const place = aPlace();
    chmodSync(place.outputDir, 0o555);

    const error = await swarm.download('closed.bin', [], place).process.failure();

    expect(error).to.include({ code: 'P2P_DISK_FAILED', exitCode: 7 });
    expect(error.message).to.include(place.outputDir);
    chmodSync(place.outputDir, 0o755);
    await expectWhole(place);
  });

  it('ends a download whose .part may not be read, and the same command goes on when it may', async () => {
    const place = aPlace();
    const partial = swarm.download('closed.bin', ['--download-limit', '50K'], place);
    await partial.process.until('progress', ({ verifiedPieces }) => verifiedPieces > 0);
    await partial.process.stop();
    const part = partial.path('closed.bin.part');
    chmodSync(part, 0o000);

    const error = await swarm.download('closed.bin', [], place).process.failure();

    expect(error).to.include({ code: 'P2P_DISK_FAILED', exitCode: 7 });
    expect(error.message).to.include(part);
    chmodSync(part, 0o644);
    expect(await expectWhole(place), 'fetched the second time').to.be.below(data.length);
  });

  it('ends a command whose state folder it is, and says which', async () => {
    const place = { ...aPlace(), stateDir: swarm.folder('closed-state') };
    chmodSync(place.stateDir, 0o555);

    const error = await swarm.download('closed.bin', [], place).process.failure();

    expect(error).to.include({ code: 'P2P_STATE_UNUSABLE', exitCode: 7 });
    expect(error.message).to.include(place.stateDir).and.include('--state');
  });

  /** Folders of somebody without rights, who has a home as well. */
  function aPlace() {
    const [cwd, stateDir, outputDir] = ['cwd', 'state', 'output'].map((name) => giveAway(swarm.folder(name)));
    if (!cwd || !stateDir || !outputDir) throw new Error('no folders');
    return { wrapper, cwd, stateDir, outputDir, env: { HOME: cwd } };
  }

  /** @returns bytes that were fetched */
  async function expectWhole(place: ReturnType<typeof aPlace>): Promise<number> {
    const download = swarm.download('closed.bin', [], place);
    const { downTotalBytes } = await download.completed();
    expect(readFileSync(download.path('closed.bin')).equals(data)).to.equal(true);
    return downTotalBytes;
  }
});
