/**
 * Files that change while they are seeded: in place, cut off, replaced and taken away, each in the middle of a download that
 * has an honest seeder too. One process seeds all four, so that the waiting for its looks at the files is done once.
 */
import { expect } from 'chai';
import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { P2pProcess } from '../helpers/p2p-process.js';
import { useSwarm, type DownloadRun, type RunningSeed } from '../helpers/swarm-fixture.js';
import { testBytes } from '../helpers/test-bytes.js';

const KIB = 1024;
const PIECE_LENGTH = 32 * KIB;
const PIECE_COUNT = 64;
const SIZE = PIECE_COUNT * PIECE_LENGTH;

interface Change {
  readonly name: string;
  readonly title: string;
  /** Pieces that do not fit afterwards. */
  readonly wrong: number;
  readonly change: (path: string) => void;
  readonly putBack: (path: string, data: Uint8Array) => void;
}

const CHANGES: readonly Change[] = [
  {
    ...{ name: 'patched.bin', title: 'changed in place', wrong: PIECE_COUNT - 16 },
    change: (path) => patch(path, 16 * PIECE_LENGTH, testBytes(SIZE - 16 * PIECE_LENGTH, 98)),
    putBack: (path, data) => patch(path, 16 * PIECE_LENGTH, data.subarray(16 * PIECE_LENGTH)),
  },
  {
    ...{ name: 'truncated.bin', title: 'cut off', wrong: PIECE_COUNT / 2 },
    change: (path) => truncateSync(path, SIZE / 2),
    putBack: (path, data) => writeFileSync(path, data),
  },
  {
    ...{ name: 'replaced.bin', title: 'replaced by another file', wrong: PIECE_COUNT },
    change: (path) => {
      renameSync(path, `${path}.kept`);
      writeFileSync(`${path}.new`, testBytes(SIZE, 99));
      renameSync(`${path}.new`, path);
    },
    putBack: (path) => renameSync(`${path}.kept`, path),
  },
  {
    ...{ name: 'deleted.bin', title: 'taken away', wrong: PIECE_COUNT },
    change: (path) => renameSync(path, `${path}.kept`),
    putBack: (path) => renameSync(`${path}.kept`, path),
  },
];

describe('Files that change while they are seeded', function () {
  this.timeout(90_000);
  const swarm = useSwarm();
  const contents = new Map(CHANGES.map(({ name }, at) => [name, testBytes(SIZE, 270 + at)]));
  const names = CHANGES.map(({ name }) => name);
  const paths = new Map<string, string>();
  let changing: RunningSeed;
  let honest: RunningSeed;
  let download: DownloadRun;

  const dataOf = (name: string): Buffer => contents.get(name) ?? Buffer.alloc(0);
  const pathOf = (name: string): string => paths.get(name) ?? '';

  before(async () => {
    await swarm.startTracker();
    for (const name of names) paths.set(name, swarm.file(name, dataOf(name)));
    const flags = ['--piece-length', String(PIECE_LENGTH), '--upload-limit', '2M'];
    [changing, honest] = await Promise.all([
      swarm.seed([...paths.values()], flags, { name: 'the changing one' }),
      swarm.seed(
        names.map((name) => swarm.file(name, dataOf(name))),
        flags,
        { name: 'the honest one' },
      ),
    ]);
    download = swarm.download(names);
    for (const { name } of CHANGES) {
      await download.process.until('progress', (line) => line.name === name && line.verifiedPieces > 4);
    }
    await changing.process.until('progress', ({ upTotalBytes }) => upTotalBytes > 0);
    for (const { name, change } of CHANGES) change(pathOf(name));
  });

  it('do not disturb a download that has an honest seeder too: nothing wrong reaches it', async () => {
    const summaries = await download.allCompleted();

    for (const name of names) expect(readFileSync(download.path(name)).equals(dataOf(name)), name).to.equal(true);
    for (const { name, refusedPieces } of summaries) expect(refusedPieces, name).to.equal(0);
    expectNobodyBlamed(download.process, changing.process, honest.process);
  });

  for (const { name, title, wrong } of CHANGES) {
    it(`are noticed and not offered any more where they do not fit: ${title}`, async () => {
      await changing.process.until('note', ({ message }) => message.startsWith(`${name} changed on disk`));
      const told = `${wrong} of ${PIECE_COUNT} pieces of ${name} do not fit`;
      await changing.process.until('note', ({ message }) => message.startsWith(told));
    });
  }

  it('are offered again when they are what they were, and a newcomer can have all of them from there', async () => {
    await honest.process.kill();
    for (const { name, putBack } of CHANGES) putBack(pathOf(name), dataOf(name));

    const newcomer = swarm.download(names);
    await newcomer.allCompleted();

    for (const name of names) {
      expect(readFileSync(newcomer.path(name)).equals(dataOf(name)), name).to.equal(true);
      await changing.process.until('note', ({ message }) => message.startsWith(`${name} is still what it was`));
    }
    expectNobodyBlamed(newcomer.process, changing.process);
  });
});

describe('A file of a folder that changes while it is seeded', function () {
  this.timeout(90_000);
  const swarm = useSwarm();

  it('is taken back from the peers and offered again on the same connection, while the other file goes on', async () => {
    await swarm.startTracker();
    const [changed, other] = ['changed.bin', 'other.bin'].map((name, at) => ({
      name,
      data: testBytes(SIZE, 280 + at),
    }));
    if (!changed || !other) throw new Error('two files');
    const folder = join(swarm.folder('input'), 'folder');
    mkdirSync(folder);
    for (const { name, data } of [changed, other]) writeFileSync(join(folder, name), data);
    const flags = ['--piece-length', String(PIECE_LENGTH), '--no-super-seeding'];
    const seed = await swarm.seed([folder], flags, { name: 'the changing one' });
    const download = swarm.download('folder', ['--download-limit', '200K']);
    await download.process.until('progress', ({ verifiedPieces }) => verifiedPieces > 4);

    renameSync(join(folder, changed.name), join(folder, 'kept'));
    await seed.process.until('note', ({ message }) =>
      message.startsWith(`${PIECE_COUNT} of ${2 * PIECE_COUNT} pieces`),
    );
    renameSync(join(folder, 'kept'), join(folder, changed.name));
    await seed.process.until('note', ({ message }) => message.startsWith('folder is still what it was'));
    const [summary] = await download.allCompleted();

    for (const { name, data } of [changed, other]) {
      expect(readFileSync(join(download.path('folder'), name)).equals(data), name).to.equal(true);
    }
    expect(summary).to.include({ refusedPieces: 0 });
    const lines = download.process.all('progress').filter(({ state }) => state === 'downloading');
    const peers = lines.map((line) => line.peers);
    expect(peers.slice(peers.indexOf(1)), 'connections').to.not.include(0);
    expect(seed.process.all('announced'), 'sessions').to.have.length(1);
    expectNobodyBlamed(download.process, seed.process);
  });
});

function expectNobodyBlamed(...peers: readonly P2pProcess[]): void {
  for (const peer of peers) {
    expect(peer.all('piece-refused'), peer.name).to.deep.equal([]);
    expect(peer.all('peer-banned'), peer.name).to.deep.equal([]);
  }
}

function patch(path: string, offset: number, bytes: Uint8Array): void {
  const file = openSync(path, 'r+');
  writeSync(file, bytes, 0, bytes.length, offset);
  closeSync(file);
}
