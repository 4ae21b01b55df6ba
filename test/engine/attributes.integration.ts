import { expect } from 'chai';
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { testBytes } from '../helpers/test-bytes.js';
import { useEngines } from './engine-fixture.js';

const PIECE = 16_384;
const FILES = { 'a.bin': testBytes(20_000, 1), 'bin/run.sh': testBytes(100, 2), 'z.bin': testBytes(30_000, 3) };

describe('engine: padding and attributes (BEP 47)', () => {
  const engines = useEngines();

  /** A seeder of FILES as a padded torrent in which bin/run.sh is executable. @returns the .torrent file */
  async function aSeeder(): Promise<string> {
    const tracker = await engines.tracker();
    const tree = await engines.tree('album', FILES);
    chmodSync(path.join(tree, 'bin', 'run.sh'), 0o755);
    const engine = await engines.engine();
    const { bytes, metainfo } = await engine.api.create({
      ...{ path: tree, trackers: [tracker.url], pieceLengthBytes: PIECE, padFiles: true, attributes: true },
    });
    expect(metainfo.files.map((file) => [file.path.join('/'), file.lengthBytes, file.isPad])).to.deep.equal([
      ['a.bin', 20_000, false],
      ['.pad/12768', 12_768, true],
      ['bin/run.sh', 100, false],
      ['.pad/16284', 16_284, true],
      ['z.bin', 30_000, false],
    ]);
    const torrentFile = path.join(await engines.folder('torrent'), 'album.torrent');
    writeFileSync(torrentFile, bytes);
    await engine.seed(tree, { torrentFile });
    return torrentFile;
  }

  it('writes no padding, and makes executable what was so', async function () {
    if (process.platform === 'win32') this.skip();
    const torrentFile = await aSeeder();
    const outputDir = await engines.folder('output');
    const engine = await engines.engine();

    const transfer = await engine.download(torrentFile, outputDir);

    expect((await transfer.finished).state).to.equal('complete');
    const root = path.join(outputDir, 'album');
    expect(readdirSync(root).sort()).to.deep.equal(['a.bin', 'bin', 'z.bin']);
    for (const [name, bytes] of Object.entries(FILES)) {
      expect(readFileSync(path.join(root, name)).equals(bytes), name).to.equal(true);
      expect((statSync(path.join(root, name)).mode & 0o111) !== 0, name).to.equal(name === 'bin/run.sh');
    }
    expect((await engine.api.verify({ target: torrentFile, trackers: [] }, root)).badPieces).to.deep.equal([]);
  });

  it('brings nothing of the neighbours of a file that is chosen alone', async () => {
    const torrentFile = await aSeeder();
    const outputDir = await engines.folder('output');
    const engine = await engines.engine();

    const transfer = await engine.download(torrentFile, outputDir, { files: [{ type: 'range', first: 2, last: 3 }] });
    const { state, snapshot } = await transfer.finished;

    expect([state, snapshot.swarm.wantedPieces, transfer.chosenFiles]).to.deep.equal(['complete', 1, 1]);
    expect(existsSync(path.join(outputDir, 'album.part'))).to.equal(false);
    expect(readdirSync(path.join(outputDir, 'album'))).to.deep.equal(['bin']);
  });
});
