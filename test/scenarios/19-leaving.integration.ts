/** How peers leave: the tracker is told, what came is kept, exit codes say how it ended. */
import { expect } from 'chai';
import { existsSync } from 'node:fs';
import { scrape } from '../helpers/scrape.js';
import { useSwarm } from '../helpers/swarm-fixture.js';
import { testBytes } from '../helpers/test-bytes.js';

describe('Leaving the swarm', function () {
  this.timeout(60_000);
  const swarm = useSwarm();

  before(() => swarm.startTracker());

  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    it(`a seeder that gets ${signal} tells the tracker goodbye and ends with 0`, async () => {
      const seed = await swarm.seed(swarm.file(`${signal}.bin`, testBytes(1_000, 1)));
      const { infoHash } = seed.only;
      expect(await scrape(swarm.tracker.url, infoHash)).to.deep.equal({ seeders: 1, leechers: 0 });

      seed.process.signal(signal);
      const { seeds } = await seed.process.result();

      expect(seeds).to.deep.equal([{ name: `${signal}.bin`, infoHash, upTotalBytes: 0 }]);
      expect(await scrape(swarm.tracker.url, infoHash)).to.deep.equal({ seeders: 0, leechers: 0 });
    });
  }

  for (const { signal, code } of [
    { signal: 'SIGINT', code: 130 },
    { signal: 'SIGTERM', code: 143 },
  ] as const) {
    it(`a downloader that gets ${signal} tells the tracker goodbye, keeps what came and ends with ${code}`, async () => {
      const name = `${signal}-half.bin`;
      const flags = ['--piece-length', '128', '--missing', '3'];
      const seed = await swarm.seed(swarm.file(name, testBytes(5_000, 2)), flags);
      const download = swarm.download(name);
      await download.process.until('progress', (line) => line.verifiedPieces === line.pieceCount - 1);

      download.process.signal(signal);

      expect(await download.process.exit()).to.deep.equal({ code, signal: null });
      expect(download.process.lines.at(-1)?.type).to.be.oneOf(['result', 'error']);
      // The seeder lacks a piece, so that it is the leecher that is left.
      expect(await scrape(swarm.tracker.url, seed.only.infoHash)).to.deep.equal({ seeders: 0, leechers: 1 });
      expect(existsSync(download.path(`${name}.part`))).to.equal(true);
      expect(existsSync(download.path(name))).to.equal(false);
      await seed.process.stop();
    });
  }

  it('a second Ctrl-C ends at once, though the tracker does not answer the goodbye', async () => {
    const seed = await swarm.seed(swarm.file('hurry.bin', testBytes(1_000, 3)));
    swarm.tracker.process.signal('SIGSTOP');

    try {
      const startedAtMs = performance.now();
      seed.process.signal('SIGINT');
      seed.process.signal('SIGINT');
      const { code } = await seed.process.exit();

      expect(code).to.be.oneOf([0, 130]);
      expect(performance.now() - startedAtMs).to.be.below(2_000);
    } finally {
      swarm.tracker.process.signal('SIGCONT');
    }
  });

  it('a goodbye that the tracker does not answer holds nobody up', async () => {
    const seed = await swarm.seed(swarm.file('hung.bin', testBytes(1_000, 4)));
    swarm.tracker.process.signal('SIGSTOP');

    try {
      const startedAtMs = performance.now();
      expect(await seed.process.stop()).to.deep.equal({ code: 0, signal: null });
      expect(performance.now() - startedAtMs).to.be.below(3_000);
    } finally {
      swarm.tracker.process.signal('SIGCONT');
    }
  });

  it('a peer that was killed is passed over by those who come later', async () => {
    const data = testBytes(20_000, 5);
    const killed = await swarm.seed(swarm.file('dead.bin', data), ['--piece-length', '128']);
    await swarm.seed(swarm.file('dead.bin', data), ['--piece-length', '128']);
    await killed.process.kill();

    await swarm.download('dead.bin').completed();
  });

  it('a reader that closes the pipe ends a download quietly', async () => {
    const flags = ['--piece-length', '1K', '--upload-limit', '20K'];
    await swarm.seed(swarm.file('piped.bin', testBytes(400_000, 6)), flags);
    const download = swarm.download('piped.bin');
    await download.process.until('progress', (line) => line.verifiedPieces > 0);

    download.process.closeStdout();
    const end = await download.process.exit(15_000);

    expect(download.process.stderr).to.equal('');
    expect(end.code, 'exit code').to.equal(4);
  });

  it('a tracker that gets SIGTERM says what it did and ends with 0', async () => {
    const { process } = swarm.tracker;

    process.signal('SIGTERM');

    expect((await process.result()).type).to.equal('result');
  });
});
