import { expect } from 'chai';
import { mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { seededRandom } from '../helpers/story.js';
import { useSwarm } from '../helpers/swarm-fixture.js';
import { testBytes } from '../helpers/test-bytes.js';

const FILE_COUNT = 200;

describe('Scenario 11: a folder of 200 files', function () {
  this.timeout(60_000);
  const swarm = useSwarm();

  it('arrives whole: empty files, spaces, emoji, 200 letters, borders inside pieces', async () => {
    const folder = join(swarm.folder('input'), 'my holiday 🏖');
    const files = manyFiles();
    for (const [path, bytes] of files) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), bytes);
    }
    await swarm.startTracker();
    const flags = ['--piece-length', '128'];
    const seeds = await Promise.all([
      swarm.seed(folder, [...flags, '--to', '0.6']),
      swarm.seed(folder, [...flags, '--from', '0.4']),
    ]);

    const download = swarm.download('my holiday 🏖');
    const summary = await download.completed();

    const arrived = treeOf(download.path('my holiday 🏖'));
    expect([...arrived.keys()].sort()).to.deep.equal([...files.keys()].sort());
    for (const [path, bytes] of files) expect(arrived.get(path)?.equals(bytes), path).to.equal(true);
    expect(readdirSync(download.outputDir)).to.deep.equal(['my holiday 🏖']);
    expect(summary).to.include({ name: 'my holiday 🏖', refusedPieces: 0 });
    expect(seeds[0].only.infoHash).to.equal(seeds[1].only.infoHash);
  });
});

/** 200 files by their path below the folder; sizes around the piece length, each tenth one empty. */
function manyFiles(): Map<string, Buffer> {
  const random = seededRandom(11);
  const files = new Map<string, Buffer>();
  for (let at = 0; at < FILE_COUNT; at += 1) {
    const size = at % 10 === 0 ? 0 : Math.floor(random() * 1_500);
    files.set(pathOf(at), testBytes(size, at));
  }
  files.set(pathOf(1), testBytes(128, 1));
  files.set(pathOf(2), testBytes(1, 2));
  files.set(pathOf(3), testBytes(127, 3));
  return files;
}

function pathOf(at: number): string {
  const kinds = [
    `plain-${at}.txt`,
    `with some spaces ${at} .txt`,
    `🎉 ünï ${at} 日本.txt`,
    `${'x'.repeat(200 - String(at).length)}${at}`,
    `deep/er/and deeper/${at}.bin`,
  ];
  return `${at % 3 === 0 ? `sub ${at % 7}/` : ''}${kinds[at % kinds.length] ?? ''}`;
}

function treeOf(root: string, below = ''): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  for (const name of readdirSync(join(root, below))) {
    const path = below === '' ? name : `${below}/${name}`;
    if (statSync(join(root, path)).isDirectory()) {
      for (const [inner, bytes] of treeOf(root, path)) files.set(inner, bytes);
    } else files.set(path, readFileSync(join(root, path)));
  }
  return files;
}
