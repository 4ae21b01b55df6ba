/** One seeder and one downloader that has nothing but a magnet link: metadata comes from the seeder (BEP 9). */
import type { Client } from './client.js';
import { CLIENTS } from './clients.js';
import { expectContent, oddFolder, oneFile, withoutEmptyFiles, writeContent, type Content } from './content.js';
import { useInterop, type InteropFixture, type TorrentSettings } from './interop-fixture.js';
import { matrixTest } from './matrix.js';

interface Trial extends TorrentSettings {
  readonly row: string;
  readonly make: (seed: number) => Content;
  readonly quick: boolean;
}

const TRIALS: readonly Trial[] = (['dual-hash', 'plain v1'] as const).flatMap((kind) => [
  // Small pieces make the metadata longer than one message holds.
  { row: `one file, ${kind}`, make: (seed: number) => oneFile(5_000_000, seed), kind, pieceLength: 4_096, quick: true },
  { row: `a folder with odd files, ${kind}`, make: oddFolder, kind, pieceLength: 32_768, quick: false },
]);

/** Content of its own for each test; others have their own range. */
let seeds = 10_000;

for (const client of CLIENTS) {
  describe(`Magnet links and ${client.name}`, function () {
    this.timeout(120_000);
    const interop = useInterop(client.worksOnLoopback ? 'loopback' : 'lan', [client]);

    for (const trial of TRIALS) {
      const { row, kind } = trial;
      const section = 'Magnet links';
      // Transmission waits for its next look each time: half a minute and more.
      const quick = trial.quick && kind === 'dual-hash' && client.name !== 'Transmission';
      matrixTest({ section, row, column: `${client.name} → p2p`, quick }, () => oursLoads(interop, client, trial));
      matrixTest({ section, row, column: `p2p → ${client.name}`, quick }, () => theirsLoads(interop, client, trial));
    }
  });
}

async function oursLoads(interop: InteropFixture, client: Client, trial: Trial): Promise<void> {
  const content = trial.make((seeds += 1));
  const { path, infoHash } = await interop.makeTorrent(content, trial);
  const folder = interop.swarm.folder(client.name);
  writeContent(content, folder);
  const theirs = await interop.start(client, { torrent: path, folder });
  await interop.untilKnown(infoHash, { seeders: 1 });

  const ours = await interop.loadOurs(await linkTo(interop, infoHash));
  await ours.completed();

  expectContent(content, ours.outputDir);
  await theirs.kill();
}

async function theirsLoads(interop: InteropFixture, client: Client, trial: Trial): Promise<void> {
  const content = trial.make((seeds += 1));
  const { path, infoHash } = await interop.makeTorrent(content, trial);
  const ours = await interop.seedOurs(content, path);
  const folder = interop.swarm.folder(client.name);

  const theirs = await interop.start(client, { torrent: await linkTo(interop, infoHash), folder });
  await theirs.complete();

  expectContent(client.makesEmptyFiles ? content : withoutEmptyFiles(content), folder);
  await theirs.kill();
  await ours.process.kill();
}

/** The info hash and our tracker, which has the torrent in its catalogue only when p2p seeds. */
async function linkTo(interop: InteropFixture, infoHash: string): Promise<string> {
  return `magnet:?xt=urn:btih:${infoHash}&tr=${encodeURIComponent(await interop.announceUrl())}`;
}
