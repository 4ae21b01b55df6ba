import { expect } from 'chai';
import { existsSync, readFileSync } from 'node:fs';
import { storyBytes, writeStories } from '../helpers/story.js';
import { useSwarm, type RunningSeed } from '../helpers/swarm-fixture.js';

const NAME = 'short_story.txt';
const MISSING = [3, 17, 46];
/** Far below the tracker's min interval: the newcomer has to dial, since the downloader just announced. */
const SOON_MS = 8_000;

describe('Scenario 9: pieces that nobody has', function () {
  this.timeout(60_000);
  const swarm = useSwarm();
  let story = '';
  let partial: RunningSeed;

  before(async () => {
    [story = ''] = writeStories(swarm.folder('input'), [NAME]);
    await swarm.startTracker();
    partial = await swarm.seed(story, ['--piece-length', '128', '--missing', ...MISSING.map(String)]);
  });

  it('are named, and end the download with exit code 4 at --timeout', async () => {
    const download = swarm.download(NAME, ['--timeout', '2s']);
    const error = await download.process.failure();

    expect(error).to.include({ exitCode: 4, code: 'P2P_INCOMPLETE' });
    for (const index of MISSING) expect(error.message).to.match(new RegExp(`\\b${index}\\b`));
    expect(error.details['missingEverywhere']).to.deep.equal(MISSING);
    const progress = download.process.all('progress').at(-1);
    expect(progress).to.deep.include({ missingEverywhere: MISSING, missingEverywhereCount: MISSING.length });
    expect(progress?.verifiedPieces).to.equal(partial.only.pieceCount - MISSING.length);
    expect(existsSync(download.path(NAME)), 'no file under its final name').to.equal(false);
    expect(existsSync(download.path(`${NAME}.part`)), 'what came is kept').to.equal(true);
  });

  it('are named in words without --json, too', async () => {
    const cwd = swarm.folder('downloader');
    const args = ['peer', 'download', NAME, '--tracker', swarm.tracker.url, '-p', '0', '--timeout', '1s'];
    const download = swarm.start(args, { cwd, plainText: true });

    expect(await download.exit()).to.deep.equal({ code: 4, signal: null });
    for (const index of MISSING) expect(download.stderr + download.stdout).to.match(new RegExp(`\\b${index}\\b`));
    expect(download.stdout).not.to.include('Successfully');
  });

  it('come soon after a peer that has them joins', async () => {
    const download = swarm.download(NAME);
    await download.process.until('progress', (line) => line.missingEverywhereCount === MISSING.length, 20_000);

    const full = await swarm.seed(story, ['--piece-length', '128']);
    const announcedAtMs = full.process.all('announced')[0]?.readAtMs ?? 0;
    const { readAtMs } = await download.process.next('downloaded');
    await download.completed();

    expect(full.only.infoHash).to.equal(partial.only.infoHash);
    expect(readFileSync(download.path(NAME)).equals(storyBytes(NAME))).to.equal(true);
    expect(readAtMs - announcedAtMs).to.be.below(SOON_MS);
  });
});
