/** A lone seeder that shows its pieces one by one (BEP 16) to a crowd of the other make. */
import { expect } from 'chai';
import { expectContent, oneFile, writeContent } from './content.js';
import { useInterop } from './interop-fixture.js';
import { libtorrent } from './libtorrent.js';
import { matrixTest } from './matrix.js';

const ROW = 'one seeder, three that come at once';
const SECTION = 'Super-seeding';
const SIZE_BYTES = 6_000_000;
const UP_BYTES_PER_SEC = 1_500_000;
const CROWD = [1, 2, 3];
const SETTINGS = { kind: 'dual-hash', pieceLength: 65_536 } as const;

describe('Super-seeding and libtorrent', function () {
  this.timeout(90_000);
  const interop = useInterop('loopback', [libtorrent]);

  matrixTest({ section: SECTION, row: ROW, column: 'libtorrent → p2p', quick: true }, async () => {
    const content = oneFile(SIZE_BYTES, 30_001);
    const { path, infoHash } = await interop.makeTorrent(content, SETTINGS);
    const folder = interop.swarm.folder('libtorrent');
    writeContent(content, folder);
    const settings = { upload_rate_limit: UP_BYTES_PER_SEC };
    const theirs = await interop.start(libtorrent, { torrent: path, folder, superSeeding: true, settings });
    // It looks like a downloader to the tracker too.
    await theirs.until('an announce', ({ event }) => event === 'announced');
    await interop.untilKnown(infoHash, {});

    const crowd = await Promise.all(CROWD.map(() => interop.loadOurs(path, ['--seed'])));
    await Promise.all(crowd.map((ours) => ours.process.next('downloaded')));

    for (const ours of crowd) expectContent(content, ours.outputDir);
    for (const ours of crowd) await ours.process.stop();
    await theirs.kill();
  });

  matrixTest({ section: SECTION, row: ROW, column: 'p2p → libtorrent', quick: true }, async () => {
    const content = oneFile(SIZE_BYTES, 30_002);
    const { path } = await interop.makeTorrent(content, SETTINGS);
    const ours = await interop.seedOurs(content, path, ['--upload-limit', String(UP_BYTES_PER_SEC)]);

    const folders = CROWD.map(() => interop.swarm.folder('libtorrent'));
    const crowd = await Promise.all(folders.map((folder) => interop.start(libtorrent, { torrent: path, folder })));
    await Promise.all(crowd.map((theirs) => theirs.complete()));
    await ours.process.stop();

    for (const folder of folders) expectContent(content, folder);
    const { seeds = [] } = ours.process.lines.at(-1) as { seeds?: readonly { upTotalBytes: number }[] };
    expect((seeds[0]?.upTotalBytes ?? 0) / SIZE_BYTES, 'copies sent').to.be.within(1, 2);
    for (const theirs of crowd) await theirs.kill();
  });
});
