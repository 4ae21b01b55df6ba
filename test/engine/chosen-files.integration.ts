import { expect } from 'chai';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { FileChoice, Transfer } from '../../src/engine/engine-types.js';
import { StatusReader } from '../../src/engine/read-status.js';
import { removeCopy } from '../../src/engine/remove-copy.js';
import type { CopyStatus } from '../../src/engine/status-types.js';
import { testBytes } from '../helpers/test-bytes.js';
import { rejection, untilSnapshot, useEngines, type TestEngine } from './engine-fixture.js';

const PIECE = 16_384;
/** Borders lie inside pieces: a.bin and music/b.bin share piece 2, music/b.bin and music/c.bin piece 4. */
const FILES = {
  'a.bin': testBytes(40_000, 1),
  'music/b.bin': testBytes(30_000, 2),
  'music/c.bin': testBytes(50_000, 3),
  'music/empty.txt': new Uint8Array(),
  'z.bin': testBytes(20_000, 4),
};

describe('engine: a choice of files', () => {
  const engines = useEngines();
  let outputDir: string;

  const globs = (...texts: readonly string[]): readonly FileChoice[] => texts.map((glob) => ({ type: 'glob', glob }));
  const album = (...below: readonly string[]): string => path.join(outputDir, 'album', ...below);
  const part = (...below: readonly string[]): string => path.join(outputDir, 'album.part', ...below);

  function expectFiles(...names: readonly (keyof typeof FILES)[]): void {
    expect(filesBelow(album())).to.deep.equal([...names].sort());
    for (const name of names) expect(readFileSync(album(name)).equals(FILES[name]), name).to.equal(true);
  }

  async function aSeeder(): Promise<TestEngine> {
    await engines.tracker();
    const seeder = await engines.engine();
    await seeder.seed(await engines.tree('album', FILES), { pieceLengthBytes: PIECE });
    outputDir = await engines.folder('output');
    return seeder;
  }

  async function fetch(stateDir: string | undefined, files?: readonly FileChoice[], force = false): Promise<Transfer> {
    const engine = await engines.engine(stateDir === undefined ? {} : { stateDir });
    const transfer = await engine.download('album', outputDir, { force, ...(files && { files }) });
    expect((await transfer.finished).state).to.equal('complete');
    return transfer;
  }

  function statusOf(stateDir: string): CopyStatus {
    const reader = new StatusReader(stateDir, () => undefined);
    try {
      const [copy] = reader.list();
      if (!copy) throw new Error('no copy is stored');
      return copy;
    } finally {
      reader.close();
    }
  }

  it('fetches the pieces of chosen files alone, and gives no other file its name', async () => {
    await aSeeder();

    const engine = await engines.engine();
    const transfer = await engine.download('album', outputDir, { files: globs('music/b.bin') });
    const { snapshot } = await transfer.finished;

    expectFiles('music/b.bin');
    expect(filesBelow(part())).to.deep.equal(['a.bin', 'music/c.bin']);
    expect(transfer.chosenFiles).to.equal(1);
    expect(snapshot.swarm).to.include({ verifiedPieces: 3, wantedPieces: 3, wantedBytes: 3 * PIECE });
    expect(snapshot.swarm.downTotalBytes).to.equal(3 * PIECE);
    expect(statusOf(engine.stateDir)).to.include({
      ...{ activity: 'complete', chosenFiles: 1, fileCount: 5, wantedPieces: 3, wantedVerifiedPieces: 3 },
      ...{ wantedBytes: 3 * PIECE, wantedVerifiedBytes: 3 * PIECE, verifiedPieces: 3 },
    });
  });

  it('goes on when more is chosen later, fetches nothing twice, and ends with the whole folder', async () => {
    await aSeeder();
    const first = await engines.engine();
    await (
      await first.download('album', outputDir, { files: globs('music/b.bin') })
    ).finished;
    await first.close();

    const second = await fetch(first.stateDir, globs('c.bin', '*.txt'));
    expectFiles('music/b.bin', 'music/c.bin', 'music/empty.txt');
    expect(filesBelow(part())).to.deep.equal(['a.bin', 'z.bin']);
    expect(second.snapshot().swarm.downTotalBytes).to.equal(3 * PIECE);
    expect(statusOf(first.stateDir).chosenFiles).to.equal(3);

    const third = await fetch(first.stateDir);
    expectFiles('a.bin', 'music/b.bin', 'music/c.bin', 'music/empty.txt', 'z.bin');
    expect(existsSync(part())).to.equal(false);
    expect(third.snapshot().swarm).to.include({ verifiedPieces: 9, pieceCount: 9 });
    expect(third.snapshot().swarm.downTotalBytes).to.equal(2 * PIECE + (140_000 - 8 * PIECE));
    expect((await fetch(first.stateDir)).snapshot().swarm.downTotalBytes).to.equal(0);
  });

  it('is taken up where it was by what was stored', async () => {
    const seeder = await aSeeder();
    await seeder.close();
    const half = await engines.engine({ stateDir: seeder.stateDir });
    await half.seed(await engines.tree('album', FILES), { pieceLengthBytes: PIECE, mask: { missing: [6] } });
    const engine = await engines.engine();
    const transfer = await engine.download('album', outputDir, { files: globs('music') });
    await untilSnapshot(transfer, ({ swarm }) => swarm.wantedVerifiedPieces === 5);
    expect(transfer.snapshot().swarm).to.include({ wantedPieces: 6, wantedBytes: 6 * PIECE });
    await engine.close();
    const { infoHash, rootPath, activity } = statusOf(engine.stateDir);
    expect(activity).to.equal('interrupted');
    expect(existsSync(album())).to.equal(false);
    await half.close();
    const whole = await engines.engine();
    await whole.seed(await engines.tree('album', FILES), { pieceLengthBytes: PIECE });

    const again = await engines.engine({ stateDir: engine.stateDir });
    const resumed = await again.api.resume({ infoHash, rootPath, trackers: [] });

    expect((await resumed.finished).state).to.equal('complete');
    expectFiles('music/b.bin', 'music/c.bin', 'music/empty.txt');
    expect(resumed.snapshot().swarm.downTotalBytes).to.equal(PIECE);
  });

  it('serves what it has when it is complete: a peer gets the chosen file from it alone', async () => {
    const seeder = await aSeeder();
    const partial = await engines.engine();
    const files = globs('music/b.bin');
    const transfer = await partial.download('album', outputDir, { files, seedAfter: true });
    await transfer.finished;
    await seeder.close();
    outputDir = await engines.folder('output');

    const second = await fetch(undefined, files);

    expectFiles('music/b.bin');
    expect(second.snapshot().swarm.downTotalBytes).to.equal(3 * PIECE);
    const { links, pieceCount } = transfer.snapshot().swarm;
    expect(transfer.snapshot()).to.include({ state: 'seeding', offeredPieces: 3 });
    expect([links.length <= 1, pieceCount]).to.deep.equal([true, 9]);
  });

  it('takes what lies whole under its name already, and leaves alone what is something else', async () => {
    await aSeeder();
    await mkdir(album('music'), { recursive: true });
    await writeFile(album('music/b.bin'), FILES['music/b.bin']);
    await writeFile(album('z.bin'), testBytes(20_000, 99));
    await writeFile(album('own.txt'), 'mine');

    await rejection('P2P_TARGET_EXISTS', fetch(undefined, globs('z.bin')));
    expect(readFileSync(album('z.bin')).equals(testBytes(20_000, 99))).to.equal(true);
    await fetch(undefined, globs('a.bin'));
    expect(readFileSync(album('z.bin')).equals(testBytes(20_000, 99))).to.equal(true);
    await fetch(undefined, globs('z.bin'), true);

    expect(readFileSync(album('z.bin')).equals(FILES['z.bin'])).to.equal(true);
    expect(filesBelow(album())).to.deep.equal(['a.bin', 'music/b.bin', 'own.txt', 'z.bin']);
  });

  it('goes on though somebody took the .part away', async () => {
    await aSeeder();
    const first = await engines.engine();
    await (
      await first.download('album', outputDir, { files: globs('music/b.bin') })
    ).finished;
    await first.close();
    await rm(part(), { recursive: true });

    await fetch(first.stateDir, globs('music/c.bin'));

    expectFiles('music/b.bin', 'music/c.bin');
  });

  it('writes through no symbolic link on the way to a final name', async () => {
    await aSeeder();
    const elsewhere = await engines.folder('elsewhere');
    await mkdir(album());
    await symlink(elsewhere, album('music'));
    const engine = await engines.engine();

    const transfer = await engine.download('album', outputDir, { files: globs('music/b.bin') });
    const { state, error } = await transfer.finished;

    expect([state, error?.code]).to.deep.equal(['failed', 'P2P_PATH_UNSAFE']);
    expect(readdirSync(elsewhere)).to.deep.equal([]);
  });

  it('is taken away with all that it wrote, under both names', async () => {
    await aSeeder();
    const engine = await engines.engine();
    const transfer = await engine.download('album', outputDir, { files: globs('music/b.bin') });
    await transfer.finished;
    await engine.close();
    await writeFile(album('own.txt'), 'mine');

    await removeCopy(engine.stateDir, statusOf(engine.stateDir), true);

    expect(filesBelow(outputDir)).to.deep.equal(['album/own.txt']);
  });

  it('names files when nothing fits, before anything is written', async () => {
    await aSeeder();
    const error = await rejection('P2P_FILES_NOT_FOUND', fetch(undefined, globs('*.flac')));

    expect(error.message).to.include('a.bin, music/b.bin');
    expect(readdirSync(outputDir)).to.deep.equal([]);
  });
});

function filesBelow(folder: string, below = ''): string[] {
  return readdirSync(path.join(folder, below), { withFileTypes: true })
    .flatMap((entry) => {
      const name = below === '' ? entry.name : `${below}/${entry.name}`;
      return entry.isDirectory() ? filesBelow(folder, name) : [name];
    })
    .sort();
}
