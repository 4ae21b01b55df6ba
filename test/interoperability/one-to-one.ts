/** One seeder, one downloader, one of them p2p and the other a client of others. */
import type { Client } from './client.js';
import { expectContent, withoutEmptyFiles, writeContent, type Content } from './content.js';
import type { InteropFixture, MadeTorrent } from './interop-fixture.js';

export interface Transfer {
  readonly content: Content;
  readonly torrent: MadeTorrent;
  /** What the downloader is given instead of the .torrent file: a magnet link. */
  readonly target?: string;
}

/** They seed, we load; fails unless the bytes are right. */
export async function fromTheirs(interop: InteropFixture, client: Client, transfer: Transfer): Promise<void> {
  const { content, torrent, target = torrent.path } = transfer;
  const folder = interop.swarm.folder(client.name);
  writeContent(content, folder);
  const theirs = await interop.start(client, { torrent: torrent.path, folder });
  await interop.untilKnown(torrent.infoHash, { seeders: 1 });

  const ours = await interop.loadOurs(target);
  await ours.completed();

  expectContent(content, ours.outputDir);
  await theirs.kill();
}

/** We seed, they load; fails unless the bytes are right. */
export async function toTheirs(interop: InteropFixture, client: Client, transfer: Transfer): Promise<void> {
  const { content, torrent, target = torrent.path } = transfer;
  const ours = await interop.seedOurs(content, torrent.path);
  const folder = interop.swarm.folder(client.name);

  const theirs = await interop.start(client, { torrent: target, folder });
  await theirs.complete();

  expectContent(client.makesEmptyFiles ? content : withoutEmptyFiles(content), folder);
  await theirs.kill();
  await ours.process.kill();
}
