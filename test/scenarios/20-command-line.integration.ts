/** The ways in which people name things: the old command line, targets of each kind, several at once. */
import { expect } from 'chai';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { storyBytes, writeStories } from '../helpers/story.js';
import { useSwarm } from '../helpers/swarm-fixture.js';
import { testBytes } from '../helpers/test-bytes.js';

const NAME = 'short_story.txt';
/** Long enough for several pieces of the length that is chosen by size. */
const LONG = 'short_story_10x.txt';

describe('The old command line', function () {
  this.timeout(60_000);
  const swarm = useSwarm();

  it('seeds with -S and downloads without it', async () => {
    const { port } = await swarm.startTracker();
    const there = ['-i', '127.0.0.1', '-d', String(port), '-p', '0', '-f', LONG];
    const parts = [
      ['-m', '0', '1'],
      ['-r1', '0', '-r2', '0.5'],
    ];
    const seeders = parts.map((part) => {
      const cwd = swarm.folder('seeder');
      writeStories(join(cwd, 'input'), [LONG]);
      return swarm.start(['peer', '-S', ...there, ...part], { cwd, name: 'old seeder' });
    });
    const seeding = await Promise.all(seeders.map((seeder) => seeder.next('seeding')));
    await Promise.all(seeders.map((seeder) => seeder.next('announced')));
    expect(seeding[0]?.offeredPieces).to.equal((seeding[0]?.pieceCount ?? 0) - 2);
    expect(seeding[1]?.offeredPieces).to.equal(Math.floor((seeding[1]?.pieceCount ?? 0) * 0.5));

    const cwd = swarm.folder('downloader');
    const download = swarm.start(['peer', ...there], { cwd, name: 'old downloader' });
    await download.result();

    expect(readFileSync(join(cwd, 'output', LONG)).equals(storyBytes(LONG))).to.equal(true);
  });
});

describe('Targets', function () {
  this.timeout(60_000);
  const swarm = useSwarm();
  const data = testBytes(30_000, 20);

  before(() => swarm.startTracker());

  it('are found by name, info hash, BLAKE3 hash, magnet link and .torrent file', async () => {
    const { only } = await swarm.seed(swarm.file('found.bin', data), ['--piece-length', '1K']);
    const torrent = join(swarm.folder('torrent'), 'found.torrent');
    const file = swarm.file('found.bin', data);
    await swarm.start(['create', file, '-o', torrent, '--piece-length', '1K']).result();

    const targets = ['found.bin', 'name:found.bin', only.infoHash, only.blake3InfoHash, only.magnet, torrent];
    for (const target of targets) {
      const download = swarm.download(target);
      const summary = await download.completed();
      expect(summary.infoHash, target).to.equal(only.infoHash);
      expect(readFileSync(download.path('found.bin')).equals(data), target).to.equal(true);
    }
  });

  it('several of them are fetched by one process', async () => {
    const input = swarm.folder('input');
    const stories = writeStories(input, [NAME, 'short_story_10x.txt']);
    await swarm.seed(stories, ['--piece-length', '128']);

    const download = swarm.download([NAME, 'short_story_10x.txt']);
    const summaries = await download.allCompleted();

    expect(summaries.map((summary) => summary.name).sort()).to.deep.equal([NAME, 'short_story_10x.txt'].sort());
    expect(readdirSync(download.outputDir).sort()).to.deep.equal([NAME, 'short_story_10x.txt'].sort());
    expect(readFileSync(download.path(NAME)).equals(storyBytes(NAME))).to.equal(true);
  });

  it('each file of ./input is seeded when no path is given, but not hidden ones and .part', async () => {
    const cwd = swarm.folder('seeder');
    const input = join(cwd, 'input');
    writeStories(input, [NAME]);
    mkdirSync(join(input, 'album'));
    writeStories(join(input, 'album'), ['short_story_10x.txt']);
    writeFileSync(join(input, '.hidden'), 'x');
    writeFileSync(join(input, 'half.bin.part'), 'x');
    const seeder = swarm.start(['peer', 'seed', '--tracker', swarm.tracker.url, '-p', '0'], { cwd });

    await seeder.until('seeding', (line) => line.name === NAME);
    await seeder.stop();

    const names = seeder.all('seeding').map((line) => line.name);
    expect(names).to.include(NAME);
    expect(names).not.to.include('.hidden').and.not.to.include('half.bin.part');
  });

  it('what the tracker knows is listed', async () => {
    const { only } = await swarm.seed(swarm.file('listed.bin', data), ['--piece-length', '1K']);

    const { torrents } = await swarm.start(['list', '--tracker', swarm.tracker.url]).result();

    const entries = torrents as readonly Record<string, unknown>[];
    const entry = entries.find(({ name }) => name === 'listed.bin');
    expect(entry).to.include({ infoHash: only.infoHash, totalBytes: data.length, seeders: 1 });
  });

  it('the command that seed prints is what others have to type', async () => {
    const seed = await swarm.seed(swarm.file('typed.bin', data), ['--piece-length', '1K']);
    const [program, ...words] = seed.only.command.split(' ');

    const cwd = swarm.folder('downloader');
    const download = swarm.start([...words, '-p', '0'], { cwd });
    await download.result();

    expect(program).to.equal('p2p');
    expect(readFileSync(join(cwd, 'output', 'typed.bin')).equals(data)).to.equal(true);
  });

  it('a downloader with --seed feeds the next one after the seeder left', async () => {
    const seed = await swarm.seed(swarm.file('handed-on.bin', data), ['--piece-length', '1K']);
    const first = swarm.download('handed-on.bin', ['--seed']);
    await first.process.next('downloaded');
    await seed.process.stop();

    const second = swarm.download('handed-on.bin');
    await second.completed();

    expect(readFileSync(second.path('handed-on.bin')).equals(data)).to.equal(true);
    expect((await first.process.stop()).code).to.equal(0);
  });

  it('an empty file arrives', async () => {
    await swarm.seed(swarm.file('empty.bin', ''));

    const download = swarm.download('empty.bin');
    await download.completed();

    expect(readFileSync(download.path('empty.bin'))).to.have.length(0);
  });
});
