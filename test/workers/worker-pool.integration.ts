import { expect } from 'chai';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

import { P2pError } from '../../src/errors.js';
import { BLOCK_LENGTH } from '../../src/metainfo/piece-layout.js';
import type { HashTask } from '../../src/workers/worker-messages.js';
import { ID, TestPeer, words, type TestPeerOptions } from '../helpers/test-peer.js';
import { PoolDriver, TORRENT_ID, type DriverOptions } from './pool-driver.js';
import { MIB, useTorrents, type TorrentOnDisk } from './torrent-on-disk.js';

const INFO_HASH = new Uint8Array(20).fill(3);

async function failure(work: Promise<unknown>): Promise<P2pError> {
  return work.then(
    () => {
      throw new Error('it did not fail');
    },
    (error: unknown) => error as P2pError,
  );
}

describe('WorkerPool', function () {
  this.timeout(30_000);
  const aTorrent = useTorrents();
  const drivers: PoolDriver[] = [];
  const peers: TestPeer[] = [];
  let folder = '';

  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'p2p-pool-'));
  });

  afterEach(async () => {
    await Promise.all(peers.splice(0).map((peer) => peer.close()));
    await Promise.all(drivers.splice(0).map((driver) => driver.pool.close()));
    rmSync(folder, { recursive: true, force: true });
  });

  function aDriver(options: DriverOptions = {}): PoolDriver {
    const driver = new PoolDriver({ infoHash: INFO_HASH, ...options });
    drivers.push(driver);
    return driver;
  }

  async function aPeer(torrent: TorrentOnDisk, options: Partial<TestPeerOptions> = {}): Promise<TestPeer> {
    const peer = await new TestPeer({
      infoHash: Buffer.from(INFO_HASH).toString('hex'),
      data: torrent.bytes,
      pieceLength: torrent.layout.pieceLengthBytes,
      ...options,
    }).listen();
    peers.push(peer);
    return peer;
  }

  /** A hash plugin that leaves a file named after each thread that it is loaded in, and can end its thread. */
  function spyPlugin(): { url: string; threads: () => string[] } {
    const file = path.join(folder, 'spy.mjs');
    const marks = mkdtempSync(path.join(folder, 'threads-'));
    writeFileSync(
      file,
      `import { createHash } from 'node:crypto';
       import { writeFileSync } from 'node:fs';
       import { threadId } from 'node:worker_threads';
       writeFileSync(${JSON.stringify(marks)} + '/' + threadId, '');
       const digest = (bytes) => {
         if (bytes.length === 666) process.exit(3);
         return new Uint8Array(createHash('sha256').update(bytes).digest());
       };
       export default [{
         name: 'spy',
         digestLength: 32,
         digest,
         createHasher() {
           const hash = createHash('sha256');
           return { update: (bytes) => void hash.update(bytes), digest: () => new Uint8Array(hash.digest()) };
         },
       }];`,
    );
    return { url: pathToFileURL(file).href, threads: () => readdirSync(marks).sort() };
  }

  /** Ends the thread that takes it, if its algorithm is the spy. */
  function hashTask(
    lengthBytes: number,
    algorithms: readonly string[],
    hashPluginUrls: readonly string[] = [],
  ): HashTask {
    const file = path.join(folder, `hashed-${lengthBytes}`);
    writeFileSync(file, Buffer.alloc(lengthBytes));
    return {
      type: 'hash-pieces',
      hashPluginUrls,
      pieceLengthBytes: 1000,
      files: [{ path: file, lengthBytes, depth: 1 }],
      firstPiece: 0,
      endPiece: Math.ceil(lengthBytes / 1000),
      algorithms,
      mayBlock: false,
    };
  }

  /** A reply of each host shows that it runs. */
  async function allAnswer({ pool }: PoolDriver): Promise<void> {
    for (let index = 0; index < pool.hostCount; index += 1) {
      await pool.request(index, { type: 'sync-files', torrentId: 999 });
    }
  }

  describe('threads', () => {
    for (const threads of [1, 2, 4]) {
      it(`gives each of ${threads} hosts a thread of its own`, async () => {
        const spy = spyPlugin();
        const driver = aDriver({ threads, hashPluginUrls: [spy.url] });

        await allAnswer(driver);

        expect(spy.threads()).to.have.length(threads);
      });
    }

    it('starts a host again when its thread dies, in a new thread of its own', async () => {
      const spy = spyPlugin();
      const driver = aDriver({ threads: 2, hashPluginUrls: [spy.url] });
      const startMs = performance.now();
      // A thread that lived for a second is replaced at once, before the new thread is ready.
      while (performance.now() - startMs < 1_200) await allAnswer(driver);
      const before = spy.threads();

      const died = await failure(driver.pool.hash(hashTask(666, ['spy'], [spy.url])));
      await driver.until(() => driver.lost.length === 1);
      await allAnswer(driver);

      expect(died.code).to.equal('P2P_WORKER_LOST');
      const [lost] = driver.lost;
      expect(lost?.hostIndex).to.be.within(0, 1);
      expect(lost?.error.message).to.not.equal('');
      const after = spy.threads().filter((thread) => !before.includes(thread));
      expect(after, 'threads since').to.have.length(1);
      const result = await driver.pool.hash(hashTask(1500, ['sha1']));
      expect(result.digests[0]).to.have.length(40);
    });

    it('turns away who waits for a thread that dies', async () => {
      const spy = spyPlugin();
      const driver = aDriver({ threads: 1, hashPluginUrls: [spy.url] });
      await allAnswer(driver);

      const hashing = failure(driver.pool.hash(hashTask(666, ['spy'], [spy.url])));
      await driver.until(() => driver.lost.length > 0);
      expect((await hashing).code).to.equal('P2P_WORKER_LOST');
      driver.pool.send(0, { type: 'add-torrent' } as never);
      const asking = failure(driver.pool.request(0, { type: 'listen', host: undefined, port: 0 }));

      expect((await asking).code).to.equal('P2P_WORKER_LOST');
      await driver.until(() => driver.lost.length === 2);
    });

    it('does not start a host over and over that cannot run', async () => {
      const broken = path.join(folder, 'broken.mjs');
      writeFileSync(broken, 'throw new Error("no good")');
      const driver = aDriver({ threads: 1, hashPluginUrls: [pathToFileURL(broken).href] });
      driver.pool.send(0, { type: 'haves', torrentId: 999, pieceIndices: [] });

      const { error } = await driver.until(() => driver.lost[0]);
      const startMs = performance.now();
      await driver.until(() => driver.lost[1]);

      expect(error.code).to.equal('P2P_PLUGIN_INVALID');
      expect(error.message).to.contain('broken.mjs').and.contain('no good');
      expect(performance.now() - startMs).to.be.greaterThan(900);
    });
  });

  describe('closing', () => {
    it('happens once, and everybody waits for it', async () => {
      const driver = aDriver();
      await allAnswer(driver);
      let closed = 0;

      const first = driver.pool.close().then(() => (closed += 1));
      const second = driver.pool.close().then(() => {
        expect(closed, 'before the first').to.equal(1);
      });

      await Promise.all([first, second]);
      await driver.pool.close();
    });

    it('works at once, before the threads run', async () => {
      await aDriver({ threads: 4 }).pool.close();
    });

    it('turns away who still waits, and who comes later', async () => {
      const driver = aDriver();
      const hashing = failure(driver.pool.hash(hashTask(50_000_000, ['blake3', 'sha1', 'sha256'])));

      await driver.pool.close();

      expect((await hashing).code).to.equal('P2P_WORKER_LOST');
      expect((await failure(driver.pool.hash(hashTask(10, ['sha1'])))).code).to.equal('P2P_WORKER_LOST');
      const late = driver.pool.request(0, { type: 'sync-files', torrentId: TORRENT_ID });
      expect((await failure(late)).code).to.equal('P2P_WORKER_LOST');
    });
  });

  describe('errors', () => {
    it('cross the border of a task with code, message and details', async () => {
      const driver = aDriver({ threads: 1 });

      const error = await failure(driver.pool.hash(hashTask(10, ['unheard-of'])));

      expect(error).to.be.instanceOf(P2pError);
      expect(error.code).to.equal('P2P_HASH_UNKNOWN');
      expect(error.message).to.contain('unheard-of');
      expect(error.details['name']).to.equal('unheard-of');
    });

    it('cross the border of a host with code, message and details', async () => {
      const driver = aDriver({ threads: 1 });
      const port = await driver.pool.request(0, { type: 'listen', host: '127.0.0.1', port: 0 });

      const error = await failure(driver.pool.request(0, { type: 'listen', host: '127.0.0.1', port: port ?? 0 }));

      expect(error.code).to.equal('P2P_PORT_TAKEN');
      expect(error.details['port']).to.equal(port);
    });
  });

  describe('trading', () => {
    const lengths = [3 * MIB + 777, 1, 0, 40_000];

    for (const pieceLengthBytes of [1000, BLOCK_LENGTH, 5 * BLOCK_LENGTH, MIB, MIB + BLOCK_LENGTH, 4 * MIB]) {
      it(`fetches pieces of ${pieceLengthBytes} bytes from the tests’ own peer`, async () => {
        const torrent = aTorrent({ pieceLengthBytes, lengths });
        const peer = await aPeer(torrent);
        const driver = aDriver({ torrent });
        const linkId = await driver.dial(peer.port);
        await driver.event('peer-unchoked', linkId);

        for (let index = 0; index < torrent.layout.pieceCount; index += 1) driver.fetch(linkId, index);
        await driver.until(() => driver.said('piece-verified').length === torrent.layout.pieceCount);

        expect(torrent.onDisk().equals(torrent.bytes)).to.equal(true);
        expect(peer.blocksSentTwice).to.deep.equal([]);
        expect((await driver.event('peer-has', linkId)).pieces).to.be.instanceOf(Uint8Array);
      });
    }

    it('serves the tests’ own peer, and counts what it gave', async () => {
      const torrent = aTorrent({ pieceLengthBytes: MIB, lengths });
      torrent.writeAll();
      const driver = aDriver({ torrent, writes: false, offers: 'all' });
      const port = (await driver.pool.request(1, { type: 'listen', host: undefined, port: 0 })) ?? 0;
      const peer = await aPeer(torrent, { owns: () => false });
      const received: Buffer[] = [];
      const link = await peer.dial(port);
      link.socket.on('data', (chunk: Buffer) => received.push(chunk));
      const linkId = await driver.acceptNext();
      await link.until(() => link.unchokedUs);

      link.request(1, 5, 70_000);
      link.request(3, 0, 10);
      await link.until(() => link.received.filter(({ id }) => id === 7).length === 2);

      const all = Buffer.concat(received);
      const asked = torrent.bytes.subarray(MIB + 5, MIB + 5 + 70_000);
      expect(all.includes(Buffer.from(asked))).to.equal(true);
      link.socket.destroy();
      const closed = await driver.event('link-closed', linkId);
      expect(closed.reason).to.equal('lost');
      const measures = driver.said('links-measured').flatMap((event) => event.measures);
      expect(measures.at(-1)?.upTotalBytes).to.equal(70_010);
    });

    it('carries a torrent from one pool to another, over links of both threads', async () => {
      const seed = aTorrent({ pieceLengthBytes: 256 * 1024, lengths: 6 * MIB + 5 });
      seed.writeAll();
      const copy = aTorrent({ pieceLengthBytes: 256 * 1024, lengths: 6 * MIB + 5 });
      const seeder = aDriver({ torrent: seed, writes: false, offers: 'all' });
      const leecher = aDriver({ torrent: copy });
      const port = (await seeder.pool.request(0, { type: 'listen', host: undefined, port: 0 })) ?? 0;
      const firstLink = await leecher.dial(port, 0);
      const first = await seeder.acceptNext();
      const secondLink = await leecher.dial(port, 1);
      await seeder.acceptNext([first]);

      await Promise.all([firstLink, secondLink].map((link) => leecher.event('peer-unchoked', link)));
      expect((await leecher.event('peer-has', firstLink)).pieces).to.equal('all');
      for (let index = 0; index < copy.layout.pieceCount; index += 1) {
        leecher.fetch(index % 2 === 0 ? firstLink : secondLink, index);
      }
      await leecher.until(() => leecher.said('piece-verified').length === copy.layout.pieceCount);

      expect(copy.onDisk().equals(copy.bytes)).to.equal(true);
      const hosts = leecher.events.filter(({ event }) => event.type === 'piece-verified').map((each) => each.hostIndex);
      expect(new Set(hosts).size).to.equal(2);
    });

    it('lets a thread help another with a piece, and nothing comes twice', async () => {
      const torrent = aTorrent({ pieceLengthBytes: 2 * MIB, lengths: 2 * MIB });
      const peer = await aPeer(torrent, { rateBytesPerSec: 4 * MIB });
      const driver = aDriver({ torrent });
      const owner = await driver.dial(peer.port, 0);
      const helper = await driver.dial(peer.port, 1);
      for (const link of [owner, helper]) await driver.event('peer-unchoked', link);

      driver.fetch(owner, 0);
      driver.help(helper, owner, 0);
      await driver.event('piece-verified', owner);

      expect(torrent.onDisk().equals(torrent.bytes)).to.equal(true);
      expect(peer.blocksSentTwice).to.deep.equal([]);
      expect(
        peer.links.every((link) => link.blocksSent > 10),
        'both had a share',
      ).to.equal(true);
    });

    for (const helperHost of [0, 1]) {
      it(`does not wait for ever for a helper that is stalled, in ${helperHost === 0 ? 'its own' : 'another'} thread`, async () => {
        const torrent = aTorrent({ pieceLengthBytes: 48 * BLOCK_LENGTH, lengths: 48 * BLOCK_LENGTH });
        const slow = await aPeer(torrent, { rateBytesPerSec: 1_000_000 });
        const stalled = await aPeer(torrent, { ignores: () => true });
        const driver = aDriver({ torrent });
        const owner = await driver.dial(slow.port, 0);
        const helper = await driver.dial(stalled.port, helperHost);
        for (const link of [owner, helper]) await driver.event('peer-unchoked', link);

        driver.fetch(owner, 0);
        driver.help(helper, owner, 0);
        await driver.event('piece-verified', owner);

        expect(stalled.requests.size).to.be.greaterThan(0);
        expect(torrent.onDisk().equals(torrent.bytes)).to.equal(true);
      });
    }

    it('gives a piece back with what came, when the peer chokes, and another link goes on', async () => {
      const torrent = aTorrent({ pieceLengthBytes: 8 * BLOCK_LENGTH, lengths: 8 * BLOCK_LENGTH });
      const choking = await aPeer(torrent, { chokes: { afterBlocks: 3, forMs: 60_000 } });
      const other = await aPeer(torrent);
      const driver = aDriver({ torrent });
      const first = await driver.dial(choking.port, 0);
      const second = await driver.dial(other.port, 1);
      for (const link of [first, second]) await driver.event('peer-unchoked', link);

      driver.fetch(first, 0);
      const released = await driver.event('piece-released', first);
      driver.fetch(second, 0, released.partial);
      await driver.event('piece-verified', second);

      expect(released.partial.map(({ source, blocks }) => [source, blocks[0]])).to.deep.equal([
        [`link ${first}`, 0b1110_0000],
      ]);
      expect([...other.deliveries.keys()]).to.have.length(5);
      expect(torrent.onDisk().equals(torrent.bytes)).to.equal(true);
    });

    it('names who sent wrong bytes', async () => {
      const torrent = aTorrent({ pieceLengthBytes: 4 * BLOCK_LENGTH, lengths: 4 * BLOCK_LENGTH });
      const liar = await aPeer(torrent, { corrupts: (_, offset) => offset === BLOCK_LENGTH });
      const driver = aDriver({ torrent });
      const linkId = await driver.dial(liar.port);
      await driver.event('peer-unchoked', linkId);

      driver.fetch(linkId, 0);

      expect((await driver.event('piece-failed', linkId)).contributors).to.deep.equal([`link ${linkId}`]);
    });

    it('gives pieces back before it says that a link is closed', async () => {
      const torrent = aTorrent({ pieceLengthBytes: 4 * BLOCK_LENGTH, lengths: 12 * BLOCK_LENGTH });
      const peer = await aPeer(torrent, { ignores: (_, offset) => offset > 0 });
      const driver = aDriver({ torrent });
      const linkId = await driver.dial(peer.port);
      await driver.event('peer-unchoked', linkId);
      for (const index of [0, 1, 2]) driver.fetch(linkId, index);
      await peer.until(() => peer.deliveries.size === 3);

      peer.links[0]?.socket.end();
      await driver.event('link-closed', linkId);

      const kinds = driver.events.map(({ event }) => event.type);
      expect(driver.said('piece-released')).to.have.length(3);
      expect(kinds.lastIndexOf('piece-released')).to.be.below(kinds.indexOf('link-closed'));
      for (const { partial } of driver.said('piece-released')) expect(partial[0]?.blocks[0]).to.equal(0x80);
    });

    it('refuses pieces for links that are gone', async () => {
      const torrent = aTorrent({ pieceLengthBytes: 100, lengths: 100 });
      const driver = aDriver({ torrent });
      const partial = [{ source: 'disk', blocks: new Uint8Array(1) }];

      driver.fetch(99, 0, partial);

      expect(await driver.event('piece-released', 99)).to.deep.include({ pieceIndex: 0, partial });
    });

    it('tells of a dial that fails', async () => {
      const torrent = aTorrent({ pieceLengthBytes: 100, lengths: 100 });
      const driver = aDriver({ torrent });
      const listening = await aPeer(torrent);
      const { port } = listening;
      await listening.close();

      driver.act(2, { type: 'dial', address: { host: '127.0.0.1', port } });

      await driver.event('dial-failed', 2);
    });

    it('stays within a download limit', async () => {
      const rate = 400_000;
      const torrent = aTorrent({ pieceLengthBytes: 64 * 1024, lengths: 800_000 });
      const peer = await aPeer(torrent);
      const driver = aDriver({ torrent, downloadLimitBytesPerSec: rate });
      const linkId = await driver.dial(peer.port);
      await driver.event('peer-unchoked', linkId);

      const startMs = performance.now();
      for (let index = 0; index < torrent.layout.pieceCount; index += 1) driver.fetch(linkId, index);
      await driver.until(() => driver.said('piece-verified').length === torrent.layout.pieceCount);

      // The bucket may be full at the start: a tenth of a second, and a block of debt at the end.
      const elapsedMs = performance.now() - startMs;
      expect(elapsedMs).to.be.within(((800_000 - 0.1 * rate - 2 * BLOCK_LENGTH) / rate) * 1000, 10_000);
    });

    it('leaves no file open and writes nothing more when a torrent is removed', async () => {
      const torrent = aTorrent({ pieceLengthBytes: 64 * BLOCK_LENGTH, lengths: 4 * MIB });
      const peer = await aPeer(torrent, { ignores: (_, offset) => offset > 40 * BLOCK_LENGTH });
      const driver = aDriver({ torrent });
      const linkId = await driver.dial(peer.port);
      await driver.event('peer-unchoked', linkId);
      for (const index of [0, 1, 2, 3]) driver.fetch(linkId, index);
      await peer.until(() => peer.deliveries.size >= 60);

      driver.act(linkId, { type: 'close', why: 'test' });
      await driver.pool.requestEach({ type: 'remove-torrent', torrentId: TORRENT_ID });
      rmSync(path.dirname(torrent.torrentFiles[0]?.path ?? ''), { recursive: true });
      await allAnswer(driver);

      expect(readdirSync(torrent.folder)).to.deep.equal([]);
      expect(driver.said('link-closed')).to.have.length(1);
    });

    it('can be stopped while its files wait to be renamed', async () => {
      const torrent = aTorrent({ pieceLengthBytes: 4 * MIB, lengths: 4 * MIB });
      const peer = await aPeer(torrent, { ignores: (_, offset) => offset === 0 });
      const driver = aDriver({ torrent, threads: 1 });
      const linkId = await driver.dial(peer.port);
      await driver.event('peer-unchoked', linkId);
      driver.fetch(linkId, 0);
      await peer.until(() => peer.deliveries.size === 255);

      await driver.pool.requestEach({ type: 'close-files', torrentId: TORRENT_ID });
      // The first run is whole now: those behind it are read back, or would be.
      const [link] = peer.links;
      link?.send(ID.piece, Buffer.concat([words(0, 0), torrent.block(0, 0)]));
      link?.request(0, 0, 1);
      link?.send(ID.interested);
      await driver.event('peer-interested', linkId);
      for (let turn = 0; turn < 50; turn += 1) await allAnswer(driver);
      await driver.pool.requestEach({ type: 'remove-torrent', torrentId: TORRENT_ID });

      await driver.event('link-closed', linkId);
    });
  });
});
