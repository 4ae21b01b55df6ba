import { expect } from 'chai';
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { P2pError, type ErrorCode } from '../../src/errors.js';
import { encodeUdpReply, parseUdpRequest, type UdpReply, type UdpRequest } from '../../src/protocol/udp-tracker.js';
import { startTracker, type RunningTracker } from '../../src/tracker/start-tracker.js';
import { TrackerClient, type AnnounceRequest } from '../../src/tracker/tracker-client.js';
import { UdpTrackers } from '../../src/tracker/udp-trackers.js';

const HASH = 'ff00e9'.padEnd(40, '25');
const ID = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);

function aRequest(overrides: Partial<AnnounceRequest> & { readonly url: string }): AnnounceRequest {
  const { port = 6881 } = overrides;
  return {
    ...{ infoHash: HASH, port, uploadedBytes: 0, downloadedBytes: 0, leftBytes: 1, event: 'started' },
    peerId: port.toString(16).padStart(40, '0'),
    ...overrides,
  };
}

async function errorOf(promise: Promise<unknown>): Promise<{ code: ErrorCode; message: string }> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof P2pError) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

describe('tracker over UDP', () => {
  let stateDir: string;
  let tracker: RunningTracker;
  let client: TrackerClient;

  before(async () => {
    stateDir = await mkdtemp(join(tmpdir(), 'p2p-tracker-'));
    tracker = await startTracker({ port: 0, stateDir });
    client = new TrackerClient();
  });

  after(async () => {
    await client.close();
    await tracker.close();
    await rm(stateDir, { recursive: true });
  });

  it('listens on the port number of HTTP', () => {
    expect(tracker.udpUrl).to.equal(`udp://localhost:${tracker.port}/announce`);
  });

  it('brings together peers over UDP and HTTP, over IPv4 and IPv6', async () => {
    await client.announce(aRequest({ url: tracker.url, port: 7001, leftBytes: 0 }));
    const udpUrl = tracker.udpUrl ?? '';

    const over4 = await client.announce(aRequest({ url: udpUrl, port: 7002 }));
    expect(over4).to.deep.equal({
      ...{ intervalMs: 120_000, minIntervalMs: 60_000, seeders: 1, leechers: 1 },
      peers: [{ host: '127.0.0.1', port: 7001 }],
    });
    const over6 = await client.announce(aRequest({ url: udpUrl.replace('localhost', '[::1]'), port: 7003 }));
    expect(over6.peers).to.deep.include({ host: '::1', port: 7001 });
    expect(await client.scrape({ url: udpUrl, infoHash: HASH })).to.deep.equal({
      ...{ seeders: 1, leechers: 2, completed: 0 },
    });
    expect(await client.scrape({ url: tracker.url, infoHash: HASH })).to.deep.equal({
      ...{ seeders: 1, leechers: 2, completed: 0 },
    });

    await client.announce(aRequest({ url: tracker.url, port: 7001, event: 'stopped' }));
    for (const port of [7002, 7003]) await client.announce(aRequest({ url: udpUrl, port, event: 'stopped' }));
    expect(tracker.stats()).to.include({ peers: 0 });
    expect(tracker.stats().udpPackets).to.deep.include({ connect: 2, announce: 4, scrape: 1, error: 0 });
  });

  it('says why it refuses', async () => {
    const error = await errorOf(client.announce(aRequest({ url: tracker.udpUrl ?? '', port: 80 })));

    expect(error).to.include({ code: 'P2P_TRACKER_FAILURE' });
    expect(error.message).to.include('refuses: port 80 is refused').and.include(`udp://localhost:${tracker.port}`);
  });

  it('answers no garbage, and goes on', async () => {
    const { dropped } = tracker.stats().udpPackets;
    const socket = createSocket('udp4');
    let answers = 0;
    socket.on('message', () => (answers += 1));
    const packets = ['', 'x', 'd1:ad2:id20:'.padEnd(120, 'x'), '\0'.repeat(16), '\x13BitTorrent protocol'.padEnd(68)];
    for (const packet of packets) {
      await new Promise((resolve) => socket.send(packet, tracker.port, '127.0.0.1', resolve));
    }
    await client.scrape({ url: tracker.udpUrl ?? '', infoHash: HASH });
    socket.close();

    expect(answers).to.equal(0);
    expect(tracker.stats().udpPackets.dropped).to.equal(dropped + packets.length);
  });

  it('takes a port that is free for both, and says what to do when one that is named is not', async () => {
    const other = createSocket('udp6').bind(0);
    await once(other, 'listening');
    const { port } = other.address();
    const state = join(stateDir, 'second');
    try {
      const error = await errorOf(startTracker({ port, stateDir: state }));
      expect(error).to.include({ code: 'P2P_PORT_TAKEN' });
      expect(error.message).to.include(`UDP port ${port}`).and.include('--no-udp');

      const withoutUdp = await startTracker({ port, stateDir: state, udp: false });
      expect(withoutUdp).to.deep.include({ port, udpUrl: undefined });
      await withoutUdp.close();
    } finally {
      other.close();
    }
  });

  it('listens on the address that it is told', async () => {
    const local = await startTracker({ port: 0, stateDir: join(stateDir, 'v6'), host: '::1' });
    try {
      expect(local).to.include({
        url: `http://[::1]:${local.port}/announce`,
        udpUrl: `udp://[::1]:${local.port}/announce`,
      });
      await client.announce(aRequest({ url: local.udpUrl ?? '', port: 7001 }));
      const over4 = errorOf(client.announce(aRequest({ url: `udp://127.0.0.1:${local.port}`, port: 7001 })));
      expect((await over4).message).to.include('ECONNREFUSED');
    } finally {
      await local.close();
    }
  });
});

describe('TrackerClient over UDP', () => {
  let server: Socket;
  let url: string;
  let requests: UdpRequest[];
  let client: TrackerClient;
  /** What the tracker answers. */
  let replyTo: (request: UdpRequest) => UdpReply | readonly UdpReply[] | undefined;
  let clockMs: number;

  beforeEach(async () => {
    [requests, clockMs] = [[], 0];
    server = createSocket('udp4');
    server.bind(0, '127.0.0.1');
    await once(server, 'listening');
    url = `udp://127.0.0.1:${server.address().port}/announce`;
    server.on('message', (packet: Buffer, { port, address }: RemoteInfo) => {
      const request = parseUdpRequest(Uint8Array.from(packet));
      if (!request) throw new Error(`no request: ${packet.toString('hex')}`);
      requests.push(request);
      for (const reply of [replyTo(request) ?? []].flat()) server.send(encodeUdpReply(reply), port, address);
    });
    replyTo = obliging;
    client = new TrackerClient(['ipv4', 'ipv6'], new UdpTrackers({ firstWaitMs: 10_000, nowMs: () => clockMs }));
  });

  afterEach(async () => {
    await client.close();
    const closed = once(server, 'close');
    server.close();
    await closed;
  });

  function obliging(request: UdpRequest): UdpReply {
    const { transactionId } = request;
    if (request.type === 'connect') return { type: 'connect', transactionId, connectionId: ID };
    if (request.type === 'scrape') {
      return { type: 'scrape', transactionId, counts: [{ seeders: 1, completed: 2, leechers: 3 }] };
    }
    const peers = Buffer.from('c00002011ae1' + 'e00000011ae1' + 'c00002020000', 'hex');
    return { type: 'announce', transactionId, intervalSec: 1_800, leechers: 3, seeders: 1, peers };
  }

  function typesOf(): string[] {
    return requests.map(({ type }) => type);
  }

  it('tells the tracker how things stand, and dials no group and no port 0', async () => {
    const numbers = { uploadedBytes: 2 ** 33, downloadedBytes: 5, leftBytes: 7, numWant: 80, key: 'cafe0001' };

    const reply = await client.announce(aRequest({ url, event: 'completed', ...numbers }));

    expect(requests[1]).to.deep.include({
      ...{ type: 'announce', event: 'completed', uploadedBytes: 2 ** 33, downloadedBytes: 5, leftBytes: 7 },
      ...{
        numWant: 80,
        key: 0xcafe0001,
        port: 6881,
        connectionId: ID,
        infoHash: new Uint8Array(Buffer.from(HASH, 'hex')),
      },
    });
    expect(reply.peers).to.deep.equal([{ host: '192.0.2.1', port: 6881 }]);
    expect(reply).to.include({ intervalMs: 1_800_000, minIntervalMs: 60_000, seeders: 1, leechers: 3 });
  });

  it('connects once for all that it asks in a minute', async () => {
    await Promise.all([
      client.announce(aRequest({ url })),
      client.announce(aRequest({ url, port: 6882 })),
      client.scrape({ url, infoHash: HASH }),
    ]);
    clockMs = 59_999;
    await client.announce(aRequest({ url }));
    expect(typesOf().filter((type) => type === 'connect')).to.have.lengthOf(1);

    clockMs = 60_000;
    await client.announce(aRequest({ url }));
    expect(typesOf().slice(-2)).to.deep.equal(['connect', 'announce']);
  });

  it('asks a silent tracker three times, each time with twice the patience', async () => {
    const hasty = new TrackerClient(['ipv4'], new UdpTrackers({ firstWaitMs: 20 }));
    replyTo = () => undefined;
    const startedMs = performance.now();

    const error = await errorOf(hasty.announce(aRequest({ url })));
    await hasty.close();

    expect(error).to.include({ code: 'P2P_TRACKER_UNREACHABLE' });
    expect(error.message).to.match(/^cannot reach udp:\/\/127\.0\.0\.1:\d+: no answer$/);
    expect(typesOf()).to.deep.equal(['connect', 'connect', 'connect']);
    // 20, 40 and 80 ms; timers may be early by one each.
    expect(performance.now() - startedMs).to.be.greaterThan(137);
  });

  it('asks again what was lost on the way', async () => {
    const hasty = new TrackerClient(['ipv4'], new UdpTrackers({ firstWaitMs: 200 }));
    const lost = new Set<string>();
    replyTo = (request) => {
      if (lost.has(request.type)) return obliging(request);
      lost.add(request.type);
      return undefined;
    };

    expect(await hasty.announce(aRequest({ url }))).to.include({ seeders: 1 });
    await hasty.close();

    expect(typesOf()).to.deep.equal(['connect', 'connect', 'announce', 'announce']);
  });

  it('believes no answer to another question', async () => {
    replyTo = (request) => {
      const { transactionId } = request;
      const another = transactionId ^ 1;
      return [
        { type: 'error', transactionId: another, message: Buffer.from('no') },
        { ...obliging(request), transactionId: another },
        { type: 'scrape', transactionId, counts: [] },
        obliging(request),
      ];
    };

    expect(await client.announce(aRequest({ url }))).to.include({ seeders: 1 });
  });

  it('tells a refusal, safe to print', async () => {
    replyTo = (request) =>
      request.type === 'connect'
        ? obliging(request)
        : { type: 'error', transactionId: request.transactionId, message: Buffer.from('closed\x1b[2J') };

    const error = await errorOf(client.announce(aRequest({ url })));

    expect(error).to.include({ code: 'P2P_TRACKER_FAILURE' });
    expect(error.message).to.include('refuses: closed\\x1b[2J');
    expect(typesOf()).to.deep.equal(['connect', 'announce']);
  });

  it('connects anew when a tracker that was started again does not know its id', async () => {
    await client.announce(aRequest({ url }));
    const another = Uint8Array.from(ID).reverse();
    replyTo = (request) => {
      const { type, transactionId } = request;
      if (type === 'connect') return { type, transactionId, connectionId: another };
      const isKnown = Buffer.from(request.connectionId).equals(another);
      return isKnown ? obliging(request) : { type: 'error', transactionId, message: Buffer.from('unknown id') };
    };

    expect(await client.announce(aRequest({ url }))).to.include({ seeders: 1 });
    expect(typesOf().slice(2)).to.deep.equal(['announce', 'connect', 'announce']);
  });

  it('gives up after the time that it has, and when it is told to', async () => {
    replyTo = () => undefined;
    const late = await errorOf(client.announce(aRequest({ url, timeoutMs: 30 })));
    expect(late.message).to.include('no answer within 0.03 s');

    const abort = new AbortController();
    const announced = client.announce(aRequest({ url, signal: abort.signal })).catch((error: unknown) => error);
    abort.abort(new Error('enough'));
    expect(await announced).to.include({ message: 'enough' });
  });

  it('knows at once that nobody listens', async () => {
    const gone = createSocket('udp4').bind(0, '127.0.0.1');
    await once(gone, 'listening');
    const { port } = gone.address();
    const closed = once(gone, 'close');
    gone.close();
    await closed;

    const error = await errorOf(client.announce(aRequest({ url: `udp://127.0.0.1:${port}/announce?passkey=secret` })));

    expect(error).to.include({ code: 'P2P_TRACKER_UNREACHABLE' });
    expect(error.message).to.include(`udp://127.0.0.1:${port}`).and.include('ECONNREFUSED');
    expect(error.message).to.not.include('secret');
  });

  it('sends nothing to what is no tracker', async () => {
    for (const wrong of [
      'udp://127.0.0.1/announce',
      'udp://127.0.0.1:0/',
      'udp://239.1.2.3:80/announce',
      'udp://0.0.0.0:80',
    ]) {
      const error = await errorOf(client.announce(aRequest({ url: wrong })));
      expect(error, wrong).to.include({ code: 'P2P_TRACKER_UNREACHABLE' });
    }
  });
});
