/** Scenarios 3 to 6 of the first milestone share their nine seeders, each of which serves the same four files. */
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { stopAndCount, sum } from '../helpers/sent-bytes.js';
import { STORY_SIZES, storyBytes, writeStories, type StoryName } from '../helpers/story.js';
import { useSwarm, type DownloadRun, type RunningSeed } from '../helpers/swarm-fixture.js';

const PIECE_LENGTH = 128;
const SEEDER_COUNT = 9;
const NAMES: readonly StoryName[] = [
  'short_story_100x.txt',
  'lorem_ipsum.txt',
  'short_story_10x.txt',
  'short_story.txt',
];

describe('Scenarios 3 to 6: nine seeders with overlapping parts', function () {
  this.timeout(90_000);
  const swarm = useSwarm();
  const downloadsOf = new Map<StoryName, number>(NAMES.map((name) => [name, 0]));
  let seeds: readonly RunningSeed[] = [];
  let wastedBytes = 0;

  before(async () => {
    const stories = writeStories(swarm.folder('input'), NAMES);
    await swarm.startTracker();
    const parts = Array.from({ length: SEEDER_COUNT }, (_, at) => partOf(at));
    seeds = await Promise.all(
      parts.map(({ from, to }) =>
        swarm.seed(stories, ['--piece-length', String(PIECE_LENGTH), '--from', `${from}`, '--to', `${to}`]),
      ),
    );
  });

  it('3: puts 600 KB together', () => fetches('short_story_100x.txt'));

  it('4: puts another text together', () => fetches('lorem_ipsum.txt'));

  it('5: serves three downloaders, one after another', async () => {
    for (let round = 0; round < 3; round += 1) await fetches('short_story_100x.txt');
  });

  it('6: serves four downloaders at once, each another file', async () => {
    await Promise.all(NAMES.map((name) => fetches(name)));
  });

  it('took from each seeder only its part, and from the first and last what they alone have', async () => {
    const counts = await Promise.all(seeds.map((seed) => stopAndCount(seed.process)));
    let excessBytes = 0;
    for (const [at, name] of NAMES.entries()) {
      const downloads = downloadsOf.get(name) ?? 0;
      const infoHash = seeds[0]?.seeding[at]?.infoHash ?? '';
      const sent = counts.map((count) => count.get(infoHash) ?? 0);
      excessBytes += sum(sent) - downloads * STORY_SIZES[name];
      expect(sent[0], `${name}: first`).to.be.at.least(downloads * partSize(name, 0, 0.1));
      expect(sent[8], `${name}: last`).to.be.at.least(downloads * partSize(name, 0.9, 1));
      for (const [seeder, bytes] of sent.entries()) {
        const { from, to } = partOf(seeder);
        expect(bytes, `${name}: seeder ${seeder}`).to.be.at.most(downloads * partSize(name, from, to) * 1.1);
      }
    }
    // Sent is either needed or counted as wasted: what was on its way when a download ended is the only rest.
    expect(excessBytes).to.be.at.least(0);
    expect(excessBytes).to.be.at.most(wastedBytes + 0.02 * 6 * STORY_SIZES['short_story_100x.txt']);
  });

  async function fetches(name: StoryName): Promise<void> {
    const download: DownloadRun = swarm.download(name);
    const summary = await download.completed();
    downloadsOf.set(name, (downloadsOf.get(name) ?? 0) + 1);
    wastedBytes += summary.wastedBytes;
    expect(readFileSync(download.path(name)).equals(storyBytes(name)), name).to.equal(true);
    expect(summary.refusedPieces).to.equal(0);
    expect(summary.wastedBytes, 'wasted').to.be.at.most(0.02 * summary.totalBytes + 10 * PIECE_LENGTH);
  }
});

/** 0 to 0.2, 0.1 to 0.3, ... 0.8 to 1. */
function partOf(seeder: number): { from: number; to: number } {
  return { from: seeder / 10, to: (seeder + 2) / 10 };
}

function partSize(name: StoryName, from: number, to: number): number {
  const pieceCount = Math.ceil(STORY_SIZES[name] / PIECE_LENGTH);
  const border = (share: number): number => Math.min(Math.floor(share * pieceCount) * PIECE_LENGTH, STORY_SIZES[name]);
  return border(to) - border(from);
}
