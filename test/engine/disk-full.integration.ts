import { expect } from 'chai';
import { execFileSync } from 'node:child_process';
import { appendFile, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { testBytes } from '../helpers/test-bytes.js';
import { untilSnapshot, useEngines } from './engine-fixture.js';

const PIECE = 16_384;

describe('engine: a disk that takes no more', () => {
  const engines = useEngines();
  const bytes = testBytes(100 * PIECE, 31);

  /** A file system of a few MiB; undefined where this user may not mount one. */
  async function aSmallDisk(sizeBytes: number): Promise<string | undefined> {
    const disk = await engines.folder('disk');
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeBytes}`, 'tmpfs', disk], { stdio: 'ignore' });
    } catch {
      return undefined;
    }
    engines.onClose(() => void execFileSync('umount', [disk], { stdio: 'ignore' }));
    return disk;
  }

  /** Takes all that is left. */
  async function fill(disk: string): Promise<void> {
    const chunk = Buffer.alloc(4096, 1);
    for (;;) {
      try {
        await appendFile(path.join(disk, 'filler'), chunk);
      } catch (error) {
        expect((error as NodeJS.ErrnoException).code).to.equal('ENOSPC');
        return;
      }
    }
  }

  for (const what of ['files', 'state'] as const) {
    it(`ends the download when the ${what} cannot be written, and goes on when there is room again`, async function () {
      const disk = await aSmallDisk(3 * 1_048_576);
      if (disk === undefined) this.skip();
      await engines.tracker();
      const seeder = await engines.engine({ uploadLimitBytesPerSec: 800_000 });
      await seeder.seed(await engines.file('story.bin', bytes), { pieceLengthBytes: PIECE });
      const outputDir = what === 'files' ? path.join(disk, 'output') : await engines.folder('output');
      const stateDir = what === 'state' ? path.join(disk, 'state') : await engines.folder('state');
      const leecher = await engines.engine({ stateDir });
      const transfer = await leecher.download('story.bin', outputDir);
      await untilSnapshot(transfer, ({ swarm }) => swarm.verifiedPieces > 0);

      await fill(disk);
      const { state, error, snapshot } = await transfer.finished;

      expect([state, error?.code]).to.deep.equal(['failed', 'P2P_DISK_FULL']);
      expect(snapshot.swarm.verifiedPieces).to.be.within(1, 99);
      await leecher.close();
      await rm(path.join(disk, 'filler'));
      await seeder.close();
      await (await engines.engine()).seed(await engines.file('story.bin', bytes));
      const again = await engines.engine({ stateDir });
      const second = await (await again.download('story.bin', outputDir)).finished;
      expect(second.state).to.equal('complete');
      expect(second.snapshot.swarm.downTotalBytes).to.be.lessThan(bytes.length);
      expect(await readFile(path.join(outputDir, 'story.bin'))).to.deep.equal(bytes);
    });
  }

  it('ends the download when something is in the way of a file, and says what', async () => {
    await engines.tracker();
    const seeder = await engines.engine();
    const files = { 'a.bin': testBytes(PIECE, 1), 'b/c.bin': testBytes(PIECE, 2) };
    await seeder.seed(await engines.tree('album', files), { pieceLengthBytes: PIECE });
    const outputDir = await engines.folder('output');
    const partPath = path.join(outputDir, 'album.part');
    await mkdir(partPath);
    await writeFile(path.join(partPath, 'a.bin'), files['a.bin']);
    await writeFile(path.join(partPath, 'b'), 'not a folder');
    const leecher = await engines.engine();

    const { state, error } = await (await leecher.download('album', outputDir)).finished;

    expect([state, error?.code]).to.deep.equal(['failed', 'P2P_PATH_UNSAFE']);
    expect(error?.message).to.include(path.join(partPath, 'b'));
    expect(await readdir(outputDir)).to.deep.equal(['album.part']);
    await rm(path.join(partPath, 'b'));
    const again = await (await leecher.download('album', outputDir)).finished;
    expect(again.state).to.equal('complete');
    expect(again.snapshot.swarm.downTotalBytes).to.equal(PIECE);
  });
});
