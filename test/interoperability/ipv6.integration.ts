/** Swarms whose only tracker is reached by IPv6, so that it names nobody by IPv4; on loopback it would: `::1` is 127.0.0.1 to it. */
import { CLIENTS } from './clients.js';
import { oneFile } from './content.js';
import { useInterop } from './interop-fixture.js';
import { matrixTest } from './matrix.js';
import { fromTheirs, toTheirs, type Transfer } from './one-to-one.js';

const SIZE_BYTES = 1_000_000;
const PIECE_LENGTH = 65_536;

describe('Interoperability by IPv6', function () {
  this.timeout(60_000);
  const interop = useInterop('lan', CLIENTS);
  let seeds = 3_000;

  for (const client of CLIENTS) {
    const cell = { section: 'Transfers', row: 'one file, IPv6' };
    matrixTest({ ...cell, column: `${client.name} → p2p`, quick: client.name === 'libtorrent' }, async () => {
      await fromTheirs(interop, client, await prepare());
    });
    matrixTest({ ...cell, column: `p2p → ${client.name}`, quick: client.name === 'aria2' }, async () => {
      await toTheirs(interop, client, await prepare());
    });
  }

  async function prepare(): Promise<Transfer> {
    const content = oneFile(SIZE_BYTES, (seeds += 1));
    const settings = { kind: 'plain v1', pieceLength: PIECE_LENGTH, announce: await interop.announceUrl(6) } as const;
    return { content, torrent: await interop.makeTorrent(content, settings) };
  }
});
