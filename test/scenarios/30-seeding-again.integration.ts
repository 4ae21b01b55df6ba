/** What was hashed once to be seeded is not hashed again, unless somebody touched it. */
import { expect } from 'chai';
import { appendFileSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '../helpers/eventually.js';
import { readStoredCopies } from '../helpers/stored-copies.js';
import { useSwarm, type RunningSeed } from '../helpers/swarm-fixture.js';
import { testBytes } from '../helpers/test-bytes.js';

const KIB = 1024;
const SIZE = 300_000;

describe('Seeding again', function () {
  this.timeout(60_000);
  const swarm = useSwarm();
  let stateDir: string;

  before(() => swarm.startTracker());
  beforeEach(() => {
    stateDir = swarm.folder('state');
  });

  const seed = (path: string): Promise<RunningSeed> => swarm.seed(path, ['--piece-length', '16K'], { stateDir });

  it('a file is not hashed again after Ctrl-C, nor after kill -9, and has the same info hash', async () => {
    const path = swarm.file('again.bin', testBytes(SIZE, 30));
    const first = await seed(path);
    expect(first.process.all('resumed')).to.deep.equal([]);
    const { infoHash, pieceCount } = first.only;
    await first.process.stop();

    const second = await seed(path);
    expectBelieved(second, infoHash, pieceCount);
    await eventually('all of it to be durable', async () =>
      readStoredCopies(stateDir).every(({ ownership }) => ownership.durable.isFull()),
    );
    await second.process.kill();

    const third = await seed(path);
    expectBelieved(third, infoHash, pieceCount);
    const download = swarm.download('again.bin');
    await download.completed();
    expect(readFileSync(download.path('again.bin')).equals(readFileSync(path))).to.equal(true);
    await third.process.stop();
  });

  it('a file that was touched is hashed, and is the same torrent; with another byte it is another', async () => {
    const path = swarm.file('touched.bin', testBytes(SIZE, 31));
    const first = await seed(path);
    await first.process.stop();
    utimesSync(path, 1_000_000, 1_000_000);

    const touched = await seed(path);
    expect(touched.process.all('resumed'), 'believed').to.deep.equal([]);
    expect(touched.only.infoHash).to.equal(first.only.infoHash);
    await touched.process.stop();
    const bytes = readFileSync(path);
    bytes.writeUInt8(bytes.readUInt8(200_000) ^ 1, 200_000);
    writeFileSync(path, bytes);

    const changed = await seed(path);
    expect(changed.process.all('resumed'), 'believed').to.deep.equal([]);
    expect(changed.only.infoHash).to.not.equal(first.only.infoHash);
    const download = swarm.download(changed.only.infoHash);
    await download.completed();
    expect(readFileSync(download.path('touched.bin')).equals(bytes)).to.equal(true);
    await changed.process.stop();
  });

  it('a folder is not hashed again; with a file more, or one longer, it is another torrent', async () => {
    const folder = join(swarm.folder(), 'album');
    mkdirSync(join(folder, 'b'), { recursive: true });
    writeFileSync(join(folder, 'a.bin'), testBytes(20 * KIB, 1));
    writeFileSync(join(folder, 'b', 'c.bin'), testBytes(30 * KIB + 1, 2));
    const first = await seed(folder);
    await first.process.stop();
    const second = await seed(folder);
    expectBelieved(second, first.only.infoHash, first.only.pieceCount);
    await second.process.stop();
    writeFileSync(join(folder, 'b', 'd.bin'), testBytes(1, 3));

    const more = await seed(folder);
    expect(more.only.infoHash).to.not.equal(first.only.infoHash);
    await more.process.stop();
    appendFileSync(join(folder, 'a.bin'), 'x');

    const longer = await seed(folder);
    expect([first.only.infoHash, more.only.infoHash]).to.not.include(longer.only.infoHash);
    await longer.process.stop();
  });

  it('what was downloaded is seeded from where it lies without hashing', async () => {
    const data = testBytes(SIZE, 33);
    const origin = await swarm.seed(swarm.file('handed-on.bin', data), ['--piece-length', '16K']);
    const download = swarm.download('handed-on.bin', [], { stateDir });
    await download.completed();
    await origin.process.stop();

    const second = await swarm.seed(download.path('handed-on.bin'), [], { stateDir });

    expectBelieved(second, origin.only.infoHash, origin.only.pieceCount);
    await swarm.download('handed-on.bin').completed();
  });
});

function expectBelieved({ process, only }: RunningSeed, infoHash: string, pieceCount: number): void {
  const [resumed] = process.all('resumed');
  expect(resumed).to.include({ infoHash, trustedPieces: pieceCount, hashedPieces: 0, ownedPieces: pieceCount });
  expect(only).to.include({ infoHash, offeredPieces: pieceCount });
  expect(process.all('hashing' as never), 'hashed').to.deep.equal([]);
}
