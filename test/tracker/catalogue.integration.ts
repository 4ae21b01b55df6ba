import { expect } from 'chai';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, request, type IncomingMessage, type Server } from 'node:http';
import { once } from 'node:events';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { P2pError } from '../../src/errors.js';
import { Catalogue } from '../../src/tracker/catalogue.js';
import { announce } from '../../src/tracker/announce-client.js';
import {
  catalogueBaseUrl,
  fetchMetainfo,
  fetchTorrent,
  findByName,
  listAll,
  publish,
  type CatalogueEntry,
  type EntriesReply,
} from '../../src/tracker/catalogue-client.js';
import { startTracker, type RunningTracker, type TrackerOptions } from '../../src/tracker/start-tracker.js';
import { aTorrent } from './a-torrent.js';

async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  return await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

function entriesOf(reply: EntriesReply): readonly CatalogueEntry[] {
  if (reply.type === 'entries') return reply.entries;
  throw new Error(reply.reason);
}

describe('catalogue over HTTP', () => {
  let stateDir: string;
  let tracker: RunningTracker;
  let base: string;

  async function start(options: Partial<TrackerOptions> = {}): Promise<void> {
    tracker = await startTracker({ port: 0, stateDir, ...options });
    base = catalogueBaseUrl(tracker.url) ?? '';
  }

  beforeEach(async () => {
    stateDir = await mkdtemp(join(tmpdir(), 'p2p-catalogue-'));
    await start();
  });

  afterEach(async () => {
    await tracker.close();
    await rm(stateDir, { recursive: true });
  });

  it('gives back by name and by both hashes what was published', async () => {
    const torrent = aTorrent({ name: 'a story & more +.txt', lengthBytes: 1_000 });

    const published = await publish(base, torrent.bytes);

    const [entry] = entriesOf(await findByName(base, 'a story & more +.txt'));
    expect(entry).to.deep.include({
      name: 'a story & more +.txt',
      infoHash: torrent.infoHash,
      blake3InfoHash: torrent.blake3InfoHash,
      totalBytes: 1_000,
      pieceLengthBytes: 128,
      pieceCount: 8,
      fileCount: 1,
      seeders: 0,
      leechers: 0,
    });
    expect(entry?.hashes).to.have.members(['blake3', 'sha1']);
    expect(published).to.deep.equal({ type: 'published', entry, isNew: true });
    for (const hash of [torrent.infoHash, torrent.blake3InfoHash, torrent.infoHash.toUpperCase()]) {
      const reply = await fetchMetainfo(base, hash);
      expect(reply.type === 'torrent' && Buffer.from(reply.bytes).equals(torrent.bytes), hash).to.equal(true);
    }
  });

  it('keeps torrents of one name beside each other, and publishing again changes nothing', async () => {
    const first = aTorrent({ fill: 1 });
    const second = aTorrent({ fill: 2, isPure: true });
    await publish(base, first.bytes);
    await publish(base, second.bytes);

    const again = await publish(base, first.bytes);

    expect(again).to.deep.include({ type: 'published', isNew: false });
    const entries = entriesOf(await findByName(base, 'story.txt'));
    expect(entries.map((entry) => entry.infoHash)).to.deep.equal([first.infoHash, second.infoHash]);
    expect(entriesOf(await findByName(base, 'STORY.txt'))).to.deep.equal([]);
    expect(tracker.stats()).to.deep.include({ catalogueEntries: 2, published: 3 });
  });

  it('lists all, more than a page of them', async () => {
    const catalogue = new Catalogue({ stateDir, maxBytes: 1e9 });
    for (let index = 0; index <= 1_000; index += 1) {
      catalogue.publish(aTorrent({ name: `file ${String(index).padStart(4, '0')}`, lengthBytes: 1 }).bytes, 0);
    }
    catalogue.close();

    const names = entriesOf(await listAll(base)).map((entry) => entry.name);

    expect(names).to.have.lengthOf(1_001);
    expect(names).to.deep.equal([...names].sort());
    const page = (await (await fetch(`${base}api/torrents?limit=2&offset=1000`)).json()) as Record<string, unknown>;
    expect(page).to.deep.include({ total: 1_001 });
    expect(page['torrents']).to.have.lengthOf(1);
  });

  it('takes nothing more in when it is full', () => {
    const catalogue = new Catalogue({ stateDir, maxBytes: 100_000 });
    const publishMore = (): void => {
      for (let fill = 0; fill < 10; fill += 1) catalogue.publish(aTorrent({ fill, commentBytes: 20_000 }).bytes, 0);
    };

    expect(publishMore).to.throw(P2pError).with.property('code', 'P2P_DISK_FULL');
    catalogue.close();
  });

  it('says how many peers a torrent has', async () => {
    const { bytes, infoHash } = aTorrent();
    await publish(base, bytes);
    const peer = { url: tracker.url, infoHash, uploadedBytes: 0, downloadedBytes: 0, event: 'started' } as const;
    await announce({ ...peer, peerId: '01'.repeat(20), port: 7001, leftBytes: 0 });
    await announce({ ...peer, peerId: '02'.repeat(20), port: 7002, leftBytes: 5 });

    expect(entriesOf(await listAll(base))[0]).to.deep.include({ seeders: 1, leechers: 1 });
  });

  it('keeps its entries when the tracker is started again', async () => {
    const { bytes, infoHash } = aTorrent();
    await publish(base, bytes);
    await tracker.close();
    await start();

    expect(await fetchMetainfo(base, infoHash)).to.deep.equal({ type: 'torrent', bytes: Buffer.from(bytes) });
  });

  it('does not list private torrents', async () => {
    const error = await errorOf(publish(base, aTorrent({ isPrivate: true }).bytes));

    expect(error).to.be.instanceOf(P2pError).and.include({ code: 'P2P_TRACKER_FAILURE' });
    expect((error as Error).message).to.include('private');
    expect(entriesOf(await listAll(base))).to.deep.equal([]);
  });

  it('wants the token for publishing only, when it has one', async () => {
    await tracker.close();
    await start({ token: 'open sesame' });
    const { bytes } = aTorrent();
    const large = aTorrent({ fill: 7, commentBytes: 4_000_000 });

    const without = await errorOf(publish(base, large.bytes));
    const wrong = await errorOf(publish(base, large.bytes, 'open barley'));

    expect(without).to.be.instanceOf(P2pError).and.include({ code: 'P2P_REFUSED' });
    expect((without as P2pError).details).to.include({ status: 401 });
    expect(wrong).to.be.instanceOf(P2pError).and.include({ code: 'P2P_REFUSED' });
    expect((wrong as P2pError).details).to.include({ status: 403 });
    expect(await publish(base, bytes, 'open sesame')).to.include({ type: 'published' });
    expect(entriesOf(await listAll(base))).to.have.lengthOf(1);
  });

  it('refuses what is no torrent, with code and reason as JSON', async () => {
    for (const body of ['', 'hello', 'd4:infod4:name1:aee']) {
      const response = await fetch(`${base}api/torrents`, { method: 'PUT', body });
      const answer = (await response.json()) as { code: string; message: string };
      expect(response.status, body).to.equal(400);
      expect(answer.code, body).to.match(/^P2P_(BENCODE|METAINFO)_INVALID$/);
      expect(answer.message, body).to.be.a('string').and.not.equal('');
    }
    expect(tracker.stats().rejected).to.equal(3);
  });

  it('takes 16 MiB and not a byte more, announced or not', async () => {
    const empty = aTorrent({ commentBytes: 10_000_000 }).bytes.length - 10_000_000;
    const fits = aTorrent({ commentBytes: 16 * 1024 * 1024 - empty }).bytes;
    expect(fits.length).to.equal(16 * 1024 * 1024);
    expect(await publish(base, fits)).to.include({ type: 'published' });

    const over = Buffer.alloc(16 * 1024 * 1024 + 1);
    for (const headers of [{ 'content-length': String(over.length) }, { 'transfer-encoding': 'chunked' }]) {
      const sent = request(`${base}api/torrents`, { method: 'PUT', headers });
      const answered = once(sent, 'response');
      sent.on('error', () => undefined).end(over);
      const [response] = (await answered) as [IncomingMessage];
      expect(response.statusCode, JSON.stringify(headers)).to.equal(413);
      response.destroy();
    }
    const error = await errorOf(publish(base, over));
    expect(error).to.be.instanceOf(P2pError).and.include({ code: 'P2P_METAINFO_TOO_LARGE' });
  });

  it('survives a publisher that vanishes in the middle', async () => {
    const socket = connect(tracker.port, '127.0.0.1');
    await once(socket, 'connect');
    socket.write('PUT /api/torrents HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nd4:info');
    socket.destroy();

    expect(await publish(base, aTorrent().bytes)).to.include({ type: 'published' });
  });

  it('answers for unknown and for malformed hashes', async () => {
    expect(await fetchMetainfo(base, 'ab'.repeat(20))).to.deep.equal({ type: 'absent' });
    expect(await fetchMetainfo(base, 'ab'.repeat(32))).to.deep.equal({ type: 'absent' });
    expect((await fetch(`${base}api/torrents/xyz`)).status).to.equal(400);
    expect((await fetch(`${base}api/torrents/${'ab'.repeat(20)}`, { method: 'DELETE' })).status).to.equal(405);
  });

  it('is not harmed by names that look like SQL or paths', async () => {
    await publish(base, aTorrent().bytes);
    for (const name of ["'; DROP TABLE torrents; --", '%', '../../etc/passwd', '\u0000', 'x'.repeat(5_000)]) {
      expect(entriesOf(await findByName(base, name)), name).to.deep.equal([]);
    }
    expect(entriesOf(await listAll(base))).to.have.lengthOf(1);
  });

  it('begins anew beside a torn database, and says so', async () => {
    await tracker.close();
    await writeFile(join(stateDir, 'tracker.db'), 'not a database'.repeat(1000));
    const notes: string[] = [];

    await start({ onNote: (note) => notes.push(note) });

    expect(notes).to.have.lengthOf(1);
    expect(notes[0]).to.include('torn');
    expect(await publish(base, aTorrent().bytes)).to.include({ type: 'published' });
  });

  it('refuses a database that a newer version wrote', async () => {
    await tracker.close();
    const database = new Database(join(stateDir, 'tracker.db'));
    database.pragma('user_version = 99');
    database.close();

    expect(await errorOf(startTracker({ port: 0, stateDir }))).to.include({ code: 'P2P_STATE_NEWER' });
  });

  it('shares a state folder with a second tracker', async () => {
    const second = await startTracker({ port: 0, stateDir });
    try {
      await publish(base, aTorrent().bytes);
      expect(entriesOf(await listAll(catalogueBaseUrl(second.url) ?? ''))).to.have.lengthOf(1);
    } finally {
      await second.close();
    }
  });

  it('says what is wrong with a state folder that cannot be used', async () => {
    const file = join(stateDir, 'a file');
    await writeFile(file, '');

    expect(await errorOf(startTracker({ port: 0, stateDir: join(file, 'state') }))).to.include({
      code: 'P2P_STATE_UNUSABLE',
    });
  });
});

describe('catalogue client', () => {
  const servers: Server[] = [];

  async function serve(status: number, contentType: string, body: string): Promise<string> {
    const server = createServer((message, response) => {
      message.resume();
      message.once('end', () => response.writeHead(status, { 'content-type': contentType }).end(body));
    });
    servers.push(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  }

  afterEach(async () => {
    for (const server of servers.splice(0)) {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    }
  });

  it('finds the catalogue beside the announce path, over HTTP only', () => {
    expect(catalogueBaseUrl('http://localhost:9999/announce')).to.equal('http://localhost:9999/');
    expect(catalogueBaseUrl('https://t.example/key/announce?a=b')).to.equal('https://t.example/key/');
    expect(catalogueBaseUrl('udp://t.example:80/announce')).to.equal(undefined);
    expect(catalogueBaseUrl('nonsense')).to.equal(undefined);
  });

  it('tells a tracker without a catalogue from one that is not there', async () => {
    const answers = [
      [404, 'text/plain', 'nothing'],
      [200, 'text/html', '<html>'],
      [200, 'application/json', '[1]'],
      [200, 'application/json', '{'],
      [500, 'application/json', '{"error":1}'],
    ] as const;
    for (const [status, type, body] of answers) {
      const base = await serve(status, type, body);
      expect(await findByName(base, 'x'), body).to.include({ type: 'no-catalogue' });
      expect(await listAll(base), body).to.include({ type: 'no-catalogue' });
      expect(await fetchMetainfo(base, 'ab'.repeat(20)), body).to.include({ type: 'no-catalogue' });
      expect(await publish(base, aTorrent().bytes), body).to.include({ type: 'no-catalogue' });
    }
    const gone = await serve(200, '', '');
    const server = servers.pop();
    if (server) await once(server.close(), 'close');
    expect(await errorOf(findByName(gone, 'x'))).to.include({ code: 'P2P_TRACKER_UNREACHABLE' });
  });

  it('passes over entries that are none, and names that were not asked for', async () => {
    const good = {
      name: 'x',
      infoHash: 'ab'.repeat(20),
      blake3InfoHash: 'ab'.repeat(32),
      totalBytes: 1,
      pieceLengthBytes: 1,
      pieceCount: 1,
      fileCount: 1,
      hashes: ['blake3'],
      publishedAtMs: 0,
    };
    const rows = [good, { ...good, name: 'y' }, { ...good, infoHash: '../..' }, { ...good, totalBytes: -1 }, null];
    const base = await serve(200, 'application/json', JSON.stringify({ torrents: rows }));

    expect(entriesOf(await findByName(base, 'x'))).to.deep.equal([{ ...good, seeders: 0, leechers: 0 }]);
  });

  it('shows control characters of a refusal', async () => {
    const base = await serve(403, 'application/json', JSON.stringify({ code: 'P2P_REFUSED', message: 'no\x1b[2J' }));

    const error = await errorOf(publish(base, aTorrent().bytes));

    expect(error).to.include({ code: 'P2P_REFUSED' });
    expect((error as Error).message).to.include('no\\x1b[2J');
  });

  it('takes being slowed down for a failure that passes, not for a wrong token', async () => {
    const base = await serve(429, 'application/json', JSON.stringify({ code: 'P2P_REFUSED', message: 'later' }));

    expect(await errorOf(publish(base, aTorrent().bytes))).to.include({ code: 'P2P_TRACKER_FAILURE' });
  });

  it('fetches a .torrent from the web', async () => {
    const base = await serve(200, 'application/octet-stream', 'd4:infodee');
    expect(Buffer.from(await fetchTorrent(`${base}x.torrent`)).toString()).to.equal('d4:infodee');

    const absent = await serve(404, 'text/plain', 'no');
    expect(await errorOf(fetchTorrent(`${absent}x.torrent`))).to.include({ code: 'P2P_TARGET_NOT_FOUND' });
    expect(await errorOf(fetchTorrent('ftp://host/x.torrent'))).to.include({ code: 'P2P_TRACKER_UNREACHABLE' });
  });
});
