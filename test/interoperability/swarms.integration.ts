/** Clients of all makes in one swarm. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { aria2 } from './aria2.js';
import type { Client } from './client.js';
import { CLIENTS } from './clients.js';
import { expectContent, oneFile, type Content } from './content.js';
import { useInterop, type InteropFixture } from './interop-fixture.js';
import { libtorrent } from './libtorrent.js';
import { matrixTest } from './matrix.js';
import { transmission } from './transmission.js';

const PIECE_LENGTH = 65_536;
const SECTION = 'Swarms';

/** `undefined` is p2p. */
const MEMBERS: readonly (Client | undefined)[] = [
  undefined,
  undefined,
  aria2,
  aria2,
  libtorrent,
  libtorrent,
  transmission,
];

/** One of them, at work. */
interface Member {
  readonly folder: string;
  complete(): Promise<unknown>;
}

/** What one of them begins with. */
interface Start {
  /** Its place in the list. */
  readonly at: number;
  readonly content: Content;
  readonly torrent: string;
}

describe('A swarm of two p2p, two aria2, two libtorrent and a Transmission', function () {
  this.timeout(120_000);
  const interop = useInterop('lan', CLIENTS);

  matrixTest(
    { section: SECTION, row: 'each begins with another seventh, and nobody has all', column: 'all complete' },
    async () => {
      const content = oneFile(7 * 20 * PIECE_LENGTH, 1_001);
      const { path } = await interop.makeTorrent(content, { kind: 'dual-hash', pieceLength: PIECE_LENGTH });

      const starting = MEMBERS.map((client, at) => startMember(interop, client, { at, content, torrent: path }));
      const members = await Promise.all(starting);
      await Promise.all(members.map((member) => member.complete()));

      for (const { folder } of members) expectContent(content, folder);
    },
  );
});

/** Starts one with its seventh, on a host of its own. */
async function startMember(interop: InteropFixture, client: Client | undefined, start: Start): Promise<Member> {
  const folder = interop.swarm.folder(client?.name ?? 'p2p');
  const host = `member ${start.at}`;
  const file = join(folder, start.content.name);
  if (client) {
    writeFileSync(file, seventh(start));
    const theirs = await interop.start(client, { torrent: start.torrent, folder }, host);
    return { folder, complete: () => theirs.complete() };
  }
  writeFileSync(`${file}.part`, seventh(start));
  const { wrapper } = await interop.host(host);
  const settings = { wrapper, trackers: [], outputDir: folder };
  const { process } = interop.swarm.download(start.torrent, ['--seed'], settings);
  return { folder, complete: () => process.next('downloaded') };
}

/** The file with zeros wherever a piece belongs to another seventh. */
function seventh({ at, content }: Start): Uint8Array {
  const bytes = Uint8Array.from(content.files.get('') ?? []);
  for (let offset = 0; offset < bytes.length; offset += PIECE_LENGTH) {
    if ((offset / PIECE_LENGTH) % MEMBERS.length !== at) bytes.fill(0, offset, offset + PIECE_LENGTH);
  }
  return bytes;
}
