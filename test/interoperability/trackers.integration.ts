/** Clients of others meet at our tracker, and our peers at a tracker of others. */
import { aria2 } from './aria2.js';
import type { Client } from './client.js';
import { CLIENTS } from './clients.js';
import { expectContent, oneFile, writeContent } from './content.js';
import { useInterop } from './interop-fixture.js';
import { libtorrent } from './libtorrent.js';
import { matrixTest } from './matrix.js';
import { transmission } from './transmission.js';

const SECTION = 'Trackers';
const PIECE_LENGTH = 65_536;
const SIZE = 1_000_000;

const PAIRS: readonly (readonly [Client, Client])[] = [
  [aria2, libtorrent],
  [libtorrent, transmission],
  [transmission, aria2],
];

describe('Clients of others at our tracker', function () {
  this.timeout(60_000);
  const interop = useInterop('lan', CLIENTS);
  let seeds = 2_000;

  for (const [seeder, loader] of PAIRS) {
    const column = `${seeder.name} → ${loader.name}`;
    matrixTest({ section: SECTION, row: 'our tracker, HTTP', column }, async () => {
      const content = oneFile(SIZE, (seeds += 1));
      const torrent = await interop.makeTorrent(content, { kind: 'plain v1', pieceLength: PIECE_LENGTH });
      const [from, to] = [interop.swarm.folder(seeder.name), interop.swarm.folder(loader.name)];
      writeContent(content, from);
      const seeding = await interop.start(seeder, { torrent: torrent.path, folder: from });
      await interop.untilKnown(torrent.infoHash, { seeders: 1 });

      const loading = await interop.start(loader, { torrent: torrent.path, folder: to });
      await loading.complete();

      expectContent(content, to);
      await Promise.all([seeding.kill(), loading.kill()]);
    });
  }
});
