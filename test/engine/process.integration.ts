import { expect } from 'chai';
import { readFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server } from 'node:net';
import path from 'node:path';
import type { Worker } from 'node:worker_threads';
import { handMadeTorrent, pieceDigests } from '../helpers/hand-made-torrent.js';
import { testBytes } from '../helpers/test-bytes.js';
import { rejection, untilSnapshot, useEngines } from './engine-fixture.js';

const PIECE = 16_384;

describe('engine: one process, its ports and threads', () => {
  const engines = useEngines();
  const bytes = testBytes(10 * PIECE, 11);

  describe('the port', () => {
    let other: Server;
    let port: number;

    beforeEach(async () => {
      await engines.tracker();
      other = createServer();
      await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
      ({ port } = other.address() as AddressInfo);
    });
    afterEach(() => void other.close());

    it('moves on when it is taken, and says so', async () => {
      const engine = await engines.engine({ port });

      await engine.seed(await engines.file('story.bin', bytes));

      expect(engine.port).to.be.greaterThan(port);
      expect(engine.notes).to.deep.equal([`port ${port} is taken: listening on ${engine.port} instead`]);
    });

    it('is an error when it was asked for, until it is free', async () => {
      const engine = await engines.engine({ port, portIsFixed: true });
      const file = await engines.file('story.bin', bytes);

      await rejection('P2P_PORT_TAKEN', engine.seed(file));
      await new Promise((resolve) => other.close(resolve));
      await engine.seed(file);

      expect(engine.port).to.equal(port);
    });

    it('is several when so many were asked for', async () => {
      const engine = await engines.engine({ portCount: 3, workerThreads: 2 });

      await engine.seed(await engines.file('story.bin', bytes));

      const [{ ports } = { ports: [] }] = engine.all('listening');
      expect(new Set(ports).size).to.equal(3);
    });
  });

  it('serves on, from the same port and the final files, after a worker thread died', async () => {
    const started: Worker[] = [];
    const note = (worker: Worker): void => void started.push(worker);
    process.on('worker', note);
    try {
      await engines.tracker();
      const seeder = await engines.engine();
      await seeder.seed(await engines.file('story.bin', bytes));
      const middle = await engines.engine();
      const outputDir = await engines.folder('output');
      started.length = 0;
      const transfer = await middle.download('story.bin', outputDir, { seedAfter: true });
      await transfer.finished;
      await seeder.close();
      const { port } = middle;

      expect(started).to.have.length(1);
      await started[0]?.terminate();
      await middle.until('note', ({ message }) => message.includes('worker thread died'));

      const last = await engines.engine();
      const target = await engines.folder('output');
      const { state } = await (await last.download('story.bin', target)).finished;
      expect(state).to.equal('complete');
      expect(await readFile(path.join(target, 'story.bin'))).to.deep.equal(bytes);
      expect(middle.port).to.equal(port);
      expect(middle.all('note')).to.have.length(1);
      expect(transfer.snapshot().state).to.equal('seeding');
    } finally {
      process.off('worker', note);
    }
  });

  it('runs several torrents at once, in both directions', async () => {
    await engines.tracker();
    const [one, other] = [await engines.engine({ workerThreads: 2 }), await engines.engine({ workerThreads: 2 })];
    const names = ['a', 'b', 'c', 'd'];
    for (const [at, name] of names.entries()) {
      await (at % 2 === 0 ? one : other).seed(await engines.file(name, testBytes(50_000, at + 1)));
    }
    const outputDir = await engines.folder('output');

    const transfers = await Promise.all(
      names.map((name, at) => (at % 2 === 0 ? other : one).download(name, outputDir)),
    );
    const outcomes = await Promise.all(transfers.map((transfer) => transfer.finished));

    expect(outcomes.map(({ state }) => state)).to.deep.equal(names.map(() => 'complete'));
    for (const [at, name] of names.entries()) {
      expect(await readFile(path.join(outputDir, name))).to.deep.equal(testBytes(50_000, at + 1));
    }
    expect(one.api.transfers.map(({ role }) => role).sort()).to.deep.equal(['download', 'download', 'seed', 'seed']);
  });

  it('says how far it is while it runs', async () => {
    await engines.tracker();
    const seeder = await engines.engine({ uploadLimitBytesPerSec: 2_000_000 });
    await seeder.seed(await engines.file('slow.bin', testBytes(60 * PIECE, 2)), { pieceLengthBytes: PIECE });
    const leecher = await engines.engine();
    const outputDir = await engines.folder('output');

    const transfer = await leecher.download('slow.bin', outputDir);
    const before = transfer.snapshot();
    const middle = await untilSnapshot(transfer, ({ etaMs }) => etaMs !== undefined);
    const { snapshot: after } = await transfer.finished;

    expect(before).to.include({ state: 'downloading', name: 'slow.bin', totalBytes: 60 * PIECE, etaMs: undefined });
    expect(before.path).to.equal(path.join(outputDir, 'slow.bin.part'));
    expect(middle.swarm.links).to.have.length(1);
    expect(middle.swarm.downBytesPerSec).to.be.greaterThan(0);
    expect(middle.etaMs).to.equal(((60 * PIECE - middle.swarm.verifiedBytes) / middle.swarm.downBytesPerSec) * 1000);
    expect(after.swarm).to.include({ verifiedPieces: 60, pieceCount: 60, downTotalBytes: 60 * PIECE });
    expect(after).to.include({ etaMs: undefined, wastedBytes: 0, refusedPieces: 0 });
  });

  describe('time without a new piece', () => {
    it('ends with status 6 when no tracker answers', async () => {
      const engine = await engines.engine();
      const trackers = ['http://127.0.0.1:1/announce'];
      const { bytes: torrent } = await engine.api.create({ path: await engines.file('story.bin', bytes), trackers });
      const torrentFile = await engines.file('story.torrent', torrent);

      const transfer = await engine.download(torrentFile, await engines.folder('output'), { timeoutMs: 250 });
      const { state, error } = await transfer.finished;

      expect([state, error?.code]).to.deep.equal(['incomplete', 'P2P_NOBODY_ANSWERED']);
      expect(error?.message).to.include('http://127.0.0.1:1/announce: ');
    });

    it('ends with status 4 when nobody has a piece', async () => {
      await engines.tracker();
      const seeder = await engines.engine();
      await seeder.seed(await engines.file('story.bin', bytes), { pieceLengthBytes: PIECE, mask: { missing: [3] } });
      const leecher = await engines.engine();

      const transfer = await leecher.download('story.bin', await engines.folder('output'), { timeoutMs: 1_500 });
      const { state, error } = await transfer.finished;

      expect([state, error?.code]).to.deep.equal(['incomplete', 'P2P_INCOMPLETE']);
      expect(error?.message).to.include('9 of 10 pieces are here, no peer has 1 of the others');
      expect(error?.details).to.deep.include({ missingEverywhere: [3] });
      expect(leecher.copies()[0]).to.include({ state: 'incomplete', stoppedCleanly: true });
    });

    it('is refused when it is none', async () => {
      const engine = await engines.engine();

      for (const timeoutMs of [0, -1, NaN]) {
        await rejection('P2P_OPTION_INVALID', engine.download('story.bin', '/nowhere', { timeoutMs }));
      }
    });
  });

  describe('the algorithm that pieces are verified with', () => {
    /** Its SHA-1 digests are of the bytes, its BLAKE3 digests of others. */
    function aContradiction(): Buffer {
      return handMadeTorrent({
        ...{ name: 'story.bin', data: bytes, pieceLength: PIECE, announce: engines.trackerUrls[0] ?? '' },
        info: { 'piece hashes': { blake3: pieceDigests(bytes, PIECE, () => Buffer.alloc(32, 7)) } },
      }).bytes;
    }

    for (const verifyWith of ['sha1', 'sha256', 'blake3', 'all']) {
      it(`may be ${verifyWith}`, async () => {
        await engines.tracker();
        const seeder = await engines.engine();
        await seeder.seed(await engines.file('story.bin', bytes), { hashes: ['blake3', 'sha1', 'sha256'] });
        const leecher = await engines.engine({ verifyWith });
        const outputDir = await engines.folder('output');

        const { state } = await (await leecher.download('story.bin', outputDir)).finished;

        expect(state).to.equal('complete');
        const { algorithms } = await leecher.api.verify(
          { target: 'story.bin', trackers: engines.trackerUrls },
          outputDir,
        );
        expect(algorithms).to.deep.equal(verifyWith === 'all' ? ['blake3', 'sha256', 'sha1'] : [verifyWith]);
      });
    }

    it('must be known, and in the torrent', async () => {
      await engines.tracker();
      await rejection('P2P_HASH_UNKNOWN', engines.engine({ verifyWith: 'crc32' }));
      const seeder = await engines.engine();
      await seeder.seed(await engines.file('story.bin', bytes));
      const leecher = await engines.engine({ verifyWith: 'sha256' });

      await rejection('P2P_OPTION_INVALID', leecher.download('story.bin', await engines.folder('output')));
    });

    it('ends a torrent that contradicts itself, with nobody banned and nothing at its final name', async () => {
      await engines.tracker();
      const torrentFile = await engines.file('story.torrent', aContradiction());
      const seeder = await engines.engine({ verifyWith: 'sha1' });
      await seeder.seed(await engines.file('story.bin', bytes), { torrentFile, trust: true });
      const leecher = await engines.engine();

      const outcome = await (await leecher.download(torrentFile, await engines.folder('output'))).finished;

      expect([outcome.state, outcome.error?.code]).to.deep.equal(['failed', 'P2P_TORRENT_CONTRADICTS_ITSELF']);
      expect(leecher.all('peer-banned')).to.deep.equal([]);
      expect(leecher.all('downloaded')).to.deep.equal([]);
      expect(leecher.copies()[0]).to.include({ state: 'failed' });
    });
  });
});
