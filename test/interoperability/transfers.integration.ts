/** One seeder, one downloader, one of them a client that we did not write: kinds of content and of torrents. */
import { CLIENTS } from './clients.js';
import { oddFolder, oneFile, type Content } from './content.js';
import { useInterop, type TorrentSettings } from './interop-fixture.js';
import { matrixTest } from './matrix.js';
import { fromTheirs, toTheirs, type Transfer } from './one-to-one.js';

const KIB = 1024;
const MIB = 1024 * KIB;
const SIZES = { '16 KiB': 16 * KIB, '1 MiB': MIB, '4 MiB': 4 * MIB } as const;

interface Trial extends TorrentSettings {
  readonly row: string;
  readonly make: (seed: number) => Content;
}

const TRIALS: readonly Trial[] = (['dual-hash', 'plain v1'] as const).flatMap((kind) => [
  ...Object.entries(SIZES).map(([size, pieceLength]) => ({
    row: `one file, ${kind}, pieces of ${size}`,
    make: (seed: number) => oneFile(Math.max(2 * pieceLength, 2 * MIB) + 12_345, seed),
    kind,
    pieceLength,
  })),
  { row: `a folder with odd files, ${kind}`, make: oddFolder, kind, pieceLength: 32 * KIB },
]);

/** Tried with every `npm test`. */
const QUICK = ['a folder with odd files, dual-hash'];

/** Each test has content of its own, and so a swarm of its own. */
let seeds = 0;

for (const client of CLIENTS) {
  describe(`Interoperability with ${client.name}`, function () {
    this.timeout(60_000);
    const interop = useInterop(client.worksOnLoopback ? 'loopback' : 'lan', [client]);

    for (const trial of TRIALS) {
      const cell = { section: 'Transfers', row: trial.row, quick: QUICK.includes(trial.row) };
      matrixTest({ ...cell, column: `${client.name} → p2p` }, async () => {
        await fromTheirs(interop, client, await prepare(trial));
      });
      matrixTest({ ...cell, column: `p2p → ${client.name}` }, async () => {
        await toTheirs(interop, client, await prepare(trial));
      });
    }

    async function prepare(trial: Trial): Promise<Transfer> {
      const content = trial.make((seeds += 1));
      return { content, torrent: await interop.makeTorrent(content, trial) };
    }
  });
}
