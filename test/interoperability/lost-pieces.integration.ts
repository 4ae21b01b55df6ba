/** A file that changes while it is served, and is put back: what others make of `lt_donthave` (BEP 54). */
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { testBytes } from '../helpers/test-bytes.js';
import { expectContent, type Content } from './content.js';
import { useInterop } from './interop-fixture.js';
import { libtorrent } from './libtorrent.js';
import { matrixTest } from './matrix.js';

const FILE_BYTES = 2_097_152;
const PIECE_LENGTH = 65_536;
const PIECES_A_FILE = FILE_BYTES / PIECE_LENGTH;
const SETTINGS = { kind: 'dual-hash', pieceLength: PIECE_LENGTH } as const;

describe('Pieces that are lost and libtorrent', function () {
  this.timeout(90_000);
  const interop = useInterop('loopback', [libtorrent]);
  const cell = { section: 'Pieces that are lost', row: 'a file of a folder goes, and comes back', quick: true };

  matrixTest({ ...cell, column: 'p2p → libtorrent' }, async () => {
    const content: Content = {
      name: 'folder-54',
      files: new Map(['going.bin', 'staying.bin'].map((name, at) => [name, testBytes(FILE_BYTES, 540 + at)] as const)),
    };
    const { path } = await interop.makeTorrent(content, SETTINGS);
    const ours = await interop.seedOurs(content, path, ['--no-super-seeding', '--upload-limit', '150K']);
    const root = ours.only.path;
    const folder = interop.swarm.folder('libtorrent');
    const theirs = await interop.start(libtorrent, { torrent: path, folder });
    const saidToHave = (pieces: number) => () => theirs.peers.at(-1)?.pieces === pieces;
    await theirs.until('our pieces', saidToHave(2 * PIECES_A_FILE));

    renameSync(join(root, 'going.bin'), join(root, 'gone.bin'));
    await theirs.until('word of the lost pieces', saidToHave(PIECES_A_FILE));
    renameSync(join(root, 'gone.bin'), join(root, 'going.bin'));
    await theirs.until('word of the pieces that are back', saidToHave(2 * PIECES_A_FILE));
    await theirs.complete();

    expectContent(content, folder);
    await theirs.kill();
  });
});
