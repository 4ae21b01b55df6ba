import { expect } from 'chai';
import fc from 'fast-check';
import { encodeUdpRequest, parseUdpReply, type UdpAnnounce, type UdpReply } from '../../src/protocol/udp-tracker.js';
import { ConnectionIds } from '../../src/tracker/connection-ids.js';
import { isLoopbackIp, parseIp } from '../../src/protocol/ip-address.js';
import { PacketAllowance } from '../../src/tracker/packet-allowance.js';
import type { RequestSource } from '../../src/tracker/request-source.js';
import { TrackerRegistry } from '../../src/tracker/tracker-registry.js';
import { TrackerCounters } from '../../src/tracker/tracker-stats.js';
import { TrackerUdp } from '../../src/tracker/tracker-udp.js';
import { seededRandom } from './seeded-random.js';

const SLOT_MS = 120_000;
const HASH = new Uint8Array(20).fill(0xaa);
const UNPROVEN = new Uint8Array(8);

function ip(text: string): Uint8Array {
  const bytes = parseIp(text);
  if (!bytes) throw new Error(`no address: ${text}`);
  return bytes;
}

function from(host: string, reached?: string): RequestSource {
  return {
    host,
    ip: ip(host),
    isLoopback: isLoopbackIp(ip(host)),
    reachedIp: reached === undefined ? undefined : ip(reached),
  };
}

describe('TrackerUdp', () => {
  let nowMs: number;
  let counters: TrackerCounters;
  let registry: TrackerRegistry;
  let tracker: TrackerUdp;

  beforeEach(() => {
    nowMs = 1_000;
    counters = new TrackerCounters();
    registry = new TrackerRegistry({ expiryMs: 264_000, maxPeers: 1_000, random: seededRandom(1) });
    tracker = new TrackerUdp({
      store: registry,
      counters,
      connectionIds: new ConnectionIds(new Uint8Array(32).fill(9)),
      allowance: new PacketAllowance(512, 1),
      nowMs: () => nowMs,
    });
  });

  function ask(packet: Uint8Array, source: RequestSource): UdpReply | undefined {
    const answer = tracker.answer(packet, source);
    return answer && parseUdpReply(answer);
  }

  function connect(source: RequestSource): Uint8Array {
    const reply = ask(encodeUdpRequest({ type: 'connect', transactionId: 5 }), source);
    if (reply?.type !== 'connect') throw new Error('no connection id');
    expect(reply.transactionId).to.equal(5);
    return reply.connectionId;
  }

  function anAnnounce(overrides: Partial<UdpAnnounce> & Pick<UdpAnnounce, 'connectionId'>): Uint8Array {
    const port = overrides.port ?? 6881;
    return encodeUdpRequest({
      ...{ type: 'announce', transactionId: 6, infoHash: HASH, downloadedBytes: 0, leftBytes: 1, uploadedBytes: 0 },
      ...{ event: 'started', key: 0, numWant: -1, port },
      peerId: Buffer.from(String(port).padStart(20, '0')),
      ...overrides,
    });
  }

  function announce(source: RequestSource, overrides: Partial<UdpAnnounce> = {}): UdpReply | undefined {
    return ask(anAnnounce({ connectionId: connect(source), ...overrides }), source);
  }

  function peersOf(reply: UdpReply | undefined): string {
    if (reply?.type !== 'announce') throw new Error(`no announce: ${JSON.stringify(reply)}`);
    return Buffer.from(reply.peers).toString('hex');
  }

  it('brings two peers together', () => {
    announce(from('192.0.2.1'), { port: 7001, leftBytes: 0 });

    const reply = announce(from('192.0.2.2'), { port: 7002 });

    expect(reply).to.deep.include({ transactionId: 6, intervalSec: 120, seeders: 1, leechers: 1 });
    expect(peersOf(reply)).to.equal('c00002011b59');
    expect(counters.announces).to.deep.include({ started: 2 });
  });

  it('names peers of the family that it is asked over: 6 bytes each, or 18', () => {
    announce(from('192.0.2.1'), { port: 7001 });
    announce(from('2001:db8::1'), { port: 7002 });

    expect(peersOf(announce(from('192.0.2.2'), { port: 7003 }))).to.equal('c00002011b59');
    const over6 = announce(from('2001:db8::2'), { port: 7004 });
    expect(peersOf(over6)).to.equal('20010db8000000000000000000000001' + '1b5a');
    expect(over6).to.include({ leechers: 4 });
  });

  it('names a peer that announced from loopback by the address where it was reached', () => {
    announce(from('127.0.0.1'), { port: 7001 });

    expect(peersOf(announce(from('192.0.2.2', '192.0.2.9'), { port: 7002 }))).to.equal('c00002091b59');
    expect(peersOf(announce(from('127.0.0.1'), { port: 7003 }))).to.include('7f0000011b59');
  });

  it('gives as many peers as fit one packet: 200 over IPv4, 67 over IPv6', () => {
    for (let port = 2_000; port < 2_300; port += 1) {
      nowMs += 10;
      announce(from('127.0.0.1', '192.0.2.9'), { port, numWant: 0 });
      announce(from(`2001:db8::${port}`), { port, numWant: 0 });
    }

    const over4 = tracker.answer(
      anAnnounce({ connectionId: connect(from('192.0.2.2', '192.0.2.9')), numWant: 2 ** 31 - 1, port: 7_000 }),
      from('192.0.2.2', '192.0.2.9'),
    );
    expect(over4).to.have.lengthOf(20 + 200 * 6);
    const source6 = from('2001:db8::ffff');
    const over6 = tracker.answer(
      anAnnounce({ connectionId: connect(source6), numWant: 2 ** 31 - 1, port: 7_000 }),
      source6,
    );
    expect(over6).to.have.lengthOf(20 + 67 * 18);
    expect(peersOf(announce(from('192.0.2.3', '192.0.2.9'), { port: 7_000 }))).to.have.lengthOf(50 * 12);
  });

  it('counts seeds, completions, partial seeds and goodbyes as over HTTP', () => {
    announce(from('192.0.2.1'), { leftBytes: 1 });
    announce(from('192.0.2.1'), { leftBytes: 0, event: 'completed' });
    announce(from('192.0.2.2'), { event: 'paused' });
    announce(from('192.0.2.3'));
    announce(from('192.0.2.3'), { event: 'stopped' });

    const connectionId = connect(from('192.0.2.9'));
    const infoHashes = [new Uint8Array(20), HASH];
    const reply = ask(
      encodeUdpRequest({ type: 'scrape', connectionId, transactionId: 8, infoHashes }),
      from('192.0.2.9'),
    );

    expect(reply).to.deep.equal({
      type: 'scrape',
      transactionId: 8,
      counts: [
        { seeders: 0, completed: 0, leechers: 0 },
        { seeders: 1, completed: 1, leechers: 1 },
      ],
    });
    expect(counters.scrapes).to.equal(1);
  });

  for (const port of [0, 22, 1023]) {
    it(`refuses port ${port}`, () => {
      const reply = announce(from('192.0.2.1'), { port });

      expect(reply).to.have.property('type', 'error');
      expect(reply?.type === 'error' && Buffer.from(reply.message).toString()).to.include(`port ${port} is refused`);
      expect(registry.peerCount).to.equal(0);
      expect(counters.rejected).to.equal(1);
    });
  }

  it('says so when it is full', () => {
    for (let port = 2_000; port < 3_000; port += 1) announce(from('127.0.0.1'), { port, numWant: 0 });
    expect(announce(from('192.0.2.1'))).to.have.property('type', 'error');
  });

  describe('connection ids', () => {
    it('hold for two minutes at least, and four at most', () => {
      const source = from('192.0.2.1');
      const connectionId = connect(source);
      const isTaken = (): boolean => ask(anAnnounce({ connectionId }), source)?.type === 'announce';

      nowMs += SLOT_MS;
      expect(isTaken()).to.equal(true);
      nowMs = 2 * SLOT_MS - 1;
      expect(isTaken()).to.equal(true);
      nowMs = 2 * SLOT_MS;
      expect(isTaken()).to.equal(false);
    });

    it('are of no use from another address, guessed, or in another run', () => {
      const connectionId = connect(from('192.0.2.1'));
      expect(ask(anAnnounce({ connectionId }), from('192.0.2.2'))).to.have.property('type', 'error');
      expect(ask(anAnnounce({ connectionId: UNPROVEN }), from('192.0.2.1'))).to.have.property('type', 'error');
      const flipped = Uint8Array.from(connectionId);
      flipped[7] = (flipped[7] ?? 0) ^ 1;
      expect(ask(anAnnounce({ connectionId: flipped }), from('192.0.2.1'))).to.have.property('type', 'error');
      const another = new ConnectionIds(new Uint8Array(32).fill(8));
      expect(another.isValid(connectionId, ip('192.0.2.1'), nowMs)).to.equal(false);
      expect(registry.peerCount).to.equal(0);
    });
  });

  it('sends nobody who has not proven its address more than it got', () => {
    const source = from('192.0.2.1');
    for (let port = 2_000; port < 2_100; port += 1) announce(from('127.0.0.1', '192.0.2.9'), { port, numWant: 0 });
    const garbage = fc.uint8Array({ maxLength: 200 });
    const scrape = { type: 'scrape', connectionId: UNPROVEN, transactionId: 1, infoHashes: [HASH] } as const;
    const wellMeant = fc.constantFrom(
      encodeUdpRequest({ type: 'connect', transactionId: 1 }),
      anAnnounce({ connectionId: UNPROVEN }),
      encodeUdpRequest(scrape),
    );
    const actions = garbage.map((bytes) => Uint8Array.from(bytes).fill(0, 8, 11));
    fc.assert(
      fc.property(fc.oneof(garbage, wellMeant, actions), (packet) => {
        nowMs += 1_000;
        const answer = tracker.answer(packet, source);
        return answer === undefined || answer.length <= packet.length;
      }),
      { numRuns: 1_000 },
    );
  });

  it('reads 512 packets a second of one address, and goes on with others', () => {
    const connected = (host: string): boolean =>
      tracker.answer(encodeUdpRequest({ type: 'connect', transactionId: 1 }), from(host)) !== undefined;
    for (let packets = 0; packets < 512; packets += 1) expect(connected('192.0.2.1')).to.equal(true);

    expect(connected('192.0.2.1')).to.equal(false);
    expect(counters.udpPackets).to.include({ connect: 512, dropped: 1 });
    expect(connected('192.0.2.2')).to.equal(true);
    nowMs += 1_000;
    expect(connected('192.0.2.1')).to.equal(true);
  });

  it('counts the packets of a network of IPv6 together, and those of loopback not at all', () => {
    const connected = (host: string): boolean =>
      tracker.answer(encodeUdpRequest({ type: 'connect', transactionId: 1 }), from(host)) !== undefined;
    for (let packets = 0; packets < 512; packets += 1) connected(`2001:db8:0:1::${packets}`);
    for (let packets = 0; packets < 512; packets += 1) connected('::1');

    expect(connected('2001:db8:0:1::ffff')).to.equal(false);
    expect(connected('2001:db8:0:2::1')).to.equal(true);
    expect(connected('::1')).to.equal(true);
  });
});
