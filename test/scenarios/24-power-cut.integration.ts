/**
 * The power goes while p2p downloads. Real runs are recorded: what they wrote, and when they asked the disk to keep it. For
 * many moments of these runs the folder is rebuilt as a file system may have left it: what was synced, and any part of the
 * rest. Whatever is left, nothing may be wrongly trusted, nothing durable may be lost, and the same command completes.
 */
import { expect } from 'chai';
import { mkdirSync, readFileSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

import { torrentFiles } from '../../src/engine/torrent-files.js';
import type { Metainfo } from '../../src/metainfo/metainfo.js';
import { parseMetainfo } from '../../src/metainfo/parse-metainfo.js';
import { seededRandom } from '../../src/swarm/seeded-random.js';
import type { JsonLine } from '../helpers/json-line.js';
import type { DiskEvent, Inode } from '../helpers/power-cut/disk-log.js';
import { aMemoryFolder, Recorder, requireRecorder } from '../helpers/power-cut/recorder.js';
import {
  adoptInodes,
  isWhole,
  recoverState,
  writeImage,
  type KnownTorrent,
  type RecordedPlaces,
} from '../helpers/power-cut/recovered-state.js';
import { SimulatedDisk, type DiskImage, type ImageFile } from '../helpers/power-cut/simulated-disk.js';
import { useSwarm, type DownloadRun } from '../helpers/swarm-fixture.js';
import { testBytes } from '../helpers/test-bytes.js';

const MIB = 1024 * 1024;
const PAGE_BYTES = 4096;
const SEED = 24;
/** Longer than two flushes of the files (5 s) and one of the database's log (10 s). */
const SECOND_RUN_MS = 11_000;
/** A slow disk: others write while it flushes. */
const SYNC_MS = 20;
const RESTARTS = 5;

describe('A power cut', function () {
  this.timeout(60_000);
  const swarm = useSwarm();
  let recorder: Recorder;
  let places: RecordedPlaces & { readonly outputDir: string };
  let targets: readonly string[] = [];
  let workDir = '';
  /** Where the recorded folder is kept, so that rebuilt ones can take its place. */
  let recordedDir = '';
  let recorded: Recorded;

  before(async function () {
    requireRecorder(this);
    await swarm.startTracker();
    const memory = aMemoryFolder();
    swarm.onClose(() => memory.remove());
    workDir = memory.path;
    recordedDir = join(workDir, 'recorded');
    recorder = new Recorder({ root: join(workDir, 'disk'), workDir, syncMs: SYNC_MS });
    const torrents = await Promise.all([
      share('story.bin', { '': testBytes(5 * MIB + 1234, 1) }),
      share('album', {
        'a.bin': testBytes(MIB + 13, 2),
        'cd1/b.bin': testBytes(70_000, 3),
        'cd1/deep/c.bin': testBytes(MIB, 4),
        'cd1/empty.txt': Buffer.alloc(0),
        'cd2/d.bin': testBytes(MIB + MIB / 2, 5),
        'nothing/empty.txt': Buffer.alloc(0),
      }),
    ]);
    targets = torrents.map(({ path }) => path);
    // No folder is there yet: that they are made is recorded too.
    const stateDir = join(recorder.root, 'data', 'state');
    places = { root: recorder.root, stateDir, outputDir: join(recorder.root, 'out', 'files'), torrents };
    recorded = await record();
    renameSync(recorder.root, recordedDir);
  });

  /** Three runs of the same command: one is killed, one is stopped politely, one completes. */
  async function record(): Promise<Recorded> {
    const first = start(['--download-limit', '2M'], recorder.nextEnv());
    await first.process.until('progress', ({ name, verifiedBytes }) => name === 'album' && verifiedBytes > MIB / 4);
    await first.process.kill();
    const killed = { at: recorder.events().length, verified: verifiedPieces(first) };

    const second = start(['--download-limit', '150K'], recorder.nextEnv());
    const { readAtMs } = await second.process.next('progress');
    await second.process.until('progress', (line) => line.readAtMs - readAtMs > SECOND_RUN_MS);
    const running = { at: recorder.events().length, verified: verifiedPieces(second) };
    await second.process.stop();
    const stopped = { at: recorder.events().length, verified: verifiedPieces(second) };

    await start([], recorder.nextEnv()).allCompleted();
    return { events: recorder.events(), killed, running, stopped };
  }

  function start(flags: readonly string[], env: Record<string, string> = {}): DownloadRun {
    const { outputDir, stateDir } = places;
    return swarm.download(targets, flags, { outputDir, stateDir, env });
  }

  /** Seeds files, by their path; `''` for a single one. */
  async function share(name: string, files: Record<string, Buffer>): Promise<KnownTorrent & { readonly path: string }> {
    const folder = swarm.folder('shared');
    for (const [path, bytes] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name, path)), { recursive: true });
      writeFileSync(join(folder, name, path), bytes);
    }
    const path = join(folder, `${name}.torrent`);
    const flags = ['--piece-length', '64K', '--tracker', swarm.tracker.url];
    await swarm.start(['create', join(folder, name), '-o', path, ...flags]).result();
    await swarm.seed(join(folder, name), ['--piece-length', '64K']);
    const metainfo = parseMetainfo(readFileSync(path));
    const bytes = Buffer.concat(metainfo.files.map((file) => files[file.path.join('/')] ?? Buffer.alloc(0)));
    return { metainfo, bytes, path };
  }

  it('is recorded without a gap: all events together give the folder as it is', () => {
    const disk = new SimulatedDisk({ rootInode: recorder.rootInode });
    for (const event of recorded.events) disk.apply(event);
    const image = disk.cut(() => 0, 1);

    const paths = readdirSync(recordedDir, { recursive: true, encoding: 'utf8' });
    const onDisk = paths.filter((path) => !path.endsWith('-shm'));
    expect([...image.folders, ...image.files.keys()].sort()).to.deep.equal(onDisk.sort());
    for (const [path, { bytes }] of image.files) {
      expect(bytes.equals(readFileSync(join(recordedDir, path))), path).to.equal(true);
    }
  });

  it('leaves nothing that is wrongly trusted, and takes nothing that was durable', () => {
    const { events, killed, running, stopped } = recorded;
    const cuts = pickCuts(events);
    for (const { at } of [killed, running, stopped]) cuts.add(at - 1);
    const disk = new SimulatedDisk({ rootInode: recorder.rootInode });
    const told = new Set<KnownTorrent>();
    const safe = new Set<string>();
    const safeAt = new Map<number, number>();
    let isKeptMore = true;

    for (const [at, event] of events.entries()) {
      disk.apply(event);
      // Until the next one, the worst disk keeps what it kept before.
      isKeptMore ||= event.type === 'sync-end';
      for (const torrent of places.torrents) if (saysDownloaded(event, torrent)) told.add(torrent);
      if (!cuts.has(at)) continue;
      for (const odds of isKeptMore ? [0, undefined] : [undefined]) {
        const seed = `${SEED}/${at}`;
        const label = `after event ${at}, a ${event.type}; odds ${odds ?? 'mixed'}, seed ${seed}`;
        const image = disk.cut(seededRandom(seed), odds);
        const { notes, durable, wrong } = recoverState(image, places, join(workDir, 'recovered'));
        expect(notes, `torn ${label}`).to.deep.equal([]);
        expect(wrong, `wrongly trusted ${label}`).to.deep.equal([]);
        // What the worst disk keeps, every disk keeps from now on.
        if (odds === 0) for (const piece of durable) safe.add(piece);
        const lost = [...safe].filter((piece) => !durable.has(piece));
        expect(lost, `lost ${label}`).to.deep.equal([]);
        for (const torrent of told) {
          const path = join(places.outputDir, torrent.metainfo.name);
          expect(isWhole(image, places.root, torrent, path), `${path} is whole ${label}`).to.equal(true);
        }
      }
      isKeptMore = false;
      safeAt.set(at + 1, safe.size);
    }

    expect(told.size).to.equal(places.torrents.length);
    expect(safeAt.get(running.at), 'safe while it runs').to.be.greaterThan(killed.verified);
    expect(safeAt.get(stopped.at), 'safe once it has stopped').to.be.at.least(stopped.verified);
    expect(safe.size, 'safe in the end').to.equal(pieceCount(places.torrents));
  });

  it('does not keep the same command from completing, and what was durable is not fetched again', async () => {
    const { events } = recorded;
    const random = seededRandom(SEED);
    const share = events.length / RESTARTS;
    /** By the number of the event, how much of what was not synced is there. */
    const cuts = new Map<number, number | undefined>(
      Array.from({ length: RESTARTS }, (_, part) => [Math.floor((part + random()) * share), undefined]),
    );
    // The final name is there, and of what was written down meanwhile nothing is.
    for (const at of namingEnds(events)) cuts.set(at, 0);
    const disk = new SimulatedDisk({ rootInode: recorder.rootInode });
    for (const [at, event] of events.entries()) {
      disk.apply(event);
      if (!cuts.has(at)) continue;
      const seed = `${SEED}/${at}`;
      const image = disk.cut(seededRandom(seed), cuts.get(at));
      await restart(image).catch((error: unknown) => {
        throw new Error(`after event ${at}, a ${event.type}; seed ${seed}`, { cause: error });
      });
    }
  });

  it('leaves a .part that is known from its first bytes on, though the disk kept nothing else', async () => {
    const { events, killed } = recorded;
    const disk = new SimulatedDisk({ rootInode: recorder.rootInode });
    const nameOf = new Map<Inode, string>();
    const begun = new Set<string>();
    for (const [at, event] of events.slice(0, killed.at).entries()) {
      disk.apply(event);
      if (event.type === 'create') nameOf.set(event.inode, torrentOf(event.path)?.metainfo.name ?? '');
      const name = event.type === 'write' ? nameOf.get(event.inode) : undefined;
      const isFirst = !!name && !begun.has(name);
      if (isFirst) begun.add(name);
      if (begun.size === 0) continue;
      const image = disk.cut(seededRandom(SEED), (path) => (path.split('/')[0] === 'out' ? 1 : 0));
      if (isFirst) await restart(withoutWholePieces(image));
      const recovered = recoverState(image, places, join(workDir, 'recovered'));
      expect(recovered.begun, `after event ${at}, a ${event.type}`).to.include.all.keys(...begun);
    }

    expect(begun.size).to.equal(places.torrents.length);
  });

  /** Which download an entry of the recorded folder belongs to while it is not complete. */
  function torrentOf(path: string): KnownTorrent | undefined {
    const below = relative(places.outputDir, join(places.root, path));
    return places.torrents.find(({ metainfo }) => below.split('/')[0] === `${metainfo.name}.part`);
  }

  /** Of what is in a `.part`, only every other page has reached the disk. */
  function withoutWholePieces({ folders, files }: DiskImage): DiskImage {
    const torn = [...files].map(([path, file]): [string, ImageFile] => {
      const bytes = Buffer.from(file.bytes);
      const lostBytes = torrentOf(path) ? bytes.length : 0;
      for (let at = 0; at < lostBytes; at += 2 * PAGE_BYTES) bytes.subarray(at, at + PAGE_BYTES).fill(0);
      return [path, { ...file, bytes }];
    });
    return { folders, files: new Map(torn) };
  }

  async function restart(image: DiskImage): Promise<void> {
    const { durable } = recoverState(image, places, join(workDir, 'recovered'));
    writeImage(image, places.root);
    adoptInodes(image, places);

    const run = start([]);
    const summaries = await run.allCompleted();

    expect(run.process.all('note').filter(({ message }) => message.includes('damaged'))).to.deep.equal([]);
    for (const { metainfo, bytes } of places.torrents) {
      const root = join(places.outputDir, metainfo.name);
      const files = torrentFiles(metainfo, root).map(({ path = '' }) => readFileSync(path));
      expect(Buffer.concat(files).equals(bytes), metainfo.name).to.equal(true);
      const kept = [...durable].filter((piece) => piece.startsWith(`${metainfo.name}/`));
      const keptBytes = kept.reduce((sum, piece) => sum + pieceSize(metainfo, piece), 0);
      const summary = summaries.find(({ name }) => name === metainfo.name);
      expect(summary?.downTotalBytes, metainfo.name).to.be.at.most(metainfo.layout.totalBytes - keptBytes);
    }
  }
});

interface Moment {
  /** Events until then. */
  readonly at: number;
  /** Pieces of all torrents that the process had told of. */
  readonly verified: number;
}

interface Recorded {
  readonly events: readonly DiskEvent[];
  readonly killed: Moment;
  /** When the second run was asked to stop. */
  readonly running: Moment;
  readonly stopped: Moment;
}

/** Before and after most of what asks the disk for something or changes a name; and here and there in between. */
function pickCuts(events: readonly DiskEvent[]): Set<number> {
  const random = seededRandom(SEED);
  const cuts = new Set([events.length - 1]);
  for (const [at, { type }] of events.entries()) {
    if (type === 'mark') continue;
    if (random() < (type === 'write' ? 0.05 : 0.6)) cuts.add(at);
    if (type !== 'write' && random() < 0.6) cuts.add(at - 1);
  }
  return cuts;
}

/** Where a folder has been flushed after something in it got its final name. */
function namingEnds(events: readonly DiskEvent[]): number[] {
  const ends: number[] = [];
  for (const [at, { type }] of events.entries()) {
    if (type === 'link' || type === 'rename')
      ends.push(events.findIndex((each, end) => end > at && each.type === 'sync-end'));
  }
  return ends;
}

/** Whether the process says in this event that a torrent is complete under its final name. */
function saysDownloaded(event: DiskEvent, { metainfo }: KnownTorrent): boolean {
  if (event.type !== 'mark') return false;
  const lines = event.text.split('\n').filter((line) => line.startsWith('{'));
  return lines
    .map((line) => JSON.parse(line) as JsonLine)
    .some((line) => line.type === 'downloaded' && line.name === metainfo.name);
}

function verifiedPieces({ process }: DownloadRun): number {
  const latest = new Map(process.all('progress').map((line) => [line.name, line.verifiedPieces]));
  return [...latest.values()].reduce((sum, count) => sum + count, 0);
}

function pieceCount(torrents: readonly KnownTorrent[]): number {
  return torrents.reduce((sum, { metainfo }) => sum + metainfo.layout.pieceCount, 0);
}

/** @param piece `NAME/INDEX` */
function pieceSize({ layout }: Metainfo, piece: string): number {
  return layout.pieceSize(layout.pieceIndex(Number(piece.split('/')[1])));
}
