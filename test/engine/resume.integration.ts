import { expect } from 'chai';
import { appendFile, mkdir, readFile, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { StatusReader } from '../../src/engine/read-status.js';
import { removeCopy } from '../../src/engine/remove-copy.js';
import type { CopyStatus } from '../../src/engine/status-types.js';
import { readStoredCopy } from '../helpers/stored-copies.js';
import { testBytes } from '../helpers/test-bytes.js';
import { rejection, untilSnapshot, useEngines, type TestEngine } from './engine-fixture.js';

const content = testBytes(100_000, 31);

describe('engine: taking up what is stored', () => {
  const engines = useEngines();

  /** The copies of a state folder, as another process sees them. */
  function status(stateDir: string): CopyStatus[] {
    const reader = new StatusReader(stateDir, () => undefined);
    try {
      return reader.list();
    } finally {
      reader.close();
    }
  }

  const oneOf = (copies: readonly CopyStatus[]): CopyStatus => {
    const [copy] = copies;
    if (!copy || copies.length > 1) throw new Error(`expected one copy, not ${copies.length}`);
    return copy;
  };

  /** A download that lacks piece 3 and was stopped; its seeder goes on, whole. */
  async function anInterrupted(): Promise<{ stateDir: string; outputDir: string; file: string; seeder: TestEngine }> {
    await engines.tracker();
    const file = await engines.file('story.bin', content);
    const seeder = await engines.engine();
    await seeder.seed(file, { pieceLengthBytes: 16_384, mask: { missing: [3] } });
    const outputDir = await engines.folder('output');
    const engine = await engines.engine();
    const transfer = await engine.download('story.bin', outputDir);
    await untilSnapshot(transfer, ({ swarm }) => swarm.verifiedPieces === 6);
    await engine.close();
    return { stateDir: engine.stateDir, outputDir, file, seeder };
  }

  it('goes on with a download by what was stored, hashing nothing after a clean stop', async () => {
    const { stateDir, outputDir, file, seeder } = await anInterrupted();
    const copy = oneOf(status(stateDir));
    expect(copy).to.include({ activity: 'interrupted', verifiedPieces: 6, stoppedCleanly: true });
    expect(copy.runs).to.deep.equal([]);
    await seeder.close();
    const whole = await engines.engine({ stateDir: seeder.stateDir });
    await whole.seed(file, { pieceLengthBytes: 16_384 });

    const engine = await engines.engine({ stateDir });
    const transfer = await engine.api.resume({ infoHash: copy.infoHash, rootPath: copy.rootPath, trackers: [] });
    const outcome = await transfer.finished;

    expect(outcome.state).to.equal('complete');
    expect(engine.all('resumed')).to.deep.equal([
      {
        ...{ type: 'resumed', infoHash: copy.infoHash, name: 'story.bin', pieceCount: 7 },
        ...{ trustedPieces: 6, hashedPieces: 0, ownedPieces: 6 },
      },
    ]);
    expect(outcome.snapshot.swarm.downTotalBytes).to.equal(16_384);
    expect(await readFile(path.join(outputDir, 'story.bin'))).to.deep.equal(Buffer.from(content));
    expect(oneOf(status(stateDir))).to.include({ activity: 'complete', verifiedBytes: content.length });
  });

  it('gives a file its length before it writes down how it looks (all of it was hashed after the next kill -9)', async () => {
    const { stateDir, outputDir, seeder } = await anInterrupted();
    const { infoHash, rootPath } = oneOf(status(stateDir));
    await seeder.close();
    // As a run leaves it that is killed when it has made the file and has not given it its length.
    const part = path.join(outputDir, 'story.bin.part');
    await truncate(part, 0);

    const engine = await engines.engine({ stateDir });
    await engine.api.resume({ infoHash, rootPath, trackers: [] });

    expect((await stat(part)).size).to.equal(content.length);
    expect(readStoredCopy(stateDir).files.get(0)?.sizeBytes).to.equal(content.length);
  });

  it('goes on by its name though no tracker knows it any more', async () => {
    const { stateDir, outputDir, seeder } = await anInterrupted();
    const engine = await engines.engine({ stateDir });
    const trackers = ['http://127.0.0.1:1/announce'];

    const transfer = await engine.api.download({ target: 'story.bin', outputDir, trackers });

    expect(transfer.snapshot().swarm.verifiedPieces).to.equal(6);
    expect(engine.notes.join()).to.include('going on with the download that was begun here');
    await rejection(
      'P2P_TRACKER_UNREACHABLE',
      engine.api.download({ target: 'story.bin', outputDir: await engines.folder('elsewhere'), trackers }),
    );
    await seeder.close();
  });

  it('does not fetch once more what was complete and was taken away', async () => {
    const { stateDir, outputDir, file, seeder } = await anInterrupted();
    await seeder.close();
    const whole = await engines.engine({ stateDir: seeder.stateDir });
    await whole.seed(file, { pieceLengthBytes: 16_384 });
    const engine = await engines.engine({ stateDir });
    await (
      await engine.download('story.bin', outputDir)
    ).finished;
    const { infoHash, rootPath } = oneOf(status(stateDir));
    await rm(rootPath);

    await rejection('P2P_PATH_NOT_FOUND', engine.api.resume({ infoHash, rootPath, trackers: [] }));
    await rejection('P2P_TARGET_NOT_FOUND', engine.api.resume({ infoHash, rootPath: `${rootPath}2`, trackers: [] }));
  });

  it('seeds again without hashing, by its path and as a stored copy', async () => {
    await engines.tracker();
    const file = await engines.file('story.bin', content);
    const first = await engines.engine();
    const { infoHash } = (await first.seed(file)).transfer.metainfo;
    await first.close();

    const second = await engines.engine({ stateDir: first.stateDir });
    const again = await second.seed(file);
    expect(again.transfer.metainfo.infoHash).to.equal(infoHash);
    expect(second.all('resumed')[0]).to.include({ hashedPieces: 0 });
    expect(second.all('hashing')).to.deep.equal([]);
    await second.close();

    const third = await engines.engine({ stateDir: first.stateDir });
    const resumed = await third.api.resume({ infoHash, rootPath: file, trackers: [] });
    expect(resumed.role).to.equal('seed');
    expect(resumed.snapshot()).to.include({ offeredPieces: resumed.metainfo.layout.pieceCount });
    expect(third.all('resumed')[0]).to.include({ hashedPieces: 0 });
  });

  it('hashes again what was touched, and makes another torrent of what was changed', async () => {
    await engines.tracker();
    const file = await engines.file('story.bin', content);
    const first = await engines.engine();
    const { infoHash } = (await first.seed(file)).transfer.metainfo;
    await first.close();
    await utimes(file, 1, 1);

    const second = await engines.engine({ stateDir: first.stateDir });
    expect((await second.seed(file)).transfer.metainfo.infoHash).to.equal(infoHash);
    expect(second.all('resumed')).to.deep.equal([]);
    await second.close();
    await appendFile(file, 'more');

    const third = await engines.engine({ stateDir: first.stateDir });
    expect((await third.seed(file)).transfer.metainfo.infoHash).to.not.equal(infoHash);
  });

  it('does not seed a folder as it was before a file came into it', async () => {
    await engines.tracker();
    const folder = await engines.tree('album', { 'a.txt': 'a', 'b/c.txt': 'c' });
    const first = await engines.engine();
    const { infoHash } = (await first.seed(folder)).transfer.metainfo;
    await first.close();
    const second = await engines.engine({ stateDir: first.stateDir });
    expect((await second.seed(folder)).transfer.metainfo.infoHash).to.equal(infoHash);
    await second.close();
    await writeFile(path.join(folder, 'd.txt'), 'd');

    const third = await engines.engine({ stateDir: first.stateDir });
    expect((await third.seed(folder)).transfer.metainfo.infoHash).to.not.equal(infoHash);
  });

  it('tells other processes who works on what', async () => {
    await engines.tracker();
    const file = await engines.file('story.bin', content);
    const engine = await engines.engine();
    await engine.seed(file);
    await new Promise(setImmediate);

    const copy = oneOf(status(engine.stateDir));
    expect(copy).to.include({ activity: 'seeding', name: 'story.bin', rootPath: file });
    expect(copy.runs.map(({ pid }) => pid)).to.deep.equal([process.pid]);
    await rejection('P2P_COPY_IN_USE', removeCopy(engine.stateDir, copy, false));

    await engine.close();
    const stopped = oneOf(status(engine.stateDir));
    expect(stopped).to.include({ activity: 'stopped', stoppedCleanly: true });
    await rejection('P2P_USAGE', removeCopy(engine.stateDir, stopped, true));
    await removeCopy(engine.stateDir, stopped, false);
    expect(status(engine.stateDir)).to.deep.equal([]);
    expect((await stat(file)).size, 'the file of a seed').to.equal(content.length);
  });

  it('tells of a known copy that it is checked, while that takes', async () => {
    await engines.tracker();
    const file = await engines.file('zeros.bin', '');
    await truncate(file, 80 * 1_048_576);
    const first = await engines.engine();
    const { infoHash } = (await first.seed(file)).transfer.metainfo;
    await first.close();
    await utimes(file, 1, 1);
    const engine = await engines.engine({ stateDir: first.stateDir });

    const resuming = engine.api.resume({ infoHash, rootPath: file, trackers: [] });
    await engine.until('hashing');
    expect(oneOf(status(engine.stateDir)).activity).to.equal('checking');

    await resuming;
    expect(engine.all('resumed')[0]).to.include({ trustedPieces: 0, ownedPieces: 80 * 16 });
    await engine.close();
    expect(oneOf(status(engine.stateDir)).activity).to.equal('stopped');
  });

  it('takes away what a download wrote, and nothing beside it', async () => {
    await engines.tracker();
    const folder = await engines.tree('album', { 'a.bin': content, 'b/c.bin': content });
    const seeder = await engines.engine();
    await seeder.seed(folder, { pieceLengthBytes: 16_384 });
    const outputDir = await engines.folder('output');
    const engine = await engines.engine();
    await (
      await engine.download('album', outputDir)
    ).finished;
    await mkdir(path.join(outputDir, 'album', 'mine'));
    await writeFile(path.join(outputDir, 'album', 'mine', 'notes.txt'), 'mine');

    const removed = await removeCopy(engine.stateDir, oneOf(status(engine.stateDir)), true);

    const removedPath = path.join(outputDir, 'album');
    expect(removed).to.deep.equal({ removedBytes: 200_000, removedPath, keptFiles: [], isFolderKept: true });
    expect(await readFile(path.join(outputDir, 'album', 'mine', 'notes.txt'), 'utf8')).to.equal('mine');
    const left = await stat(path.join(outputDir, 'album', 'b')).catch(() => undefined);
    expect(left).to.equal(undefined);
  });

  it('keeps a file of the download that somebody changed', async () => {
    await engines.tracker();
    const folder = await engines.tree('album', { 'a.bin': content, 'b.bin': content, 'empty.txt': '' });
    const seeder = await engines.engine();
    await seeder.seed(folder, { pieceLengthBytes: 16_384 });
    const outputDir = await engines.folder('output');
    const engine = await engines.engine();
    await (
      await engine.download('album', outputDir)
    ).finished;
    const edited = path.join(outputDir, 'album', 'b.bin');
    const filled = path.join(outputDir, 'album', 'empty.txt');
    await writeFile(edited, 'mine');
    await writeFile(filled, 'mine too');

    const removed = await removeCopy(engine.stateDir, oneOf(status(engine.stateDir)), true);

    expect(removed).to.deep.include({ removedBytes: 100_000, keptFiles: [edited, filled], isFolderKept: true });
    expect(await readFile(edited, 'utf8')).to.equal('mine');
    expect(status(engine.stateDir)).to.deep.equal([]);
  });

  it('says that a state folder is none', async () => {
    const file = await engines.file('state', 'no folder');

    expect(() => status(file))
      .to.throw()
      .with.property('code', 'P2P_STATE_UNUSABLE');
  });
});

describe('engine: files that change while they are seeded', () => {
  const engines = useEngines();

  it('sends nothing of a changed file, and offers it again when it is what it was', async () => {
    await engines.tracker();
    const file = await engines.file('story.bin', content);
    const seeder = await engines.engine();
    const { transfer } = await seeder.seed(file, { pieceLengthBytes: 16_384 });
    const changed = Buffer.from(content);
    changed.fill(0, 20_000, 20_010);
    await writeFile(file, changed);

    const engine = await engines.engine();
    const download = await engine.download('story.bin', await engines.folder('output'));
    await seeder.until('note', ({ message }) => message.includes('1 of 7 pieces of story.bin do not fit'));
    await untilSnapshot(download, ({ swarm }) => swarm.verifiedPieces === 6);
    expect(transfer.snapshot()).to.include({ state: 'seeding', offeredPieces: 6 });
    expect(engine.all('piece-refused')).to.deep.equal([]);
    expect(engine.all('peer-banned')).to.deep.equal([]);
    expect(seeder.copies()[0]?.ownership.verified.count()).to.equal(6);
  });
});
