import { expect } from 'chai';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AnnounceGate } from '../../src/engine/announce-gate.js';
import { Announcer } from '../../src/engine/announcer.js';
import type { InfoHash } from '../../src/metainfo/metainfo.js';
import type { PeerId } from '../../src/protocol/peer-address.js';
import type { SwarmEvent } from '../../src/swarm/swarm-events.js';
import { TrackerClient } from '../../src/tracker/tracker-client.js';

const TOTALS = { uploadedBytes: 1, downloadedBytes: 2, leftBytes: 3 };

describe('Announcer', () => {
  let server: Server;
  let url: string;
  let asked: URLSearchParams[];
  /** What the tracker answers; nothing at all when undefined. */
  let reply: string | undefined;
  let events: SwarmEvent[];
  let announced: unknown[];
  let wake: () => void;
  let announcer: Announcer;

  beforeEach(async () => {
    [asked, events, announced, wake] = [[], [], [], () => undefined];
    reply = 'd8:completei4e10:incompletei5e8:intervali60e5:peers6:\x7f\x00\x00\x01\x1a\xe1e';
    server = createServer((request, response) => {
      asked.push(new URL(request.url ?? '', 'http://x').searchParams);
      if (reply === undefined) wake();
      else response.end(Buffer.from(reply, 'latin1'));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/announce`;
    announcer = new Announcer({
      infoHash: 'ab'.repeat(20) as InfoHash,
      peerId: 'cd'.repeat(20) as PeerId,
      port: 6881,
      gate: new AnnounceGate(),
      client: new TrackerClient(),
      onEvent: (event) => {
        events.push(event);
        wake();
      },
      onAnnounced: (...told) => announced.push(told),
    });
  });
  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  const next = (): Promise<void> => new Promise((resolve) => (wake = resolve));
  const say = (event: 'started' | 'stopped', at = url): void =>
    announcer.announce({ type: 'announce', url: at, event, numWant: 50 }, TOTALS);

  it('tells the tracker how things stand, and the swarm what it answers', async () => {
    say('started');
    await next();

    expect(events[0]).to.deep.include({
      ...{ type: 'announce-succeeded', url, intervalMs: 60_000, seeders: 4, leechers: 5 },
      peers: [{ host: '127.0.0.1', port: 6881 }],
    });
    expect(announced).to.deep.equal([[url, 4, 5]]);
    expect(Object.fromEntries(asked[0] ?? [])).to.include({
      ...{ port: '6881', uploaded: '1', downloaded: '2', left: '3', event: 'started', numwant: '50' },
    });
  });

  it('tells the swarm of what fails: nobody there, a refusal, nonsense', async () => {
    say('started', 'http://127.0.0.1:1/announce');
    await next();
    reply = 'd14:failure reason8:go away!e';
    say('started');
    await next();
    reply = '<html>';
    say('started');
    await next();

    expect(events.map(({ type }) => type)).to.deep.equal(Array(3).fill('announce-failed'));
    expect(events[1]).to.have.property('message').that.includes('go away!');
    expect(announced).to.deep.equal([]);
  });

  it('says goodbye at the end, and gives up whatever else is under way', async () => {
    reply = undefined;
    const arrived = next();
    say('started');
    await arrived;
    reply = 'd8:intervali60e5:peers0:e';

    say('stopped');
    await announcer.finish(10_000);

    expect(asked.map((query) => query.get('event'))).to.deep.equal(['started', 'stopped']);
    expect(events.map(({ type }) => type)).to.deep.equal(['announce-succeeded']);
  });

  it('does not wait for a goodbye longer than it is told to', async () => {
    reply = undefined;
    const startedMs = performance.now();
    say('stopped');

    await announcer.finish(20);

    expect(performance.now() - startedMs).to.be.lessThan(5_000);
    expect(events).to.deep.equal([]);
  });
});
