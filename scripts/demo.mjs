/**
 * `npm run demo`: a tracker, three seeders that each lack some pieces, and a downloader that needs all three; real
 * processes on free ports of this machine. Leaves the downloaded file, and ends everything that it started.
 */
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { P2pChild } from './p2p-child.mjs';
import { projectRoot } from './run-stage.mjs';
import { loadStoryModule } from './story-module.mjs';

const STORY = 'short_story_10x.txt';
const MISSING = [
  [20, 30, 40, 50],
  [10, 20, 50, 60],
  [10, 30, 40, 60],
];
/** What each seeder sends a second: slow enough to watch, the story takes about three seconds. */
const RATE = '7K';
const SEEDER_NAMES = ['Ada', 'Ben', 'Cleo'];

const hasTerminal = Boolean(process.stdout.isTTY);
const hasColour = hasTerminal && !process.env.NO_COLOR;
const paint = (code) => (text) => (hasColour ? `\u001b[${code}m${text}\u001b[0m` : text);
const [bold, dim, green, red] = [1, 2, 32, 31].map(paint);
const seederPaints = [36, 35, 33].map(paint);

const folder = mkdtempSync(path.join(tmpdir(), 'p2p-demo-'));
const outputDir = path.join(projectRoot, 'output', 'demo');
const children = [];

/** Starts one process of the show. */
function start(name, args, onLine) {
  const child = new P2pChild(args, path.join(folder, `state-${name}`), onLine);
  children.push(child);
  return child;
}

async function endAll() {
  await Promise.all(children.map((child) => child.kill()));
  rmSync(folder, { recursive: true, force: true });
}

/** A bar of `width` cells. */
function bar(share, width) {
  const full = Math.round(Math.min(1, share) * width);
  return '█'.repeat(full) + '░'.repeat(width - full);
}

/** Draws lines over those of the last call, where there is a terminal; elsewhere says a line at each quarter. */
class LiveView {
  #drawn = 0;
  #quarter = 0;

  draw(lines, share) {
    if (hasTerminal) {
      if (this.#drawn > 0) process.stdout.write(`\u001b[${this.#drawn}A`);
      for (const line of lines) process.stdout.write(`\u001b[2K${line}\n`);
      this.#drawn = lines.length;
      return;
    }
    const quarter = Math.floor(share * 4);
    if (quarter > this.#quarter) console.log(lines[0]);
    this.#quarter = Math.max(this.#quarter, quarter);
  }
}

async function startSeeders(file, trackerUrl, onUpload) {
  const seeders = MISSING.map((missing, index) => {
    const args = ['peer', 'seed', file, '--tracker', trackerUrl, '-p', '0', '--upload-limit', RATE];
    return start(
      SEEDER_NAMES[index],
      [...args, '--piece-length', '128', '--missing', ...missing.map(String)],
      (line) => {
        if (line.type === 'progress') onUpload(index, line.upTotalBytes);
      },
    );
  });
  for (const [index, seeder] of seeders.entries()) {
    const { pieceCount, offeredPieces } = await seeder.line('seeding');
    await seeder.line('announced');
    const name = seederPaints[index](SEEDER_NAMES[index].padEnd(5));
    console.log(`  ${name} seeds ${offeredPieces} of ${pieceCount} pieces; lacks ${MISSING[index].join(', ')}`);
  }
  return seeders;
}

async function download(trackerUrl, uploads, draw) {
  const args = ['peer', 'download', STORY, '--tracker', trackerUrl, '-p', '0', '-o', outputDir];
  const downloader = start('downloader', args, (line) => {
    if (line.type === 'progress') draw(line, uploads);
  });
  const { downloads } = await downloader.result();
  return downloads[0];
}

function liveDrawing() {
  const view = new LiveView();
  return ({ verifiedPieces, pieceCount, downBytesPerSec, peers }, uploads) => {
    const share = verifiedPieces / pieceCount;
    const rate = `${(downBytesPerSec / 1024).toFixed(0)} KiB/s`;
    const head = `  ${green(bar(share, 40))} ${verifiedPieces} of ${pieceCount} pieces, ${rate}, ${peers} peers`;
    const most = Math.max(1, ...uploads);
    const gifts = uploads.map((bytes, index) => {
      const name = seederPaints[index](SEEDER_NAMES[index].padEnd(5));
      return `  ${name} ${seederPaints[index](bar(bytes / most, 20))} gave ${Math.round(bytes / 128)} pieces`;
    });
    view.draw([head, ...gifts], share);
  };
}

function digestOf(file) {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}

async function show() {
  const { writeStories } = await loadStoryModule();
  const [source] = writeStories(path.join(folder, 'source'), [STORY]);
  rmSync(outputDir, { recursive: true, force: true });

  console.log(bold('\nOne story, three people who each lack some pages, one who wants it all\n'));
  const tracker = start('tracker', ['tracker', 'start', '--port', '0']);
  const { url } = await tracker.line('listening');
  console.log(`  The tracker, where peers find each other, listens at ${url}`);

  const uploads = [0, 0, 0];
  const seeders = await startSeeders(source, url, (index, bytes) => {
    uploads[index] = bytes;
  });
  console.log(`\n  Dora types: ${bold(`p2p peer download ${STORY} --tracker ${url}`)}`);
  console.log(dim(`  (the seeders send ${RATE}iB/s each, so that there is something to see)\n`));
  const draw = liveDrawing();
  const got = await download(url, uploads, draw);

  const verified = await start('verify', ['verify', STORY, got.path, '--tracker', url]).result();
  const results = await Promise.all(seeders.map((seeder) => seeder.stop()));
  const given = results.map(({ seeds }) => seeds[0].upTotalBytes);
  await tracker.stop();
  report({ got, source, verified, given });
}

function report({ got, source, verified, given }) {
  console.log('');
  for (const [index, bytes] of given.entries()) {
    const name = seederPaints[index](SEEDER_NAMES[index].padEnd(5));
    console.log(`  ${name} gave ${Math.round(bytes / 128)} pieces (${bytes} bytes)`);
  }
  const same = readFileSync(got.path).equals(readFileSync(source));
  if (!same || verified.badPieces?.length > 0 || verified.ok === false) {
    throw new Error(`the copy at ${got.path} differs from ${source}`);
  }
  console.log(`\n  ${green('✔')} every piece has its ${verified.algorithms?.join(' and ') ?? 'BLAKE3'} hash`);
  console.log(`  ${green('✔')} the copy is the original, byte for byte; SHA-256 ${digestOf(got.path).slice(0, 16)}…`);
  console.log(`\n  Read it: ${bold(path.relative(process.cwd(), got.path))}\n`);
}

process.once('SIGINT', () => {
  void endAll().then(() => process.exit(130));
});
try {
  await show();
} catch (error) {
  console.error(red(`\n  The demo failed: ${error.message}\n`));
  process.exitCode = 1;
} finally {
  await endAll();
}
