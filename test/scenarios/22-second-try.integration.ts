/** What becomes of a download that did not end: what came is kept, and a full disk is told before and while it fills. */
import { expect } from 'chai';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { skipUnless } from '../helpers/external-tool.js';
import { useSwarm } from '../helpers/swarm-fixture.js';
import { testBytes } from '../helpers/test-bytes.js';

const MIB = 1024 * 1024;

describe('A second try', function () {
  this.timeout(60_000);
  const swarm = useSwarm();

  before(() => swarm.startTracker());

  for (const ending of ['SIGINT', 'SIGKILL'] as const) {
    it(`goes on with what came before ${ending}`, async () => {
      const name = `${ending}.bin`;
      const data = testBytes(4 * MIB, 22);
      const flags = ['--piece-length', '64K', '--upload-limit', '1M'];
      await swarm.seed(swarm.file(name, data), flags);
      const place = { outputDir: swarm.folder('output'), stateDir: swarm.folder('state') };
      const first = swarm.download(name, [], place);
      await first.process.until('progress', ({ verifiedBytes }) => verifiedBytes >= 2 * MIB);
      first.process.signal(ending);
      await first.process.exit();

      const second = swarm.download(name, [], place);
      const summary = await second.completed();

      expect(readFileSync(second.path(name)).equals(data)).to.equal(true);
      expect(summary.downTotalBytes, 'fetched the second time').to.be.at.most(2.5 * MIB);
    });
  }

  it('goes on when a byte of what came was changed in between, and fetches that piece again', async () => {
    const data = testBytes(20_000, 23);
    const seed = await swarm.seed(swarm.file('bitrot.bin', data), ['--piece-length', '128', '--missing', '150']);
    const place = { outputDir: swarm.folder('output'), stateDir: swarm.folder('state') };
    const first = swarm.download('bitrot.bin', ['--timeout', '1s'], place);
    expect((await first.process.failure()).exitCode).to.equal(4);
    const part = readFileSync(first.path('bitrot.bin.part'));
    part.writeUInt8(part.readUInt8(1_000) ^ 1, 1_000);
    writeFileSync(first.path('bitrot.bin.part'), part);

    await swarm.seed(swarm.file('bitrot.bin', data), ['--piece-length', '128']);
    const second = swarm.download('bitrot.bin', [], place);
    const summary = await second.completed();

    expect(readFileSync(second.path('bitrot.bin')).equals(data)).to.equal(true);
    expect(summary.downTotalBytes).to.equal(256);
    await seed.process.stop();
  });
});

describe('A full disk', function () {
  this.timeout(60_000);
  const swarm = useSwarm();
  let small = '';

  before(async function () {
    skipUnless(this, process.platform === 'linux' && process.getuid?.() === 0, 'root on Linux');
    small = swarm.folder('small');
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', small]).status === 0;
    if (mounted) swarm.onClose(() => void spawnSync('umount', ['-l', small]));
    skipUnless(this, mounted, 'the right to mount');
    await swarm.startTracker();
  });

  it('is told before anything is fetched when the file cannot fit', async () => {
    await swarm.seed(swarm.file('large.bin', testBytes(8 * MIB, 24)), ['--piece-length', '64K']);

    const download = swarm.download('large.bin', [], { outputDir: join(small, 'output') });
    const error = await download.process.failure();

    expect(error).to.include({ code: 'P2P_DISK_FULL', exitCode: 7 });
    expect(download.process.all('progress').at(-1)?.downTotalBytes ?? 0).to.equal(0);
  });

  it('is told when it fills on the way, what came is kept, and the file completes once there is room', async () => {
    const data = testBytes(2 * MIB, 25);
    await swarm.seed(swarm.file('fits.bin', data), ['--piece-length', '64K', '--upload-limit', '1M']);
    const place = { outputDir: join(small, 'output'), stateDir: swarm.folder('state') };
    const first = swarm.download('fits.bin', [], place);
    await first.process.until('progress', ({ verifiedBytes }) => verifiedBytes > 128 * 1024);
    const hog = join(small, 'hog');
    spawnSync('dd', ['if=/dev/zero', `of=${hog}`, 'bs=64k'], { stdio: 'ignore' });

    const error = await first.process.failure();
    expect(error).to.include({ code: 'P2P_DISK_FULL', exitCode: 7 });
    expect(existsSync(first.path('fits.bin'))).to.equal(false);

    spawnSync('rm', [hog]);
    const second = swarm.download('fits.bin', [], place);
    const summary = await second.completed();
    expect(readFileSync(second.path('fits.bin')).equals(data)).to.equal(true);
    expect(summary.downTotalBytes).to.be.below(2 * MIB);
  });
});
