import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { stopAndCountOnly } from '../helpers/sent-bytes.js';
import { storyBytes, writeStories } from '../helpers/story.js';
import { useSwarm } from '../helpers/swarm-fixture.js';

const NAME = 'short_story_10x.txt';
const PIECE_LENGTH = 128;
const RANGES = [
  ['--to', '0.2'],
  ['--from', '0.2', '--to', '0.4'],
  ['--from', '0.4', '--to', '0.6'],
  ['--from', '0.6', '--to', '0.8'],
  ['--from', '0.8'],
];

describe('Scenario 2: five seeders, each with a fifth', function () {
  this.timeout(60_000);
  const swarm = useSwarm();

  it('puts the file together, each part from the only one who has it', async () => {
    const [story = ''] = writeStories(swarm.folder('input'), [NAME]);
    await swarm.startTracker();
    const flags = ['--piece-length', String(PIECE_LENGTH)];
    const seeds = await Promise.all(RANGES.map((range) => swarm.seed(story, [...flags, ...range])));

    const download = swarm.download(NAME);
    const summary = await download.completed();

    expect(readFileSync(download.path(NAME)).equals(storyBytes(NAME))).to.equal(true);
    expect(summary).to.include({ refusedPieces: 0, wastedBytes: 0, downTotalBytes: storyBytes(NAME).length });
    const sent = await Promise.all(seeds.map((seed) => stopAndCountOnly(seed.process)));
    expect(sent).to.deep.equal(partSizes());
  });
});

/** Bytes of the pieces floor(a·n) to floor(b·n) of each fifth. */
function partSizes(): number[] {
  const totalBytes = storyBytes(NAME).length;
  const pieceCount = Math.ceil(totalBytes / PIECE_LENGTH);
  const borders = [0, 0.2, 0.4, 0.6, 0.8, 1].map((share) =>
    Math.min(Math.floor(share * pieceCount) * PIECE_LENGTH, totalBytes),
  );
  return borders.slice(1).map((end, at) => end - (borders[at] ?? 0));
}
