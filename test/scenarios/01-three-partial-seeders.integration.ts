import { expect } from 'chai';
import { readFileSync, readdirSync } from 'node:fs';
import { stopAndCountOnly, sum } from '../helpers/sent-bytes.js';
import { storyBytes, writeStories } from '../helpers/story.js';
import { useSwarm } from '../helpers/swarm-fixture.js';

const NAME = 'short_story_10x.txt';
const PIECE_LENGTH = 128;
/** Each piece that two of them miss has to come from the third. */
const MISSING = [
  ['20', '30', '40', '50'],
  ['10', '20', '50', '60'],
  ['10', '30', '40', '60'],
];

describe('Scenario 1: three partial seeders', function () {
  this.timeout(60_000);
  const swarm = useSwarm();

  it('gives one downloader the whole file, and says so in words', async () => {
    const [story = ''] = writeStories(swarm.folder('input'), [NAME]);
    await swarm.startTracker();
    const seeds = await Promise.all(
      MISSING.map((missing) => swarm.seed(story, ['--piece-length', String(PIECE_LENGTH), '--missing', ...missing])),
    );

    const cwd = swarm.folder('downloader');
    const args = ['peer', 'download', NAME, '--tracker', swarm.tracker.url, '-p', '0'];
    const downloader = swarm.start(args, { cwd, plainText: true });

    expect(await downloader.exit()).to.deep.equal({ code: 0, signal: null });
    expect(downloader.stdout).to.include(`Successfully Downloaded ${NAME} to output/${NAME}`);
    expect(readFileSync(`${cwd}/output/${NAME}`).equals(storyBytes(NAME))).to.equal(true);
    expect(readdirSync(`${cwd}/output`), 'nothing else is left').to.deep.equal([NAME]);
    expect(new Set(seeds.map((seed) => seed.only.infoHash)).size, 'swarms').to.equal(1);
    const pieceCount = Math.ceil(storyBytes(NAME).length / PIECE_LENGTH);
    for (const seed of seeds) {
      expect(seed.only).to.include({ pieceCount, offeredPieces: pieceCount - 4, published: true });
    }
    const sent = await Promise.all(seeds.map((seed) => stopAndCountOnly(seed.process)));
    for (const upTotalBytes of sent) expect(upTotalBytes).to.be.at.least(2 * PIECE_LENGTH);
    expect(sum(sent)).to.be.at.least(storyBytes(NAME).length);
  });
});
