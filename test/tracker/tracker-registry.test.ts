import { expect } from 'chai';
import fc from 'fast-check';
import { formatIp, parseIp } from '../../src/protocol/ip-address.js';
import type { StoreAnnounce } from '../../src/tracker/peer-store.js';
import { ipOf, PEER_HEAD } from '../../src/tracker/peer-table.js';
import { TrackerRegistry } from '../../src/tracker/tracker-registry.js';
import { seededRandom } from './seeded-random.js';

const SWARM = 'x'.repeat(20);
const EXPIRY_MS = 264_000;

function aRegistry(maxPeers = 1_000_000, seed = 1): TrackerRegistry {
  return new TrackerRegistry({ expiryMs: EXPIRY_MS, maxPeers, random: seededRandom(seed) });
}

interface AnnounceOverrides extends Partial<Omit<StoreAnnounce, 'ip' | 'reachedIp' | 'peerId'>> {
  readonly from?: string;
  readonly reached?: string | undefined;
  readonly id?: string;
}

function ip(text: string): Uint8Array {
  const bytes = parseIp(text);
  if (!bytes) throw new Error(`no address: ${text}`);
  return bytes;
}

function anAnnounce(overrides: AnnounceOverrides = {}): StoreAnnounce {
  const { from = '192.0.2.1', reached = '192.0.2.200', id, ...rest } = overrides;
  const port = rest.port ?? 6881;
  const name = id ?? `${from}/${port}`;
  return {
    infoHash: SWARM,
    ip: ip(from),
    reachedIp: 'reached' in overrides && overrides.reached === undefined ? undefined : ip(reached),
    port,
    peerId: Buffer.from(name.padEnd(20, '-').slice(-20), 'latin1'),
    event: 'other',
    role: 'downloader',
    numWant: 50,
    onlyFamily: undefined,
    ...rest,
  };
}

/** Of IPv4 and of two networks of IPv6 in turn, three with the same last 4 bytes; below 765. */
function addressOf(peer: number): string {
  const host = Math.floor(peer / 3);
  const ipv6End = `c000:2${host.toString(16).padStart(2, '0')}`;
  return [`192.0.2.${host}`, `2001:db8::${ipv6End}`, `2001:db8:1::${ipv6End}`][peer % 3] ?? '';
}

function announce(registry: TrackerRegistry, overrides: AnnounceOverrides = {}, nowMs = 0): string[] {
  const peers: string[] = [];
  registry.announce(anAnnounce(overrides), nowMs, (records, head, tail, instead) => {
    const view = new DataView(records.buffer, records.byteOffset);
    const port = view.getUint16(head + PEER_HEAD.port);
    peers.push(`${formatIp(instead ?? ipOf(records, head, tail))} ${port}`);
  });
  return peers.sort();
}

describe('TrackerRegistry', () => {
  it('names the others, never the one who asks', () => {
    const registry = aRegistry();
    announce(registry, { from: '192.0.2.1' });
    announce(registry, { from: '2001:db8::2' });

    const peers = announce(registry, { from: '192.0.2.1' });

    expect(peers).to.deep.equal(['2001:db8::2 6881']);
  });

  it('never names a peer to itself under another address', () => {
    const registry = aRegistry();
    announce(registry, { from: '192.0.2.1', id: 'me' });

    expect(announce(registry, { from: '2001:db8::1', id: 'me' })).to.deep.equal([]);
  });

  it('replaces a peer that comes again with the same address and port', () => {
    const registry = aRegistry();
    announce(registry, { id: 'first' });
    announce(registry, { id: 'second', role: 'seed' });

    expect(registry.scrape(SWARM)).to.deep.include({ seeders: 1, leechers: 0 });
    expect(registry.peerCount).to.equal(1);
  });

  it('names peers of one family alone when the answer has room for no other', () => {
    const registry = aRegistry();
    announce(registry, { from: '192.0.2.1' });
    announce(registry, { from: '2001:db8::2' });

    expect(announce(registry, { from: '192.0.2.9', onlyFamily: 'ipv4' })).to.deep.equal(['192.0.2.1 6881']);
    const others = announce(registry, { from: '2001:db8::9', onlyFamily: 'ipv6' });
    expect(others).to.deep.equal(['2001:db8::2 6881']);
  });

  it('finds the few of a family among many', () => {
    const registry = aRegistry();
    for (let port = 2_000; port < 2_500; port += 1) announce(registry, { from: '192.0.2.1', port });
    for (let port = 2_000; port < 2_100; port += 1) announce(registry, { from: '2001:db8::2', port });

    const peers = announce(registry, { from: '2001:db8::9', onlyFamily: 'ipv6', numWant: 20 });

    expect(peers).to.have.lengthOf(20);
    expect(new Set(peers)).to.have.property('size', 20);
    for (let port = 2_000; port < 2_100; port += 1) announce(registry, { from: '2001:db8::2', port, event: 'stopped' });
    expect(announce(registry, { from: '2001:db8::9', onlyFamily: 'ipv6' })).to.deep.equal([]);
  });

  it('names a peer on its host by the loopback address of the family that is asked for', () => {
    const registry = aRegistry();
    announce(registry, { from: '127.0.0.1', port: 7001 });

    expect(announce(registry, { from: '::1', port: 7002, onlyFamily: 'ipv6' })).to.deep.equal(['::1 7001']);
    const others = announce(registry, { from: '127.0.0.1', port: 7003, onlyFamily: 'ipv4' });
    expect(others).to.deep.equal(['127.0.0.1 7001', '127.0.0.1 7002']);
  });

  it('keeps swarms apart', () => {
    const registry = aRegistry();
    announce(registry, { infoHash: 'y'.repeat(20) });

    expect(announce(registry, { from: '192.0.2.2' })).to.deep.equal([]);
  });

  it('gives seeds and partial seeds only downloaders', () => {
    const registry = aRegistry();
    announce(registry, { from: '192.0.2.1', role: 'seed' });
    announce(registry, { from: '192.0.2.2', role: 'partial-seed' });
    announce(registry, { from: '192.0.2.3' });

    expect(announce(registry, { from: '192.0.2.9', role: 'seed' })).to.deep.equal(['192.0.2.3 6881']);
    expect(announce(registry, { from: '192.0.2.9', role: 'partial-seed' })).to.deep.equal(['192.0.2.3 6881']);
    expect(announce(registry, { from: '192.0.2.9' })).to.have.lengthOf(3);
  });

  it('gives seeds to an aria2 that calls itself a seed: it may have a magnet link and nothing more', () => {
    const registry = aRegistry();
    announce(registry, { from: '192.0.2.1', role: 'seed' });

    const peers = announce(registry, { from: '192.0.2.9', role: 'seed', id: 'A2-1-36-0-abcdefghij' });

    expect(peers).to.deep.equal(['192.0.2.1 6881']);
    expect(registry.scrape(SWARM)).to.deep.include({ seeders: 2, leechers: 0 });
  });

  it('counts a partial seed as a leecher that is no downloader', () => {
    const registry = aRegistry();
    announce(registry, { from: '192.0.2.1', role: 'seed' });
    announce(registry, { from: '192.0.2.2', role: 'partial-seed' });
    announce(registry, { from: '192.0.2.3' });

    expect(registry.scrape(SWARM)).to.deep.equal({ seeders: 1, leechers: 2, downloaders: 1, completed: 0 });
  });

  it('forgets a peer that stops, and gives it no peers', () => {
    const registry = aRegistry();
    announce(registry, { from: '192.0.2.1' });
    announce(registry, { from: '192.0.2.2' });

    expect(announce(registry, { from: '192.0.2.2', event: 'stopped' })).to.deep.equal([]);
    expect(announce(registry, { from: '192.0.2.1' })).to.deep.equal([]);
    expect(registry.peerCount).to.equal(1);
  });

  it('counts each completion once', () => {
    const registry = aRegistry();
    announce(registry);
    announce(registry, { event: 'completed', role: 'seed' });
    announce(registry, { event: 'completed', role: 'seed' });

    expect(registry.scrape(SWARM).completed).to.equal(1);
  });

  it('forgets a vanished peer after 2.2 intervals, and names it no longer before the sweep comes by', () => {
    const registry = aRegistry();
    announce(registry, { from: '192.0.2.1' }, 0);

    expect(registry.sweep(EXPIRY_MS, 100)).to.equal(0);
    expect(announce(registry, { from: '192.0.2.2' }, EXPIRY_MS)).to.have.lengthOf(1);
    expect(announce(registry, { from: '192.0.2.2' }, EXPIRY_MS + 1000)).to.deep.equal([]);
    expect(registry.sweep(EXPIRY_MS + 1000, 100)).to.equal(1);
    expect(registry.peerCount).to.equal(1);
  });

  it('sweeps in small steps and drops swarms that are empty', () => {
    const registry = aRegistry();
    for (let peer = 0; peer < 100; peer += 1) {
      announce(registry, { from: `192.0.2.${peer}`, infoHash: String(peer % 10).repeat(20) });
    }

    let removed = 0;
    for (let step = 0; step < 40; step += 1) removed += registry.sweep(EXPIRY_MS + 2000, 7);

    expect(removed).to.equal(100);
    expect(registry.swarmCount).to.equal(0);
    expect(registry.peerCount).to.equal(0);
  });

  it('has no room for one peer more than allowed, but hears those that it knows', () => {
    const registry = aRegistry(1);
    const takeNone = (): void => undefined;
    announce(registry, { from: '192.0.2.1' });

    expect(registry.announce(anAnnounce({ from: '192.0.2.2' }), 0, takeNone)).to.equal(undefined);
    expect(registry.announce(anAnnounce({ from: '192.0.2.1' }), 0, takeNone)).to.not.equal(undefined);
    expect(registry.swarmCount).to.equal(1);
  });

  describe('loopback', () => {
    it('gives a requester from elsewhere the address where it reached the tracker', () => {
      const registry = aRegistry();
      announce(registry, { from: '127.0.0.1', port: 9000 });

      expect(announce(registry, { from: '192.0.2.7', reached: '192.0.2.200' })).to.deep.equal(['192.0.2.200 9000']);
      expect(announce(registry, { from: '2001:db8::7', reached: '2001:db8::200' })).to.include('2001:db8::200 9000');
    });

    it('gives a requester on loopback the loopback address', () => {
      const registry = aRegistry();
      announce(registry, { from: '127.0.0.1', port: 9000 });

      expect(announce(registry, { from: '::1', reached: '::1', port: 9001 })).to.deep.equal(['127.0.0.1 9000']);
    });

    it('takes ::1 and 127.0.0.1 for one', () => {
      const registry = aRegistry();
      announce(registry, { from: '127.0.0.1', port: 9000, id: 'a' });
      announce(registry, { from: '::1', port: 9000, id: 'b' });

      expect(registry.peerCount).to.equal(1);
    });

    it('keeps other loopback addresses apart', () => {
      const registry = aRegistry();
      announce(registry, { from: '127.0.0.1' });

      expect(announce(registry, { from: '127.0.0.2' })).to.deep.equal(['127.0.0.1 6881']);
    });

    it('names no loopback peer to one that came through a proxy on the same host', () => {
      const registry = aRegistry();
      announce(registry, { from: '127.0.0.1', port: 9000 });

      expect(announce(registry, { from: '192.0.2.7', reached: undefined })).to.deep.equal([]);
      expect(announce(registry, { from: '192.0.2.7', reached: '127.0.0.1' })).to.deep.equal([]);
    });

    it('names the host to itself neither by its own address nor by the one it announced from', () => {
      const registry = aRegistry();
      announce(registry, { from: '127.0.0.1', port: 9000, id: 'a' });

      const peers = announce(registry, { from: '192.0.2.200', reached: '192.0.2.200', port: 9000, id: 'b' });

      expect(peers).to.deep.equal([]);
    });
  });

  describe('picking', () => {
    // In the larger one neighbours are drawn together.
    for (const peerCount of [60, 100]) {
      it(`names as many of ${peerCount} as asked for, none twice, and all with equal chance`, () => {
        const registry = aRegistry();
        for (let peer = 0; peer < peerCount; peer += 1) announce(registry, { from: `192.0.2.${peer}`, numWant: 0 });

        const times = new Map<string, number>();
        for (let round = 0; round < 20 * peerCount; round += 1) {
          const peers = announce(registry, { from: '198.51.100.1', role: 'seed', numWant: 10 });
          expect(new Set(peers).size).to.equal(10);
          for (const peer of peers) times.set(peer, (times.get(peer) ?? 0) + 1);
        }

        // 200 times each in the mean, standard deviation about 13.
        expect(times.size).to.equal(peerCount);
        expect(Math.min(...times.values())).to.be.greaterThan(130);
        expect(Math.max(...times.values())).to.be.lessThan(270);
      });
    }
  });

  it('keeps the peers of many swarms apart while they grow, shrink and end', () => {
    const registry = aRegistry();
    const random = seededRandom(7);
    const twin = new Map<string, Set<string>>();
    for (let round = 0; round < 20_000; round += 1) {
      // Waves, so that swarms of each length come and go.
      const isGrowing = Math.sin(round / 1_000) > random() * 2 - 1;
      const infoHash = String.fromCharCode(97 + Math.floor(random() * 20)).repeat(20);
      const from = `192.0.2.${Math.floor(random() * 60)}`;
      const peers = twin.get(infoHash) ?? new Set();
      twin.set(infoHash, peers);
      const named = announce(registry, { infoHash, from, event: isGrowing ? 'other' : 'stopped', numWant: 200 });
      peers.delete(from);
      if (isGrowing) expect(named).to.deep.equal([...peers].map((host) => `${host} 6881`).sort());
      if (isGrowing) peers.add(from);
      expect(registry.scrape(infoHash).leechers).to.equal(peers.size);
    }
    const sizes = [...twin.values()].map(({ size }) => size);
    expect(registry.peerCount).to.equal(sizes.reduce((sum, size) => sum + size, 0));
    expect(registry.swarmCount).to.equal(sizes.filter((size) => size > 0).length);
  });

  it('agrees with a plain map over any sequence of announces', () => {
    const action = fc.record({
      peer: fc.nat(40),
      role: fc.constantFrom('downloader' as const, 'partial-seed' as const, 'seed' as const),
      stop: fc.boolean(),
      stepMs: fc.nat(20_000),
      sweep: fc.nat(30),
    });
    fc.assert(
      fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
        const registry = aRegistry();
        const twin = new Map<string, { role: string; heardSec: number }>();
        let nowMs = 0;
        for (const { peer, role, stop, stepMs, sweep } of actions) {
          nowMs += stepMs;
          const nowSec = Math.floor(nowMs / 1000);
          const from = addressOf(peer);
          const named = announce(registry, { from, role, event: stop ? 'stopped' : 'other', numWant: 200 }, nowMs);
          if (stop) twin.delete(from);
          else twin.set(from, { role, heardSec: nowSec });
          const expected = [...twin].filter(
            ([host, other]) =>
              !stop &&
              host !== from &&
              other.heardSec >= nowSec - EXPIRY_MS / 1000 &&
              (role === 'downloader' || other.role === 'downloader'),
          );
          expect(named).to.deep.equal(expected.map(([host]) => `${host} 6881`).sort());
          registry.sweep(nowMs, sweep);
        }
        for (let step = 0; step < 3; step += 1) registry.sweep(nowMs, 1_000);
        const alive = [...twin.values()].filter((peer) => peer.heardSec >= Math.floor(nowMs / 1000) - EXPIRY_MS / 1000);
        expect(registry.peerCount).to.equal(alive.length);
        expect(registry.seederCount).to.equal(alive.filter((peer) => peer.role === 'seed').length);
      }),
      { numRuns: 200 },
    );
  });
});
