import { expect } from 'chai';
import type { PeerAddress, PeerId } from '../../src/protocol/peer-address.js';
import { PeerRoster, type Admission, type PeerRosterOptions } from '../../src/swarm/peer-roster.js';
import { peerPriority } from '../../src/swarm/peer-priority.js';
import { seededRandom } from '../../src/swarm/seeded-random.js';
import { aPeerId } from './swarm-fixture.js';

const OURS = aPeerId('80');

describe('PeerRoster', () => {
  it('dials each address once, and again after a back-off that doubles', () => {
    const roster = aRoster();
    const address = anAddress(1);
    roster.addAddresses([address, address], 'tracker', 0);
    const waits: number[] = [];

    let nowMs = 0;
    for (let linkId = 1; linkId <= 5; linkId += 1) {
      expect(roster.pickDial(false, nowMs)).to.deep.equal(address);
      roster.handleDialled(linkId, address);
      expect(roster.pickDial(false, nowMs)).to.equal(undefined);
      roster.handleDialFailed(linkId, nowMs);
      const nextMs = roster.nextDialMs(false, nowMs) ?? 0;
      waits.push(nextMs - nowMs);
      nowMs = nextMs;
    }

    for (const [failures, waitMs] of waits.entries()) {
      expect(waitMs).to.be.within(2_000 * 2 ** failures * 0.75, 2_000 * 2 ** failures * 1.25);
    }
  });

  it('forgets an address that never answers', () => {
    const roster = aRoster();
    roster.addAddresses([anAddress(1)], 'tracker', 0);

    for (let linkId = 1; linkId <= 12; linkId += 1) {
      roster.handleDialled(linkId, anAddress(1));
      roster.handleDialFailed(linkId, 0);
    }

    expect(roster.unconnectedCount).to.equal(0);
  });

  it('keeps at most 16 dials half-open', () => {
    const roster = aRoster();
    roster.addAddresses(
      Array.from({ length: 40 }, (_, n) => anAddress(n + 1)),
      'tracker',
      0,
    );

    expect(dialAll(roster)).to.equal(16);
  });

  it('leaves a share of the connections to those who dial us', () => {
    const roster = aRoster({ maxLinks: 8 });
    roster.addAddresses(
      Array.from({ length: 40 }, (_, n) => anAddress(n + 1)),
      'tracker',
      0,
    );

    expect(dialAll(roster)).to.equal(6);
  });

  it('passes over ports that nobody listens on, and banned addresses', () => {
    const roster = aRoster({ isBanned: ({ port }) => port === 9_002 });

    roster.addAddresses(
      [{ host: '10.0.0.1', port: 0 }, { host: '10.0.0.1', port: 70_000 }, anAddress(2)],
      'tracker',
      0,
    );

    expect(roster.pickDial(false, 0)).to.equal(undefined);
  });

  it('keeps of two crossing connections the one that the higher id dialled, alike on both ends', () => {
    for (const first of ['a dials', 'b dials'] as const) {
      const [low, high] = [aPeerId('10'), aPeerId('f0')];
      const a = aRoster({ ourPeerId: low });
      const b = aRoster({ ourPeerId: high });
      // Link 1 was dialled by a, link 2 by b.
      const meetA = (linkId: number): Admission => shake(a, linkId, high, linkId === 2);
      const meetB = (linkId: number): Admission => shake(b, linkId, low, linkId === 1);
      const order = first === 'a dials' ? [1, 2] : [2, 1];

      const atA = order.map(meetA);
      const atB = order.reverse().map(meetB);

      expect(survivor([1, 2], order.slice().reverse(), atA)).to.equal(2);
      expect(survivor([1, 2], order, atB)).to.equal(2);
    }
  });

  it('takes a second connection of the same dialler for the living one when it comes from the same host', () => {
    const roster = aRoster();
    shake(roster, 1, aPeerId('aa'), true, '10.0.0.1');

    expect(shake(roster, 2, aPeerId('aa'), true, '10.0.0.1')).to.deep.equal({ isAdmitted: true, replaced: 1 });
    expect(shake(roster, 3, aPeerId('aa'), true, '203.0.113.9').isAdmitted).to.equal(false);
  });

  it('does not dial a peer that is connected already, whoever dialled', () => {
    const roster = aRoster();
    shake(roster, 1, aPeerId('aa'), true, '10.0.0.1');
    roster.handleListenPort(1, 9_001, 0);

    roster.addAddresses([{ host: '10.0.0.1', port: 9_001 }], 'tracker', 0);

    expect(roster.pickDial(false, 0)).to.equal(undefined);
    roster.handleClosed(1, 'lost', true, 0);
    expect(roster.pickDial(false, 60_000)).to.deep.equal({ host: '10.0.0.1', port: 9_001 });
  });

  it('does not believe a peer that claims the port of another one', () => {
    const roster = aRoster();
    shake(roster, 1, aPeerId('aa'), true, '10.0.0.1');
    shake(roster, 2, aPeerId('bb'), true, '10.0.0.1');

    expect(roster.handleListenPort(1, 9_001, 0)).to.deep.equal({ host: '10.0.0.1', port: 9_001 });
    expect(roster.handleListenPort(2, 9_001, 0)).to.equal(undefined);
  });

  it('lets a seed pass over peers that only upload, for an hour', () => {
    const roster = aRoster();
    roster.addAddresses([anAddress(1)], 'tracker', 0);
    roster.handleDialled(1, anAddress(1));
    shake(roster, 1, aPeerId('aa'), false, '10.0.0.1');
    roster.handleUploadOnly(1, 0);
    roster.handleClosed(1, 'ours', false, 0);

    expect(roster.pickDial(true, 1_800_000)).to.equal(undefined);
    expect(roster.pickDial(false, 1_800_000)).to.deep.equal(anAddress(1));
    expect(roster.pickDial(true, 3_600_001)).to.deep.equal(anAddress(1));
  });

  it('waits a short, constant time after foreign first bytes', () => {
    const roster = aRoster();
    roster.addAddresses([anAddress(1)], 'tracker', 0);
    for (let linkId = 1; linkId <= 20; linkId += 1) {
      roster.handleDialled(linkId, anAddress(1));
      roster.handleClosed(linkId, 'foreign', false, 0);
    }

    expect(roster.nextDialMs(false, 0)).to.be.within(7_500, 12_500);
  });

  it('forgives failures when payload went over a connection', () => {
    const roster = aRoster();
    roster.addAddresses([anAddress(1)], 'tracker', 0);
    for (let linkId = 1; linkId <= 6; linkId += 1) {
      roster.handleDialled(linkId, anAddress(1));
      roster.handleDialFailed(linkId, 0);
    }
    roster.handleDialled(7, anAddress(1));
    shake(roster, 7, aPeerId('aa'), false, '10.0.0.1');

    roster.handleClosed(7, 'lost', true, 0);

    expect(roster.nextDialMs(false, 0)).to.be.lessThan(2_600);
  });

  it('admits no more than the limit, in all and of one public host, and any number from loopback', () => {
    const full = aRoster({ maxLinks: 2 });
    const answers = [1, 2, 3].map((n) => shake(full, n, aPeerId(`a${n}`), true, `10.0.0.${n}`).isAdmitted);
    const count = (host: string): number => {
      const roster = aRoster({ maxLinks: 500 });
      const ids = Array.from({ length: 100 }, (_, n) => n + 1);
      return ids.filter((n) => shake(roster, n, aPeerId(n.toString(16).padStart(4, '0')), true, host).isAdmitted)
        .length;
    };

    expect(answers).to.deep.equal([true, true, false]);
    expect([count('198.51.100.1'), count('192.168.1.1'), count('127.0.0.1')]).to.deep.equal([20, 50, 100]);
  });

  it('keeps a bounded number of addresses', () => {
    const roster = aRoster();

    roster.addAddresses(
      Array.from({ length: 5_000 }, (_, n) => ({ host: `10.1.${n >> 8}.${n & 255}`, port: 9_000 })),
      'tracker',
      0,
    );

    expect(roster.unconnectedCount).to.equal(2_000);
  });

  it('lets hearsay take half of the places, and none from what a tracker named', () => {
    const roster = aRoster();

    roster.addAddresses(manyAddresses(3_000, '10.1'), 'pex', 0);
    expect(roster.unconnectedCount).to.equal(1_000);
    roster.addAddresses(manyAddresses(1_500, '10.2'), 'tracker', 0);
    expect(roster.unconnectedCount).to.equal(2_000);
    roster.addAddresses(manyAddresses(500, '10.3'), 'dht', 0);

    expect(roster.unconnectedCount).to.equal(2_000);
    // What a tracker names too is hearsay no longer.
    roster.addAddresses(manyAddresses(3_000, '10.1'), 'tracker', 0);
    roster.addAddresses(manyAddresses(1_500, '10.4'), 'lsd', 0);
    expect(roster.unconnectedCount).to.equal(2_000);
  });

  it('remembers who named a peer first, and that one dialled us unheard of', () => {
    const roster = aRoster();
    roster.addAddresses([anAddress(1)], 'lsd', 0);
    roster.handleDialled(1, anAddress(1));
    shake(roster, 1, aPeerId('aa'), false);
    shake(roster, 2, aPeerId('bb'), true);

    expect([roster.sourceOf(1), roster.sourceOf(2)]).to.deep.equal(['lsd', 'incoming']);
  });

  it('dials by canonical priority once it knows its own address', () => {
    const roster = aRoster();
    const hosts = Array.from({ length: 20 }, (_, n) => `10.${n}.0.1`);
    shake(roster, 100, aPeerId('aa'), true, '10.200.0.1');
    roster.handleOurHost(100, '10.99.0.1');
    const priorityOf = (host: string): number =>
      peerPriority({ host: '10.99.0.1', port: 9_000 }, { host, port: 9_000 }) ?? 0;

    roster.addAddresses(
      hosts.map((host) => ({ host, port: 9_000 })),
      'tracker',
      0,
    );
    const dialled: string[] = [];
    for (let address = roster.pickDial(false, 0); address; address = roster.pickDial(false, 0)) {
      dialled.push(address.host);
      roster.handleDialled(dialled.length, address);
    }

    expect(dialled).to.deep.equal(hosts.toSorted((a, b) => priorityOf(b) - priorityOf(a)).slice(0, 16));
  });

  it('gives a spare place to a newcomer of a higher priority when all are taken', () => {
    const spare = new Set([1, 2]);
    const roster = aRoster({ maxLinks: 3, isSpare: (linkId) => spare.has(linkId) });
    const priorityOf = (host: string): number => peerPriority({ host: '10.99.0.1', port: 0 }, { host, port: 0 }) ?? 0;
    const hosts = Array.from({ length: 9 }, (_, n) => `10.${n}.0.1`).toSorted((a, b) => priorityOf(a) - priorityOf(b));
    // The lowest of all is not spare.
    for (const [linkId, host] of [hosts[2], hosts[1], hosts[0]].entries()) {
      shake(roster, linkId + 1, aPeerId(`0${linkId + 1}`), true, host);
    }
    roster.handleOurHost(1, '10.99.0.1');

    expect(shake(roster, 9, aPeerId('09'), true, hosts[8])).to.deep.equal({ isAdmitted: true, replaced: 2 });
    expect(shake(roster, 10, aPeerId('0a'), true, hosts[1]).isAdmitted).to.equal(false);
    spare.clear();
    expect(shake(roster, 11, aPeerId('0b'), true, hosts[7]).isAdmitted).to.equal(false);
  });
});

function manyAddresses(count: number, network: string): PeerAddress[] {
  return Array.from({ length: count }, (_, n) => ({ host: `${network}.${n >> 8}.${n & 255}`, port: 9_000 }));
}

function aRoster(options: Partial<PeerRosterOptions> = {}): PeerRoster {
  return new PeerRoster({
    ourPeerId: OURS,
    ourPort: 9_000,
    maxLinks: 80,
    random: seededRandom(1),
    isBanned: () => false,
    isSpare: () => true,
    ...options,
  });
}

function anAddress(n: number): PeerAddress {
  return { host: `10.0.0.${n}`, port: 9_000 + n };
}

function shake(roster: PeerRoster, linkId: number, peerId: PeerId, incoming: boolean, host = '10.0.0.1'): Admission {
  return roster.handleHandshake({ linkId, address: { host, port: 40_000 }, incoming, peerId }, 0);
}

/** Dials until the roster has nobody more. */
function dialAll(roster: PeerRoster): number {
  let count = 0;
  for (let address = roster.pickDial(false, 0); address; address = roster.pickDial(false, 0)) {
    count += 1;
    roster.handleDialled(count, address);
  }
  return count;
}

/** The link that is left when `admissions` were given in this order. */
function survivor(
  links: readonly number[],
  order: readonly number[],
  admissions: readonly Admission[],
): number | undefined {
  const gone = new Set(
    admissions
      .map((admission, at) => (admission.isAdmitted ? admission.replaced : order[at]))
      .filter((id) => id !== undefined),
  );
  return links.find((linkId) => !gone.has(linkId));
}
