import { expect } from 'chai';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { handMadeTorrent } from '../helpers/hand-made-torrent.js';
import { testBytes } from '../helpers/test-bytes.js';
import { aSilentTracker, rejection, useEngines } from './engine-fixture.js';
import { freePort } from '../helpers/free-port.js';

/** Nobody listens there. */
const DEAD = 'http://127.0.0.1:1/announce';

describe('engine: publishing and finding', () => {
  const engines = useEngines();
  const bytes = testBytes(40_000, 9);

  describe('a torrent of that name is published already', () => {
    it('joins its swarm when the bytes are equal, in whatever form it was made', async () => {
      await engines.tracker();
      const [one, other] = [await engines.engine(), await engines.engine()];
      const first = await one.seed(await engines.file('story.bin', bytes), {
        pieceLengthBytes: 256,
        hashes: ['sha256', 'sha1'],
      });

      const second = await other.seed(await engines.file('story.bin', bytes));

      expect(second.transfer.metainfo.infoHash).to.equal(first.transfer.metainfo.infoHash);
      expect(second.published).to.equal(true);
      expect(other.notes).to.deep.equal([]);
    });

    it('joins the one of several whose bytes are equal', async () => {
      await engines.tracker();
      const engine = await engines.engine();
      const bytesOf = [testBytes(40_000, 1), testBytes(40_000, 2), testBytes(40_000, 3)];
      const hashes: string[] = [];
      for (const [at, content] of bytesOf.entries()) {
        const form = { pieceLengthBytes: 1024 << at };
        hashes.push((await engine.seed(await engines.file('story.bin', content), form)).transfer.metainfo.infoHash);
      }

      for (const [at, content] of bytesOf.entries()) {
        const again = await engines.engine();
        const { transfer } = await again.seed(await engines.file('story.bin', content));
        expect(transfer.metainfo.infoHash).to.equal(hashes[at]);
      }
    });

    it('is published beside it, with a warning, when the bytes differ', async () => {
      await engines.tracker();
      const engine = await engines.engine();
      const [one, other] = [bytes, testBytes(40_000, 10)];
      const first = (await engine.seed(await engines.file('story.bin', one))).transfer.metainfo.infoHash;
      expect(engine.notes).to.deep.equal([]);

      const second = (await engine.seed(await engines.file('story.bin', other))).transfer.metainfo.infoHash;

      expect(engine.notes).to.have.length(1);
      expect(engine.notes[0]).to.include(first).and.include(second);
      const leecher = await engines.engine();
      const outputDir = await engines.folder('output');
      const error = await rejection('P2P_TARGET_AMBIGUOUS', leecher.download('story.bin', outputDir));
      expect(error.message).to.include(first).and.include(second);
      expect(error.details['candidates']).to.have.length(2);
      const { state } = await (await leecher.download(second, outputDir)).finished;
      expect(state).to.equal('complete');
      expect(await readFile(path.join(outputDir, 'story.bin'))).to.deep.equal(other);
    });

    it('is not led astray by one in a form that cannot be made here', async () => {
      await engines.tracker();
      const engine = await engines.engine();
      const announce = engines.trackerUrls[0] ?? '';
      // A piece length that is no power of two, and an algorithm that nobody knows.
      const odd = handMadeTorrent({ name: 'story.bin', data: bytes, pieceLength: 1000, announce });
      const strange = handMadeTorrent({
        ...{ name: 'story.bin', data: bytes, pieceLength: 1024, announce },
        info: { 'piece hashes': { whirlpool: Buffer.alloc(64 * 40) } },
        without: ['pieces'],
      });
      const file = await engines.file('story.bin', bytes);
      for (const { bytes: torrent } of [odd, strange]) {
        const torrentFile = await engines.file('story.torrent', torrent);
        await engine.seed(file, { torrentFile, trust: true }).catch((error: unknown) => error);
      }

      const { transfer, published } = await (await engines.engine()).seed(file);

      expect(published).to.equal(true);
      expect(transfer.metainfo.kind).to.equal('dual-hash');
    });
  });

  it('goes on without a catalogue that is down, and says so', async () => {
    await engines.tracker();
    const engine = await engines.engine();

    const { published } = await engine.seed(await engines.file('story.bin', bytes), {
      trackers: [DEAD, ...engines.trackerUrls],
    });

    expect(published).to.equal(true);
    expect(engine.notes.filter((note) => note.startsWith(`not published at ${DEAD}`))).to.have.length(1);
    const leecher = await engines.engine();
    const outputDir = await engines.folder('output');
    const trackers = [DEAD, ...engines.trackerUrls];
    const { state } = await (await leecher.download('story.bin', outputDir, { trackers })).finished;
    expect(state).to.equal('complete');
  });

  it('is found over each of its trackers', async () => {
    await engines.tracker();
    await engines.tracker();
    const [first = '', second = ''] = engines.trackerUrls;
    const engine = await engines.engine();
    const { transfer } = await engine.seed(await engines.file('story.bin', bytes));
    for (const url of [first, second]) await engine.until('announced', (event) => event.url === url);
    expect(transfer.metainfo.trackerTiers).to.deep.equal([[first], [second]]);

    for (const trackers of [[first], [second], [second, first]]) {
      const leecher = await engines.engine();
      const { state } = await (await leecher.download('story.bin', await engines.folder(), { trackers })).finished;
      expect(state).to.equal('complete');
      await leecher.close();
    }
  });

  it('takes a tracker without a catalogue for what it is', async () => {
    const server = createServer((request, response) => {
      response.end(request.url?.startsWith('/announce') === true ? 'd8:intervali60e5:peers0:e' : '<html>hello</html>');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    engines.onClose(() => new Promise((resolve) => server.close(() => resolve())));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/announce`;
    const engine = await engines.engine();

    const { published } = await engine.seed(await engines.file('story.bin', bytes), { trackers: [url] });

    expect(published).to.equal(false);
    expect(engine.notes.join()).to.include(`${url} has no catalogue, so others need the magnet link`);
  });

  it('never publishes a private torrent', async () => {
    const tracker = await engines.tracker();
    const engine = await engines.engine();
    const file = await engines.file('story.bin', bytes);
    const { bytes: torrent } = await engine.api.create({ path: file, trackers: engines.trackerUrls, isPrivate: true });
    const torrentFile = await engines.file('story.torrent', torrent);

    const { published } = await engine.seed(file, { torrentFile });

    expect(published).to.equal(false);
    expect(tracker.stats()).to.include({ catalogueEntries: 0, peers: 1 });
    expect(engine.notes, 'not even tried').to.deep.equal([]);
  });

  it('publishes as soon as a tracker answers that was down at first', async () => {
    const port = await freePort();
    const trackers = [`http://127.0.0.1:${port}/announce`];
    const engine = await engines.engine();
    const { published } = await engine.api.seed({ path: await engines.file('story.bin', bytes), trackers });
    const tracker = await engines.tracker({ port });

    await engine.until('note', ({ message }) => message.startsWith('published at'));

    expect(published).to.equal(false);
    expect(tracker.stats()).to.include({ catalogueEntries: 1 });
  });

  describe('a tracker wants a token', () => {
    /** A catalogue that notes the tokens which it is shown, and refuses all. */
    async function aNosyTracker(): Promise<{ url: string; shown: (string | undefined)[] }> {
      const shown: (string | undefined)[] = [];
      const server = createServer((request, response) => {
        if (request.method === 'PUT') {
          shown.push(request.headers.authorization);
          request.resume();
          response.writeHead(403, { 'Content-Type': 'application/json' });
          response.end(JSON.stringify({ code: 'P2P_REFUSED', message: 'publishing needs a token' }));
        } else if (request.url?.startsWith('/announce') === true) response.end('d8:intervali60e5:peers0:e');
        else response.writeHead(200, { 'Content-Type': 'application/json' }).end('{"torrents":[]}');
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      engines.onClose(() => new Promise((resolve) => server.close(() => resolve())));
      return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/announce`, shown };
    }

    it('is shown it, and takes the torrent', async () => {
      await engines.tracker({ token: 'open sesame' });
      const engine = await engines.engine({ token: 'open sesame' });

      const { published } = await engine.seed(await engines.file('story.bin', bytes));

      expect(published).to.equal(true);
    });

    it('refuses a wrong one, and then nothing is seeded', async () => {
      await engines.tracker({ token: 'open sesame' });
      const engine = await engines.engine({ token: 'open barley' });

      const error = await rejection('P2P_REFUSED', engine.seed(await engines.file('story.bin', bytes)));

      expect(error.exitCode).to.equal(8);
      expect(error.message).to.not.include('barley');
      expect(engine.api.transfers).to.deep.equal([]);
    });

    it('is a note when only the torrent names it, and it is not shown ours', async () => {
      await engines.tracker({ token: 'open sesame' });
      const nosy = await aNosyTracker();
      const engine = await engines.engine({ token: 'open sesame' });
      const file = await engines.file('story.bin', bytes);
      const { bytes: torrent } = await engine.api.create({ path: file, trackers: [nosy.url] });
      const torrentFile = await engines.file('story.torrent', torrent);

      const { published, trackers } = await engine.seed(file, { torrentFile });

      expect(published).to.equal(true);
      expect(trackers).to.deep.equal([...engines.trackerUrls, nosy.url]);
      expect(nosy.shown).to.deep.equal([undefined]);
      expect(engine.notes.join()).to.include(`not published at ${nosy.url}`);
    });
  });

  describe('looking up', () => {
    it('lists what all catalogues have, once', async () => {
      await engines.tracker();
      await engines.tracker();
      const engine = await engines.engine();
      await engine.seed(await engines.file('story.bin', bytes));

      const entries = await engine.api.catalogue([...engines.trackerUrls, DEAD]);

      expect(entries.map(({ name, totalBytes, seeders }) => ({ name, totalBytes, seeders }))).to.deep.equal([
        { name: 'story.bin', totalBytes: 40_000, seeders: 1 },
      ]);
    });

    it('says so when no catalogue could be asked', async () => {
      const engine = await engines.engine();

      await rejection('P2P_TRACKER_UNREACHABLE', engine.api.catalogue([DEAD]));
      await rejection('P2P_TRACKER_UNREACHABLE', engine.api.catalogue(['udp://127.0.0.1:1/announce']));
      await rejection('P2P_TRACKER_UNREACHABLE', engine.download('story.bin', '/nowhere', { trackers: [DEAD] }));
      await rejection('P2P_OPTION_INVALID', engine.api.catalogue(['ftp://127.0.0.1/']));
    });

    it('finds by magnet link, by both hashes, and by a name that looks like something else', async () => {
      await engines.tracker();
      const engine = await engines.engine();
      const name = 'story.torrent';
      const { magnet, transfer } = await engine.seed(await engines.file(name, bytes));
      const { infoHash, blake3InfoHash } = transfer.metainfo;
      const asked = { trackers: engines.trackerUrls };

      for (const target of [infoHash, blake3InfoHash, blake3InfoHash.toUpperCase(), `name:${name}`, name]) {
        expect((await engine.api.resolve({ target, ...asked })).metainfo.infoHash, target).to.equal(infoHash);
      }
      const found = await engine.api.resolve({ target: `${magnet}&x.pe=192.0.2.7:6881`, trackers: [] });
      expect(found.metainfo.infoHash).to.equal(infoHash);
      expect(found.trackerTiers).to.deep.equal([engines.trackerUrls]);
      expect(found.peers).to.deep.equal([{ host: '192.0.2.7', port: 6881 }]);
    });

    it('does not wait for a tracker that does not answer when another knows', async () => {
      await engines.tracker();
      const silent = await aSilentTracker(engines);
      const engine = await engines.engine();
      const { magnet, transfer } = await engine.seed(await engines.file('story.bin', bytes));
      const { infoHash } = transfer.metainfo;
      const trackers = [silent.url, ...engines.trackerUrls];

      const found = await Promise.all([infoHash, magnet].map((target) => engine.api.resolve({ target, trackers })));

      expect(found.map(({ metainfo }) => metainfo.infoHash)).to.deep.equal([infoHash, infoHash]);
    });

    it('believes no catalogue that sends another torrent, and takes it from one that does not', async () => {
      const other = handMadeTorrent({ name: 'story.bin', data: testBytes(100, 1), pieceLength: 50 });
      const server = createServer((_request, response) => {
        response.writeHead(200, { 'Content-Type': 'application/x-bittorrent' }).end(other.bytes);
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      engines.onClose(() => new Promise((resolve) => server.close(() => resolve())));
      const liar = `http://127.0.0.1:${(server.address() as AddressInfo).port}/announce`;
      await engines.tracker();
      const engine = await engines.engine();
      const { transfer } = await engine.seed(await engines.file('story.bin', bytes));
      const { infoHash: target } = transfer.metainfo;

      await rejection('P2P_METAINFO_MISMATCH', engine.api.resolve({ target, trackers: [liar] }));
      const found = await engine.api.resolve({ target, trackers: [liar, ...engines.trackerUrls] });

      expect(found.metainfo.infoHash).to.equal(target);
    });

    it('announces to each tracker of a magnet link', async () => {
      await engines.tracker();
      await engines.tracker();
      const engine = await engines.engine();
      const { magnet } = await engine.seed(await engines.file('story.bin', bytes));

      const { trackerTiers } = await engine.api.resolve({ target: magnet, trackers: [] });

      expect(trackerTiers).to.deep.equal(engines.trackerUrls.map((url) => [url]));
    });

    it('refuses a magnet link whose BLAKE3 hash is of another torrent', async () => {
      await engines.tracker();
      const engine = await engines.engine();
      const { magnet } = await engine.seed(await engines.file('story.bin', bytes));

      const wrong = magnet.replace(/x\.b3=[0-9a-f]{8}/, 'x.b3=00000000');

      expect(wrong).to.not.equal(magnet);
      await rejection('P2P_METAINFO_MISMATCH', engine.api.resolve({ target: wrong, trackers: [] }));
    });

    it('says what to do about a name that nobody knows', async () => {
      await engines.tracker();
      const engine = await engines.engine();

      const error = await rejection('P2P_TARGET_NOT_FOUND', engine.download('\x1b[31mstory', '/nowhere'));

      expect(error.message).to.include('p2p list').and.include('p2p peer seed').and.not.include('\x1b');
    });
  });
});
