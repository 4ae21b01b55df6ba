import { expect } from 'chai';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { P2pError, type ErrorCode } from '../../src/errors.js';
import { announce, type AnnounceRequest } from '../../src/tracker/announce-client.js';
import { startTracker, type RunningTracker } from '../../src/tracker/start-tracker.js';

const HASH = 'ff00e9'.padEnd(40, '25');

function aRequest(overrides: Partial<AnnounceRequest> & { readonly url: string }): AnnounceRequest {
  const { port = 6881 } = overrides;
  return {
    infoHash: HASH,
    peerId: port.toString(16).padStart(40, '0'),
    port,
    uploadedBytes: 0,
    downloadedBytes: 0,
    leftBytes: 1,
    event: 'started',
    ...overrides,
  };
}

async function codeOf(promise: Promise<unknown>): Promise<ErrorCode | undefined> {
  try {
    await promise;
    return undefined;
  } catch (error) {
    if (error instanceof P2pError) return error.code;
    throw error;
  }
}

describe('tracker over HTTP', () => {
  let stateDir: string;
  let tracker: RunningTracker;
  let base: string;

  before(async () => {
    stateDir = await mkdtemp(join(tmpdir(), 'p2p-tracker-'));
    tracker = await startTracker({ port: 0, stateDir });
    base = `http://127.0.0.1:${tracker.port}`;
  });

  after(async () => {
    await tracker.close();
    await rm(stateDir, { recursive: true });
  });

  async function get(path: string): Promise<{ status: number; text: string }> {
    const response = await fetch(base + path, { headers: { connection: 'close' } });
    return { status: response.status, text: Buffer.from(await response.arrayBuffer()).toString('latin1') };
  }

  it('brings two peers together through localhost', async () => {
    await announce(aRequest({ url: tracker.url, port: 7001, leftBytes: 0 }));

    const reply = await announce(aRequest({ url: tracker.url, port: 7002 }));

    expect(reply).to.deep.equal({
      intervalMs: 120_000,
      minIntervalMs: 15_000,
      seeders: 1,
      leechers: 1,
      peers: [{ host: '127.0.0.1', port: 7001 }],
    });
    await announce(aRequest({ url: tracker.url, port: 7001, event: 'stopped' }));
    const last = await announce(aRequest({ url: tracker.url, port: 7002, event: 'stopped' }));
    expect(last).to.deep.include({ seeders: 0, leechers: 0 });
  });

  it('answers with dictionaries when compact=0', async () => {
    const infoHash = 'd'.repeat(20);
    const query = `/announce?info_hash=${infoHash}&left=0&compact=0`;
    await get(`${query}&peer_id=${'p'.repeat(20)}&port=7001`);

    const withId = await get(`${query}&peer_id=${'q'.repeat(20)}&port=7002&left=1`);
    const withoutId = await get(`${query}&peer_id=${'q'.repeat(20)}&port=7002&left=1&no_peer_id=1`);

    const head = 'd8:completei1e10:incompletei1e8:intervali120e12:min intervali15e5:peersl';
    expect(withId.text).to.equal(`${head}d2:ip9:127.0.0.17:peer id20:${'p'.repeat(20)}4:porti7001eeee`);
    expect(withoutId.text).to.equal(`${head}d2:ip9:127.0.0.14:porti7001eeee`);
  });

  it('gives no more than 200 peers for numwant=1000000000', async () => {
    const infoHash = 'n'.repeat(20);
    for (let port = 2000; port < 2210; port += 1) {
      const peerId = String(port).padStart(20, '0');
      await get(`/announce?info_hash=${infoHash}&peer_id=${peerId}&port=${port}&left=1&numwant=0`);
    }

    const { text } = await get(
      `/announce?info_hash=${infoHash}&peer_id=${'q'.repeat(20)}&port=1999&left=1&numwant=1000000000`,
    );

    expect(text).to.include('5:peers1200:');
  });

  it('says why it refuses, with status 200', async () => {
    const cases = [
      ['/announce', 'info_hash is missing'],
      ['/announce?info_hash=abc', 'info_hash has 3 bytes'],
      [`/announce?info_hash=${'a'.repeat(20)}&peer_id=${'a'.repeat(20)}&port=0`, 'port 0'],
      [`/announce?info_hash=${'a'.repeat(20)}&peer_id=${'a'.repeat(20)}&port=22`, 'port 22'],
      ['/scrape', 'a scrape of all torrents'],
    ] as const;
    for (const [path, reason] of cases) {
      const { status, text } = await get(path);
      expect(status, path).to.equal(200);
      expect(text, path).to.match(/^d14:failure reason\d+:/);
      expect(text, path).to.include(reason);
    }
    expect(await codeOf(announce(aRequest({ url: tracker.url, port: 80 })))).to.equal('P2P_TRACKER_FAILURE');
  });

  it('believes neither ip= nor an unknown proxy', async () => {
    const path = `/announce?info_hash=${'i'.repeat(20)}&left=1&ip=203.0.113.9`;
    const headers = { 'x-forwarded-for': '203.0.113.9', connection: 'close' };
    await fetch(`${base}${path}&peer_id=${'p'.repeat(20)}&port=7001`, { headers });

    const { text } = await get(`${path}&peer_id=${'q'.repeat(20)}&port=7002`);

    expect(text).to.include('5:peers6:\x7f\x00\x00\x01\x1b\x59');
  });

  it('believes a trusted proxy, and only what it says itself', async () => {
    const proxied = await startTracker({
      port: 0,
      stateDir: join(stateDir, 'proxied'),
      trustedProxies: ['127.0.0.0/8'],
    });
    const announceVia = async (chain: string, port: number): Promise<string> => {
      const path = `/announce?info_hash=${'i'.repeat(20)}&left=1&peer_id=${String(port).padEnd(20)}&port=${port}`;
      const response = await fetch(`http://127.0.0.1:${proxied.port}${path.replaceAll(' ', '%20')}`, {
        headers: { 'x-forwarded-for': chain, connection: 'close' },
      });
      return Buffer.from(await response.arrayBuffer()).toString('latin1');
    };
    try {
      await announceVia('198.51.100.66, 203.0.113.9, 127.0.0.9', 7001);
      expect(await announceVia('203.0.113.10', 7002)).to.include('5:peers6:\xcb\x00\x71\x09\x1b\x59');
      expect(await announceVia('nonsense', 7003)).to.include('proxy');
    } finally {
      await proxied.close();
    }
  });

  it('scrapes several torrents', async () => {
    const a = 'a'.repeat(19) + '1';
    const b = 'a'.repeat(19) + '2';
    await get(`/announce?info_hash=${a}&peer_id=${'p'.repeat(20)}&port=7001&left=0&event=completed`);
    await get(`/announce?info_hash=${a}&peer_id=${'q'.repeat(20)}&port=7002&left=3&event=paused`);

    const { text } = await get(`/scrape?info_hash=${b}&info_hash=${a}`);

    expect(text).to.equal(
      `d5:filesd20:${a}d8:completei1e10:downloadedi1e11:downloadersi0e10:incompletei1ee` +
        `20:${b}d8:completei0e10:downloadedi0e11:downloadersi0e10:incompletei0eeee`,
    );
  });

  it('tells its numbers as JSON and for Prometheus', async () => {
    const stats = JSON.parse((await get('/api/stats')).text) as Record<string, unknown>;
    expect(stats).to.include.keys('peers', 'seeders', 'torrents', 'announces', 'uptimeMs', 'memoryBytes');
    const { text } = await get('/metrics');
    expect(text).to.match(/^p2p_tracker_announces_total\{event="started"\} \d+$/m);
    expect(text).to.match(/^p2p_tracker_http_responses_total\{status="200"\} \d+$/m);
  });

  it('answers unknown paths and methods with a line', async () => {
    expect(await get('/')).to.deep.include({ status: 404 });
    const posted = await fetch(`${base}/announce`, { method: 'POST', body: 'x', headers: { connection: 'close' } });
    expect(posted.status).to.equal(405);
    expect(await posted.text()).to.match(/^POST is not answered here.*\n$/);
  });

  it('refuses a URL of more than 8 KiB, and a header that is too large', async () => {
    expect((await get(`/announce?x=${'y'.repeat(8_192)}`)).status).to.equal(414);
    expect((await get(`/announce?x=${'y'.repeat(20_000)}`)).status).to.equal(431);
  });

  it('gives a client 5 s for its header', async () => {
    const started = process.hrtime.bigint();
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect(tracker.port, '127.0.0.1', () => socket.write('GET /announce HTTP/1.1\r\n'));
      let text = '';
      socket.setEncoding('latin1').on('data', (chunk: string) => (text += chunk));
      socket.once('error', reject).once('close', () => resolve(text));
    });
    const seconds = Number(process.hrtime.bigint() - started) / 1e9;

    expect(answer).to.match(/^HTTP\/1.1 408 /);
    expect(seconds).to.be.within(4.5, 8);
  });

  it('goes on after garbage', async () => {
    for (const garbage of [
      '\x13BitTorrent protocol'.padEnd(68, '\0'),
      'GET\r\n\r\n',
      '\x16\x03\x01',
      'GET /\xff HTTP/9\r\n\r\n',
    ]) {
      const socket = connect(tracker.port, '127.0.0.1');
      await once(socket, 'connect');
      const closed = once(
        socket.resume().on('error', () => undefined),
        'close',
      );
      socket.end(garbage, 'latin1');
      await closed;
    }
    expect((await get('/api/stats')).status).to.equal(200);
  });

  it('says which port is taken and what to do', async () => {
    const error = await startTracker({ port: tracker.port, stateDir: join(stateDir, 'second') }).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).to.be.instanceOf(P2pError).and.include({ code: 'P2P_PORT_TAKEN' });
    expect((error as P2pError).message)
      .to.include(String(tracker.port))
      .and.include('--port');
  });

  it('closes with connections open, more than once', async () => {
    const short = await startTracker({ port: 0, stateDir: join(stateDir, 'short'), host: '127.0.0.1' });
    const idle = connect(short.port, '127.0.0.1');
    await once(idle, 'connect');
    const gone = once(idle, 'close');
    await Promise.all([short.close(), short.close()]);
    await gone;
  });
});

describe('announce', () => {
  const servers: Server[] = [];

  async function serve(listener: RequestListener): Promise<string> {
    const server = createServer(listener);
    servers.push(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/announce`;
  }

  afterEach(async () => {
    for (const server of servers.splice(0)) {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    }
  });

  it('finds a tracker that listens on one address of localhost', async () => {
    const url = await serve((_, response) => response.end('d8:intervali120e5:peers0:e'));
    const reply = await announce(aRequest({ url: url.replace('127.0.0.1', 'localhost') }));
    expect(reply.intervalMs).to.equal(120_000);
  });

  it('follows 3 redirects and no more', async () => {
    let left = 3;
    const url = await serve((request, response) => {
      left -= 1;
      if (left >= 0) response.writeHead(302, { location: `${request.url ?? ''}&again=${left}` }).end();
      else response.end('d8:intervali120ee');
    });
    expect(await announce(aRequest({ url }))).to.deep.include({ intervalMs: 120_000 });
    left = 4;
    expect(await codeOf(announce(aRequest({ url })))).to.equal('P2P_TRACKER_REPLY_INVALID');
  });

  it('follows no redirect to another scheme', async () => {
    const url = await serve((_, response) => response.writeHead(302, { location: 'file:///etc/passwd' }).end());
    expect(await codeOf(announce(aRequest({ url })))).to.equal('P2P_TRACKER_UNREACHABLE');
  });

  it('reads 1 MiB and no more, announced or not', async () => {
    const announced = await serve((_, response) => response.end(Buffer.alloc(1_048_577)));
    expect(await codeOf(announce(aRequest({ url: announced })))).to.equal('P2P_TRACKER_REPLY_INVALID');
    const endless = await serve((_, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536)));
      };
      response.on('drain', more);
      more();
    });
    expect(await codeOf(announce(aRequest({ url: endless })))).to.equal('P2P_TRACKER_REPLY_INVALID');
  });

  it('gives up on a tracker that is silent or dribbles', async () => {
    const silent = await serve(() => undefined);
    expect(await codeOf(announce(aRequest({ url: silent, timeoutMs: 50 })))).to.equal('P2P_TRACKER_UNREACHABLE');
    const dribbling = await serve((_, response) => response.write('d'));
    expect(await codeOf(announce(aRequest({ url: dribbling, timeoutMs: 50 })))).to.equal('P2P_TRACKER_UNREACHABLE');
  });

  it('stops when it is told to', async () => {
    const silent = await serve(() => undefined);
    const abort = new AbortController();
    const answer = announce(aRequest({ url: silent, signal: abort.signal })).catch((error: unknown) => error);
    abort.abort(new Error('enough'));
    expect(await answer).to.include({ message: 'enough' });
  });

  it('names the tracker that is not there, without its query', async () => {
    const url = await serve(() => undefined);
    const server = servers.pop();
    if (server) await once(server.close(), 'close');

    const error = await announce(aRequest({ url: `${url}?passkey=secret` })).catch((thrown: unknown) => thrown);

    expect(error).to.include({ code: 'P2P_TRACKER_UNREACHABLE' });
    expect((error as Error).message)
      .to.include(new URL(url).origin)
      .and.include('ECONNREFUSED');
    expect((error as Error).message).to.not.include('secret');
  });

  it('tells failure, status and nonsense apart', async () => {
    const failing = await serve((_, response) => response.writeHead(403).end('d14:failure reason6:closede'));
    expect(await codeOf(announce(aRequest({ url: failing })))).to.equal('P2P_TRACKER_FAILURE');
    const broken = await serve((_, response) => response.writeHead(500).end('oops'));
    expect(await codeOf(announce(aRequest({ url: broken })))).to.equal('P2P_TRACKER_FAILURE');
    const nonsense = await serve((_, response) => response.end('<html>'));
    expect(await codeOf(announce(aRequest({ url: nonsense })))).to.equal('P2P_TRACKER_REPLY_INVALID');
  });

  it('says clearly which trackers it cannot speak to over HTTP', async () => {
    const error = await announce(aRequest({ url: 'udp://tracker.example:80/announce' })).catch((e: unknown) => e);
    expect(error).to.include({ code: 'P2P_TRACKER_UNREACHABLE' });
    expect((error as Error).message)
      .to.include('udp:')
      .and.include('http');
    expect(await codeOf(announce(aRequest({ url: 'not a url' })))).to.equal('P2P_TRACKER_UNREACHABLE');
  });
});
