/** A disk of one MiB that is really full: what a piece, its helpers and a file of full length meet there. */
import { expect } from 'chai';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import type { P2pError } from '../../src/errors.js';
import { BLOCK_LENGTH, PieceLayout } from '../../src/metainfo/piece-layout.js';
import { FileHandles } from '../../src/workers/file-handles.js';
import { PieceFiles } from '../../src/workers/piece-files.js';

describe('A full disk', () => {
  let folder = '';

  before(function () {
    folder = mkdtempSync(path.join(tmpdir(), 'p2p-full-'));
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder], { stdio: 'ignore' });
    if (mounted.status === 0) return;
    rmSync(folder, { recursive: true });
    console.log('      skipped: no right to mount a small disk');
    this.skip();
  });

  after(() => {
    if (spawnSync('umount', [folder], { stdio: 'ignore' }).status === 0)
      rmSync(folder, { recursive: true, force: true });
  });

  it('is said to be full, and what was written before can be read', async () => {
    const lengthBytes = 4 * 1_048_576;
    const torrentFiles = [{ path: path.join(folder, 'big.part'), lengthBytes, depth: 1 }];
    const files = new PieceFiles(new PieceLayout(BLOCK_LENGTH, torrentFiles), torrentFiles, true, new FileHandles(4));
    const block = new Uint8Array(BLOCK_LENGTH).fill(7);

    let failure: P2pError | undefined;
    let written = 0;
    while (!failure && written < lengthBytes) {
      await files.write(written, block).then(
        () => (written += BLOCK_LENGTH),
        (error: unknown) => (failure = error as P2pError),
      );
    }
    const first = new Uint8Array(BLOCK_LENGTH);
    await files.read(0, [first]);
    await files.end();

    expect(failure?.code).to.equal('P2P_DISK_FULL');
    expect(failure?.message).to.contain('big.part').and.contain('make room');
    expect(written).to.be.within(900_000, 1_048_576);
    expect(first).to.deep.equal(block);
  });
});
