/**
 * A downloader that is killed with -9 again and again, at moments picked by chance. Whatever it said, wrote down and left on
 * the disk has to fit together, and the next run may ask for nothing that was there already.
 *
 * 20 kills; `P2P_KILLS=200` makes it 200. `P2P_KILL_SEED` repeats the chance of a run that failed.
 */
import { expect } from 'chai';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Metainfo } from '../../src/metainfo/metainfo.js';
import { Bitfield } from '../../src/protocol/bitfield.js';
import { aMetainfo } from '../helpers/a-torrent.js';
import type { P2pProcess } from '../helpers/p2p-process.js';
import { seededRandom } from '../helpers/story.js';
import { readStoredCopy, type StoredCopy } from '../helpers/stored-copies.js';
import { useSwarm, type PeerSettings } from '../helpers/swarm-fixture.js';
import { testBytes } from '../helpers/test-bytes.js';
import { WatchedSeeders, writeTorrent, type WatchedTorrent } from '../helpers/watched-seeders.js';

const KIB = 1024;
const MIB = 1024 * KIB;
const KILLS = Number(process.env['P2P_KILLS'] ?? 20);
const SEED = Number(process.env['P2P_KILL_SEED'] ?? Date.now() % 1_000_000);
const KILLS_IN_A_ROW = 5;

const KINDS = [
  {
    title: '64 MiB in pieces of 256 KiB',
    torrent: () => aFile('middle.bin', 64 * MIB, 256 * KIB),
    rateBytesPerSec: 24 * MIB,
  },
  { title: '1 MiB in pieces of 128 bytes', torrent: () => aFile('tiny.bin', MIB, 128), rateBytesPerSec: 256 * KIB },
  {
    title: '64 MiB in pieces of 16 MiB',
    torrent: () => aFile('huge.bin', 64 * MIB, 16 * MIB),
    rateBytesPerSec: 32 * MIB,
  },
  { title: 'a folder of 300 files', torrent: () => aFolder('album', 300, 16 * KIB), rateBytesPerSec: 2 * MIB },
] as const;

/** How things stood when a run had been killed. */
interface Wreck {
  readonly stored: StoredCopy;
  /** Whether the first write had made a file. */
  readonly hasFiles: boolean;
  /** Pieces that are right on the disk. */
  readonly right: Bitfield;
}

describe('A downloader that is killed', function () {
  this.timeout(60_000 + KILLS * 10_000);
  const swarm = useSwarm();
  const random = seededRandom(SEED);
  const seeders: WatchedSeeders[] = [];
  /** Over all kills: pieces in flight, and those of them that were asked for again. */
  const counts = { kills: 0, inFlight: 0, again: 0, hashed: 0, trusted: 0 };

  before(() => swarm.startTracker());
  afterEach(async function () {
    if (this.currentTest?.state === 'failed') console.error(`P2P_KILL_SEED=${SEED} repeats this`);
    await Promise.all(seeders.splice(0).map((each) => each.close()));
  });
  after(() => {
    if (process.env['P2P_KILLS'] !== undefined) console.log(`      ${JSON.stringify({ seed: SEED, ...counts })}`);
  });

  for (const { title, torrent, rateBytesPerSec } of KINDS) {
    it(`fetches nothing twice that was verified, believes what is durable and hashes only the rest: ${title}`, async () => {
      const made = torrent();
      const trackerUrl = swarm.tracker.url;
      const seeder = new WatchedSeeders(made, { count: 2, rateBytesPerSec, trackerUrl });
      seeders.push(seeder);
      await seeder.listen();
      const target = writeTorrent(join(swarm.folder(), 'of.torrent'), made.metainfo, trackerUrl);
      const trials = Math.ceil(KILLS / KINDS.length / KILLS_IN_A_ROW);
      for (let trial = 0; trial < trials; trial += 1) await tryOnce(made, seeder, target);
    });
  }

  /** Several kills in a row, the last one about when everything is there; then it may finish. */
  async function tryOnce(torrent: WatchedTorrent, seeder: WatchedSeeders, target: string): Promise<void> {
    const { metainfo, data } = torrent;
    const place = { outputDir: swarm.folder('output'), stateDir: swarm.folder('state') };
    let wreck: Wreck | undefined;
    for (let kill = 1; kill <= KILLS_IN_A_ROW; kill += 1) {
      const { process } = await begin(seeder, target, place);
      if (wreck?.hasFiles === true) await process.until('resumed', () => true);
      await Promise.race([
        kill < KILLS_IN_A_ROW
          ? untilSome(seeder, metainfo, wreck)
          : untilLast(seeder, process, blocksMissing(metainfo, wreck)),
        process.exit().catch(() => undefined),
      ]);
      await process.kill();
      expectGoneOnFrom(wreck, process, seeder, counts);
      wreck = examine(torrent, place, process, seeder);
      counts.kills += 1;
      counts.inFlight += wreck.stored.ownership.intents.count();
    }
    const last = await begin(seeder, target, place);
    await last.completed();
    expectGoneOnFrom(wreck, last.process, seeder, counts);
    expect(readContent(metainfo, last.path(metainfo.name)).equals(data), 'all bytes').to.equal(true);
    // 200 kills would fill a disk, and the log of the one that fails would be long.
    rmSync(place.outputDir, { recursive: true });
    swarm.processes.splice(1);
  }

  async function begin(seeder: WatchedSeeders, target: string, place: PeerSettings) {
    await seeder.beginRun();
    return swarm.download(target, [], place);
  }

  /** Some pieces, and then some blocks more. */
  async function untilSome(seeder: WatchedSeeders, { layout }: Metainfo, wreck: Wreck | undefined): Promise<void> {
    const left = layout.pieceCount - (wreck?.right.count() ?? 0);
    const most = Math.max(1, Math.floor(layout.pieceCount / (KILLS_IN_A_ROW + 1)));
    const pieces = Math.min(Math.floor(random() * (most + 1)), left - 1);
    const blocks = 1 + Math.floor(random() * 32);
    await seeder.until(() => seeder.haves.size >= pieces && seeder.blocksSent > 0);
    const enough = seeder.blocksSent + blocks;
    await seeder.until(() => seeder.blocksSent >= enough || seeder.linksClosed > 0);
  }

  /** From the last block to the end of the process there are many steps: one of them, by chance. */
  async function untilLast(seeder: WatchedSeeders, peer: P2pProcess, blocks: number): Promise<void> {
    const moment = Math.floor(random() * 4);
    if (moment === 0) await seeder.until(() => seeder.blocksSent >= blocks);
    else if (moment === 1) await seeder.until(() => seeder.linksClosed > 0);
    else if (moment === 2)
      await peer.until('progress', ({ verifiedPieces, pieceCount }) => verifiedPieces === pieceCount);
    else await peer.next('downloaded');
  }
});

/** What a run did that found a wreck: it asked for nothing that was right, and looked only at what was doubtful. */
function expectGoneOnFrom(
  wreck: Wreck | undefined,
  peer: P2pProcess,
  seeder: WatchedSeeders,
  counts: { again: number; hashed: number; trusted: number },
): void {
  if (!wreck) return;
  const { intents, verified, durable } = wreck.stored.ownership;
  const doubtful = [...intents.indices(), ...verified.indices()].filter((index) => !durable.has(index));
  const again = [...seeder.requested].filter((index) => wreck.right.has(index));
  expect(again, 'asked for, though it was there').to.deep.equal([]);
  const [resumed] = peer.all('resumed');
  if (!wreck.hasFiles) return;
  if (!resumed) throw new Error(`what was there was not taken up\n${peer.log()}`);
  expect(resumed.trustedPieces, 'believed').to.equal(durable.count());
  expect(resumed.hashedPieces, 'hashed').to.be.at.most(doubtful.length);
  expect(resumed.ownedPieces, 'found').to.equal(wreck.right.count());
  Object.assign(counts, {
    again: counts.again + [...seeder.requested].filter((index) => intents.has(index)).length,
    hashed: counts.hashed + resumed.hashedPieces,
    trusted: counts.trusted + resumed.trustedPieces,
  });
}

/** What a killed run left: what it claimed is written down, and what is written down is on the disk. */
function examine(
  { metainfo, data }: WatchedTorrent,
  place: { readonly outputDir: string; readonly stateDir: string },
  peer: P2pProcess,
  seeder: WatchedSeeders,
): Wreck {
  const stored = readStoredCopy(place.stateDir);
  const { intents, verified } = stored.ownership;
  const target = join(place.outputDir, metainfo.name);
  const root = existsSync(target) ? target : `${target}.part`;
  const content = readContent(metainfo, root);
  const right = rightPieces(metainfo, data, content);
  const not = (wanted: Iterable<number>, ...sets: readonly Bitfield[]): number[] =>
    [...wanted].filter((index) => !sets.some((set) => set.has(index)));
  expect(not(seeder.haves, verified), 'told to others before it was written down').to.deep.equal([]);
  expect(peer.all('progress').at(-1)?.verifiedPieces ?? 0, 'shown').to.be.at.most(verified.count());
  expect(not(verified.indices(), right), 'written down, and not on the disk').to.deep.equal([]);
  expect(not(seeder.requested, intents, verified), 'asked for without an intent').to.deep.equal([]);
  return { stored, right, hasFiles: existsSync(root) };
}

function rightPieces({ layout }: Metainfo, data: Uint8Array, content: Buffer): Bitfield {
  const right = new Bitfield(layout.pieceCount);
  for (let index = 0; index < layout.pieceCount; index += 1) {
    const start = index * layout.pieceLengthBytes;
    const end = start + layout.pieceLengthBytes;
    if (content.subarray(start, end).equals(data.subarray(start, end))) right.set(index);
  }
  return right;
}

function blocksMissing({ layout }: Metainfo, wreck: Wreck | undefined): number {
  let blocks = 0;
  for (let index = 0; index < layout.pieceCount; index += 1) {
    if (wreck?.right.has(index) !== true) blocks += layout.blockCount(layout.pieceIndex(index));
  }
  return blocks;
}

/** All files of a torrent end to end; what is not there is zeros. */
function readContent({ layout, files, isFolder }: Metainfo, root: string): Buffer {
  const content = Buffer.alloc(layout.totalBytes);
  let at = 0;
  for (const { path, lengthBytes } of files) {
    const file = isFolder ? join(root, ...path) : root;
    if (existsSync(file)) content.set(readFileSync(file).subarray(0, lengthBytes), at);
    at += lengthBytes;
  }
  return content;
}

function aFile(name: string, sizeBytes: number, pieceLengthBytes: number): WatchedTorrent {
  const data = testBytes(sizeBytes, 24);
  return { metainfo: aMetainfo({ name, content: data, pieceLengthBytes }), data };
}

/** Files of odd sizes, 20 KB in the middle. */
function aFolder(name: string, fileCount: number, pieceLengthBytes: number): WatchedTorrent {
  const paths = Array.from(
    { length: fileCount },
    (_, at) => `${at % 10}/${String(at).padStart(4, '0')}.bin`,
  ).toSorted();
  const files = Object.fromEntries(paths.map((path, at) => [path, testBytes(1 + ((at * 7_919) % 40_000), at + 1)]));
  return { metainfo: aMetainfo({ name, files, pieceLengthBytes }), data: Buffer.concat(Object.values(files)) };
}
