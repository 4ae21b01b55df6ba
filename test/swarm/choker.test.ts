import { expect } from 'chai';
import { Choker, type ChokerPeer } from '../../src/swarm/choker.js';
import { seededRandom } from '../../src/swarm/seeded-random.js';

describe('Choker', () => {
  it('gives a free slot away at once', () => {
    const bench = new Bench({ uploadSlots: 2 }, [aPeer(1), aPeer(2)]);

    bench.decideAt(1);

    expect(bench.unchoked).to.deep.equal([1, 2]);
  });

  it('leaves no slot idle while somebody is interested', () => {
    const bench = new Bench(
      { uploadSlots: 2 },
      [1, 2, 3, 4, 5].map((id) => aPeer(id)),
    );
    bench.decideAt(1);
    const [first = 0] = bench.unchoked;

    bench.change(first, { peerInterested: false });
    bench.decideAt(2);

    expect(bench.unchoked.filter((id) => id !== first)).to.have.length(3);
  });

  it('gives the regular slots to those who give most, when downloading', () => {
    const bench = new Bench(
      { uploadSlots: 2 },
      [1, 2, 3, 4, 5].map((id) => aPeer(id, { downBytesPerSec: id })),
    );
    bench.decideAt(1);

    bench.decideAt(10_000);

    expect(bench.unchoked).to.include.members([4, 5]);
    expect(bench.unchoked).to.have.length(3);
  });

  it('puts a peer that snubs us behind the others', () => {
    const peers = [aPeer(1), aPeer(2, { downBytesPerSec: 9, isSnubbed: true }), aPeer(3, { downBytesPerSec: 1 })];
    const bench = new Bench({ uploadSlots: 1 }, peers);

    bench.decideAt(10_000);

    expect(bench.unchoked).to.include(3);
  });

  it('chokes who is not interested any more at the next round', () => {
    const bench = new Bench({ uploadSlots: 2 }, [aPeer(1)]);
    bench.decideAt(1);
    bench.change(1, { peerInterested: false });

    bench.decideAt(5_000);
    expect(bench.unchoked).to.deep.equal([1]);
    bench.decideAt(10_000);

    expect(bench.unchoked).to.deep.equal([]);
  });

  it('gives everybody the optimistic slot in turn, when downloading', () => {
    const peers = Array.from({ length: 8 }, (_, id) => aPeer(id, { downBytesPerSec: id < 2 ? 1_000 : 0 }));
    const bench = new Bench({ uploadSlots: 2 }, peers);

    bench.run(6 * 30_000 + 40_000, false);

    expect(bench.everUnchoked).to.deep.equal([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it('serves everybody in turn when seeding, the slowest takers giving way first', () => {
    const peers = Array.from({ length: 20 }, (_, id) => aPeer(id, { upBytesPerSec: id }));
    const bench = new Bench({ uploadSlots: 4 }, peers);

    bench.run(10 * 60_000, true);

    expect(bench.everUnchoked).to.have.length(20);
    expect(bench.longestWaitMs).to.be.lessThan(150_000);
    expect(bench.unchoked).to.have.length(5);
  });

  it('serves a newcomer before those who had their turn, when seeding', () => {
    const bench = new Bench(
      { uploadSlots: 2 },
      Array.from({ length: 9 }, (_, id) => aPeer(id)),
    );
    bench.run(5 * 60_000, true);

    bench.add(aPeer(99));
    bench.run(10_000, true);

    expect(bench.unchoked).to.include(99);
  });
});

function aPeer(linkId: number, peer: Partial<ChokerPeer> = {}): ChokerPeer {
  return {
    linkId,
    amChoking: true,
    peerInterested: true,
    isSnubbed: false,
    downBytesPerSec: 0,
    upBytesPerSec: 0,
    ...peer,
  };
}

/** A choker and its peers, with what became of them. */
class Bench {
  readonly #choker: Choker;
  readonly #waitingSince = new Map<number, number>();
  readonly #served = new Set<number>();
  #peers: ChokerPeer[];
  #nowMs = 0;
  longestWaitMs = 0;

  constructor(options: { readonly uploadSlots: number }, peers: ChokerPeer[]) {
    this.#choker = new Choker({ ...options, random: seededRandom(3) }, 0);
    this.#peers = peers;
  }

  get unchoked(): number[] {
    return this.#peers.filter((peer) => !peer.amChoking).map((peer) => peer.linkId);
  }

  get everUnchoked(): number[] {
    return [...this.#served].sort((a, b) => a - b);
  }

  add(peer: ChokerPeer): void {
    this.#peers.push(peer);
  }

  change(linkId: number, change: Partial<ChokerPeer>): void {
    this.#peers = this.#peers.map((peer) => (peer.linkId === linkId ? { ...peer, ...change } : peer));
  }

  decideAt(nowMs: number, isSeeding = false): void {
    this.#nowMs = nowMs;
    const { choke, unchoke } = this.#choker.decide(this.#peers, isSeeding, nowMs);
    for (const linkId of choke) this.change(linkId, { amChoking: true });
    for (const linkId of unchoke) this.change(linkId, { amChoking: false });
    for (const peer of this.#peers) {
      if (!peer.amChoking) {
        this.#served.add(peer.linkId);
        this.#waitingSince.set(peer.linkId, nowMs);
      }
      this.longestWaitMs = Math.max(this.longestWaitMs, nowMs - (this.#waitingSince.get(peer.linkId) ?? 0));
    }
  }

  run(durationMs: number, isSeeding: boolean): void {
    const endMs = this.#nowMs + durationMs;
    while (this.#choker.nextRoundMs <= endMs) this.decideAt(this.#choker.nextRoundMs, isSeeding);
    this.#nowMs = endMs;
  }
}
