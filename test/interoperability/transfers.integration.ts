/** One seeder, one downloader, one of them a client that we did not write. */
import type { Client } from './client.js';
import { CLIENTS } from './clients.js';
import { expectContent, oddFolder, oneFile, withoutEmptyFiles, writeContent, type Content } from './content.js';
import { useInterop, type InteropFixture, type TorrentSettings } from './interop-fixture.js';
import { matrixTest } from './matrix.js';

const KIB = 1024;
const MIB = 1024 * KIB;

interface Trial extends TorrentSettings {
  readonly row: string;
  readonly make: (seed: number) => Content;
  readonly quick: boolean;
}

const SIZES = { '16 KiB': 16 * KIB, '1 MiB': MIB, '4 MiB': 4 * MIB } as const;

const TRIALS: readonly Trial[] = (['dual-hash', 'plain v1'] as const).flatMap((kind) => [
  ...Object.entries(SIZES).map(([size, pieceLength]) => ({
    row: `one file, ${kind}, pieces of ${size}`,
    make: (seed: number) => oneFile(Math.max(2 * pieceLength, 2 * MIB) + 12_345, seed),
    kind,
    pieceLength,
    quick: kind === 'dual-hash' && pieceLength === 16 * KIB,
  })),
  { row: `a folder with odd files, ${kind}`, make: oddFolder, kind, pieceLength: 32 * KIB, quick: kind === 'plain v1' },
]);

/** Each test has content of its own, and so a swarm of its own. */
let seeds = 0;

for (const client of CLIENTS) {
  describe(`Interoperability with ${client.name}`, function () {
    this.timeout(60_000);
    const interop = useInterop(client.worksOnLoopback ? 'loopback' : 'lan', [client]);

    for (const trial of TRIALS) {
      const { row, quick } = trial;
      const section = 'Transfers';
      matrixTest({ section, row, column: `${client.name} → p2p`, quick }, () => theirsSeeds(interop, client, trial));
      matrixTest({ section, row, column: `p2p → ${client.name}`, quick }, () => oursSeeds(interop, client, trial));
    }
  });
}

async function theirsSeeds(interop: InteropFixture, client: Client, trial: Trial): Promise<void> {
  const content = trial.make((seeds += 1));
  const { path, infoHash } = await interop.makeTorrent(content, trial);
  const folder = interop.swarm.folder(client.name);
  writeContent(content, folder);
  const theirs = await interop.start(client, { torrent: path, folder });
  await interop.untilKnown(infoHash, { seeders: 1 });

  const ours = await interop.loadOurs(path);
  await ours.completed();

  expectContent(content, ours.outputDir);
  await theirs.kill();
}

async function oursSeeds(interop: InteropFixture, client: Client, trial: Trial): Promise<void> {
  const content = trial.make((seeds += 1));
  const { path } = await interop.makeTorrent(content, trial);
  const ours = await interop.seedOurs(content, path);
  const folder = interop.swarm.folder(client.name);

  const theirs = await interop.start(client, { torrent: path, folder });
  await theirs.complete();

  expectContent(client.makesEmptyFiles ? content : withoutEmptyFiles(content), folder);
  await theirs.kill();
  await ours.process.kill();
}
