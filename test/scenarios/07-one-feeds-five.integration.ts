import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { stopAndCountOnly, sum } from '../helpers/sent-bytes.js';
import { useSwarm } from '../helpers/swarm-fixture.js';
import { testBytes } from '../helpers/test-bytes.js';

const SIZE = 64 * 1024 * 1024;
const DOWNLOADERS = 5;

describe('Scenario 7: one full seeder, five downloaders', function () {
  this.timeout(90_000);
  const swarm = useSwarm();

  it('lets the downloaders feed one another: the seeder sends at most 1.5 copies', async () => {
    const data = testBytes(SIZE, 7);
    await swarm.startTracker();
    const limits = ['--upload-limit', '8M'];
    const seed = await swarm.seed(swarm.file('movie.bin', data), ['--piece-length', '16K', ...limits]);

    const downloads = Array.from({ length: DOWNLOADERS }, (_, at) =>
      swarm.download('movie.bin', ['--upload-limit', '24M'], { name: `downloader ${at}` }),
    );
    const summaries = await Promise.all(downloads.map((download) => download.completed(80_000)));

    for (const download of downloads) {
      expect(readFileSync(download.path('movie.bin')).equals(data), download.process.name).to.equal(true);
    }
    const sentBySeeder = await stopAndCountOnly(seed.process);
    expect(sentBySeeder / SIZE, 'copies that the seeder sent')
      .to.be.at.least(1)
      .and.at.most(1.5);
    const sentByAll = sentBySeeder + sum(summaries.map((summary) => summary.upTotalBytes));
    expect(sentByAll).to.be.at.least(DOWNLOADERS * SIZE);
    for (const summary of summaries) {
      expect(summary.upTotalBytes, 'each of them gives').to.be.greaterThan(0);
      expect(summary.wastedBytes / SIZE, 'wasted share').to.be.at.most(0.02);
    }
  });
});
