import { expect } from 'chai';
import fc from 'fast-check';
import type { PieceIndex } from '../../src/metainfo/piece-layout.js';
import { PiecePicker } from '../../src/swarm/piece-picker.js';
import { PieceSet } from '../../src/swarm/piece-set.js';
import { seededRandom } from '../../src/swarm/seeded-random.js';
import { piece } from './swarm-fixture.js';

const PIECE_COUNT = 40;
const PEER_COUNT = 5;

describe('PiecePicker', () => {
  it('picks the rarest open piece that the peer has', () => {
    const picker = aPicker();
    const [a, b, c] = [aSet(0, 1, 2), aSet(0, 1), aSet(0)];
    for (const peer of [a, b, c]) picker.addPeer(peer);
    openAll(picker);

    expect(picker.pick(a)).to.equal(2);
    expect(picker.pick(b)).to.equal(1);
    expect(picker.pick(c)).to.equal(0);
  });

  it('prefers a piece with blocks on disk to a rarer one', () => {
    const picker = aPicker();
    const [a, b] = [aSet(0, 1), aSet(0)];
    for (const peer of [a, b]) picker.addPeer(peer);
    openAll(picker);

    picker.open(piece(0), true);

    expect(picker.pick(a)).to.equal(0);
  });

  it('lets two processes begin with different pieces', () => {
    const firsts = Array.from({ length: 16 }, (_, seed) => {
      const picker = aPicker({ seed, pieceCount: 10_000 });
      const seeder = PieceSet.full(10_000);
      picker.addPeer(seeder);
      openAll(picker, 10_000);
      return picker.pick(seeder);
    });

    expect(new Set(firsts).size).to.be.greaterThan(14);
  });

  it('picks small pieces in runs, so that the other side reads them at once', () => {
    const picker = aPicker({ pieceLengthBytes: 128, pieceCount: 1_000 });
    const seeder = PieceSet.full(1_000);
    picker.addPeer(seeder);
    openAll(picker, 1_000);

    const first = picker.pick(seeder) ?? piece(0);
    picker.close(first);

    expect(picker.pick(seeder, first)).to.equal(first + 1);
  });

  describe('at the beginning of a run', () => {
    const RUN = 512;
    const PIECES = 70 * RUN;
    const seeds = Array.from({ length: 20 }, (_, seed) => seed);

    /** What it picks first where some pieces are not to be had, and others less rare. */
    function firstPick(
      seed: number,
      { taken = () => false, common = () => false, pieceCount = PIECES }: Places,
    ): number {
      const picker = aPicker({ seed, pieceLengthBytes: 128, pieceCount });
      const [all, some] = [PieceSet.full(pieceCount), new PieceSet(pieceCount)];
      for (let index = 0; index < pieceCount; index += 1) {
        if (!taken(index)) picker.open(piece(index), false);
        if (common(index)) some.add(piece(index));
      }
      picker.addPeer(all);
      picker.addPeer(some);
      return picker.pick(all) ?? -1;
    }

    it('picks the first piece, of a run by lot', () => {
      const picks = seeds.map((seed) => firstPick(seed, {}));

      expect(picks.every((index) => index % RUN === 0)).to.equal(true);
      expect(new Set(picks).size).to.be.greaterThan(14);
    });

    it('leaves the front to whoever began there', () => {
      const picks = seeds.map((seed) => firstPick(seed, { taken: (index) => index % RUN < 5 }));

      expect(new Set(picks.map((index) => index % RUN)).size).to.be.greaterThan(14);
    });

    it('does not pick what is less rare for it', () => {
      const picks = seeds.map((seed) => firstPick(seed, { common: (index) => index % RUN === 0 }));

      expect(picks.every((index) => index % RUN > 0)).to.equal(true);
    });

    it('picks any piece where runs are few: several peers would begin with the same', () => {
      const picks = seeds.map((seed) => firstPick(seed, { pieceCount: 2 * RUN }));

      expect(new Set(picks).size).to.be.greaterThan(14);
    });
  });

  it('has nothing for a peer whose pieces are all taken', () => {
    const picker = aPicker();
    const peer = aSet(3);
    picker.addPeer(peer);
    openAll(picker);

    picker.close(piece(3));

    expect(picker.pick(peer)).to.equal(undefined);
    expect(picker.hasOpen(peer)).to.equal(false);
  });

  it('finds the one piece of a peer among many that are rarer', () => {
    const pieceCount = 100_000;
    const picker = aPicker({ pieceCount });
    const lonely = new PieceSet(pieceCount);
    lonely.add(piece(77_777));
    const rich = PieceSet.full(pieceCount);
    rich.delete(piece(77_777));
    for (const peer of [lonely, rich]) picker.addPeer(peer);
    openAll(picker, pieceCount);

    expect(picker.pick(lonely)).to.equal(77_777);
  });

  it('counts copies: the lowest availability and the share above it', () => {
    const picker = aPicker({ pieceCount: 4 });
    picker.addPeer(PieceSet.from(4, Uint8Array.of(0b1110_0000)));
    picker.addPeer(PieceSet.full(4));

    expect(picker.distributedCopies()).to.equal(1.75);
  });

  it('agrees with a naive twin in any order of events', () => {
    const anIndex = fc.nat(PIECE_COUNT - 1);
    const aPeer = fc.nat(PEER_COUNT - 1);
    const aStep = fc.oneof(
      fc.record({ type: fc.constant('join' as const), peer: aPeer, pieces: fc.uniqueArray(anIndex) }),
      fc.record({ type: fc.constant('join-full' as const), peer: aPeer }),
      fc.record({ type: fc.constant('leave' as const), peer: aPeer }),
      fc.record({ type: fc.constant('have' as const), peer: aPeer, index: anIndex }),
      fc.record({ type: fc.constant('open' as const), index: anIndex, isUnfinished: fc.boolean() }),
      fc.record({ type: fc.constant('close' as const), index: anIndex }),
      fc.record({ type: fc.constant('pick' as const), peer: aPeer }),
    );
    fc.assert(
      fc.property(fc.array(aStep, { maxLength: 120 }), fc.nat(), (steps, seed) => {
        const twins = new Twins(seed);
        for (const step of steps) twins.take(step);
      }),
    );
  });
});

interface Places {
  readonly taken?: (index: number) => boolean;
  readonly common?: (index: number) => boolean;
  readonly pieceCount?: number;
}

type Step =
  | { readonly type: 'join'; readonly peer: number; readonly pieces: readonly number[] }
  | { readonly type: 'join-full' | 'leave' | 'pick'; readonly peer: number }
  | { readonly type: 'have'; readonly peer: number; readonly index: number }
  | { readonly type: 'open'; readonly index: number; readonly isUnfinished: boolean }
  | { readonly type: 'close'; readonly index: number };

/** The picker beside one that counts everything anew for each pick. */
class Twins {
  readonly #picker: PiecePicker;
  readonly #peers = new Map<number, PieceSet>();
  readonly #open = new Map<number, boolean>();

  constructor(seed: number) {
    this.#picker = aPicker({ seed });
  }

  take(step: Step): void {
    switch (step.type) {
      case 'join':
        this.#join(step.peer, aSet(...step.pieces));
        break;
      case 'join-full':
        this.#join(step.peer, PieceSet.full(PIECE_COUNT));
        break;
      case 'leave':
        this.#leave(step.peer);
        break;
      case 'have':
        if (this.#peers.get(step.peer)?.add(piece(step.index))) this.#picker.handleHave(piece(step.index));
        break;
      case 'open':
        this.#open.set(step.index, step.isUnfinished || this.#open.get(step.index) === true);
        this.#picker.open(piece(step.index), step.isUnfinished);
        break;
      case 'close':
        this.#open.delete(step.index);
        this.#picker.close(piece(step.index));
        break;
      case 'pick':
        this.#comparePick(step.peer);
        break;
    }
    this.#picker.assertInvariants(this.#peers.values());
    expect(this.#picker.openCount).to.equal(this.#open.size);
    expect(this.#picker.sourcelessCount).to.equal(this.#openWhere((index) => this.#availability(index) === 0).length);
  }

  #join(peer: number, pieces: PieceSet): void {
    this.#leave(peer);
    this.#peers.set(peer, pieces);
    this.#picker.addPeer(pieces);
  }

  #leave(peer: number): void {
    const pieces = this.#peers.get(peer);
    if (!pieces) return;
    this.#peers.delete(peer);
    this.#picker.removePeer(pieces);
  }

  #comparePick(peer: number): void {
    const pieces = this.#peers.get(peer);
    if (!pieces) return;
    const candidates = this.#openWhere((index) => pieces.has(index));
    const unfinished = candidates.filter((index) => this.#open.get(index));
    const picked = this.#picker.pick(pieces);
    if (unfinished.length > 0) {
      expect(unfinished).to.include(picked);
      return;
    }
    const rarest = Math.min(...candidates.map((index) => this.#availability(index)));
    const best = candidates.filter((index) => this.#availability(index) === rarest);
    if (best.length === 0) expect(picked).to.equal(undefined);
    else expect(best).to.include(picked);
  }

  #openWhere(isWanted: (index: number) => boolean): number[] {
    return [...this.#open.keys()].filter(isWanted);
  }

  #availability(index: number): number {
    return [...this.#peers.values()].filter((pieces) => pieces.has(index)).length;
  }
}

function aPicker(options: { seed?: number; pieceCount?: number; pieceLengthBytes?: number } = {}): PiecePicker {
  const { seed = 1, pieceCount = PIECE_COUNT, pieceLengthBytes = 1_048_576 } = options;
  return new PiecePicker({ pieceCount, pieceLengthBytes, random: seededRandom(seed) });
}

function aSet(...indices: readonly number[]): PieceSet {
  const set = new PieceSet(PIECE_COUNT);
  for (const index of indices) set.add(index as PieceIndex);
  return set;
}

function openAll(picker: PiecePicker, pieceCount = PIECE_COUNT): void {
  for (let index = 0; index < pieceCount; index += 1) picker.open(piece(index), false);
}
