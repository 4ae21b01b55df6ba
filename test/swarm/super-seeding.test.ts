import { expect } from 'chai';
import { Bitfield } from '../../src/protocol/bitfield.js';
import { seededRandom } from '../../src/swarm/seeded-random.js';
import { SuperSeeding } from '../../src/swarm/super-seeding.js';
import { aPeerId, piece, SwarmTester } from './swarm-fixture.js';

const PIECE_BYTES = 262_144;

describe('SuperSeeding', () => {
  it('shows each piece to one peer only', () => {
    const bench = new Bench(12, [1, 2, 3]);

    const shown = [1, 2, 3].flatMap((linkId) => bench.show(linkId));

    expect(shown).to.have.lengthOf(6);
    expect(new Set(shown).size).to.equal(6);
  });

  it('shows small pieces in runs, in order, so that they are read and written together', () => {
    const bench = new Bench(4_096, [1, 2], { pieceLengthBytes: 128 });
    const shown = bench.show(1);

    // 128 KiB are two runs of 512 pieces.
    expect(shown).to.have.lengthOf(1_024);
    for (const [at, index] of shown.entries()) {
      expect(at % 512 === 0 ? index % 512 : index - (shown[at - 1] ?? 0)).to.equal(at % 512 === 0 ? 0 : 1);
    }
    expect(shown).not.to.include(bench.show(2)[0]);
  });

  it('shows a run to its end where the peer takes that much', () => {
    const small = { pieceLengthBytes: 16_384 };
    const [fast, slow] = [
      new Bench(16_384, [1, 2], { ...small, upBytesPerSec: 10_000_000 }),
      new Bench(16_384, [1, 2], small),
    ];

    // 0.75 s of 10 MB/s are 7.2 runs of 64 pieces; 128 KiB are less than one.
    expect(fast.show(1)).to.have.lengthOf(8 * 64);
    expect(slow.show(1)).to.have.lengthOf(8);
  });

  it('shows more as soon as a peer asks for what it was shown', () => {
    const bench = new Bench(12, [1, 2]);
    const [first = -1] = bench.show(1);

    expect(bench.show(1)).to.deep.equal([]);
    bench.seeding.handleAsked(1, piece(first), 0);
    expect(bench.show(1)).to.have.lengthOf(1);
  });

  it('shows more ahead to a peer that takes more', () => {
    const bench = new Bench(100, [1, 2], { upBytesPerSec: 10_000_000 });

    expect(bench.show(1)).to.have.lengthOf(Math.ceil(7_500_000 / PIECE_BYTES));
  });

  it('lets one peer alone have 8 MiB ahead, and then as much as it asked for', () => {
    const bench = new Bench(200, [1]);
    const shown = bench.show(1);

    expect(shown).to.have.lengthOf(32);
    for (const index of shown) bench.seeding.handleAsked(1, piece(index), 0);
    expect(bench.show(1)).to.have.lengthOf(32);
    for (const index of shown) bench.seeding.handleHave(1, piece(index));
    expect(bench.show(1)).to.have.lengthOf(0);
  });

  it('is spread when peers have every piece, by whatever way', () => {
    const bench = new Bench(3, [1, 2]);
    bench.show(1);
    bench.show(2);

    for (const index of [0, 1]) bench.has(1, index);
    expect(bench.seeding.isSpread).to.equal(false);
    bench.has(2, 2);
    expect(bench.seeding.isSpread).to.equal(true);
  });

  it('shows to another, and only to one, what a peer did nothing about for 2 s', () => {
    const bench = new Bench(2, [1, 2, 3]);
    const shown = bench.show(1);

    bench.nowMs = 1_999;
    expect(bench.show(2)).to.deep.equal([]);
    bench.nowMs = 2_000;
    expect(bench.show(2)).to.have.members(shown);
    expect(bench.show(3)).to.deep.equal([]);
  });

  it('waits 20 s for what a peer has asked for', () => {
    const bench = new Bench(1, [1, 2]);
    bench.show(1);
    bench.seeding.handleAsked(1, piece(0), 0);

    bench.nowMs = 19_999;
    expect(bench.show(2)).to.deep.equal([]);
    bench.nowMs = 20_000;
    expect(bench.show(2)).to.deep.equal([0]);
  });

  it('gives to others at once what a peer that left was shown, asked for, or alone had', () => {
    const bench = new Bench(4, [1, 2]);
    const [first = -1, second = -1] = bench.show(1);
    bench.seeding.handleAsked(1, piece(first), 0);
    bench.seeding.removeLink(1, undefined);

    const shown = new Set<number>();
    for (let round = 0; round < 4; round += 1) {
      for (const index of bench.show(2)) {
        shown.add(index);
        bench.seeding.handleAsked(2, piece(index), 0);
      }
    }
    expect([...shown]).to.include.members([first, second]);
    expect(shown.size).to.equal(4);
  });
});

describe('Swarm that super-seeds', () => {
  const ALL = [0, 1, 2, 3, 4, 5];

  function aSeed(options: { readonly wantsPieces?: boolean; readonly pieces?: number[] } = {}): SwarmTester {
    return new SwarmTester({
      pieceCount: 6,
      pieceLengthBytes: PIECE_BYTES,
      pieces: ALL,
      wantsPieces: false,
      superSeeds: true,
      ...options,
    });
  }

  it('looks like a downloader, and shows what it has piece by piece', () => {
    const seed = aSeed();
    seed.connect({ linkId: 100, pieces: 'none' });
    seed.connect({ linkId: 101, pieces: 'none' });

    expect(seed.of('admit').map(({ showsNothing }) => showsNothing)).to.deep.equal([true, true]);
    expect(seed.of('show')).to.have.length.above(0);
  });

  it('shows everything to everybody when all pieces are out', () => {
    const seed = aSeed();
    for (const linkId of [100, 101]) seed.connect({ linkId, pieces: 'none' });

    const actions = seed.handle({ type: 'peer-have', linkId: 100, pieceIndices: ALL.map(piece) });

    const shown = actions.flatMap((action) => (action.type === 'show' && action.isAll ? [action] : []));
    expect(shown.map(({ linkId, pieceIndices }) => [linkId, pieceIndices.length])).to.deep.equal([
      [100, 0],
      [101, 6],
    ]);
    seed.connect({ linkId: 102, pieces: 'none' });
    expect(seed.of('admit').at(-1)?.showsNothing).to.equal(undefined);
  });

  it('does not when another seed is about, a piece is lacking, or it downloads itself', () => {
    const told = aSeed();
    const announced = { url: 'http://a/announce', intervalMs: 120_000, minIntervalMs: 15_000, peers: [] };
    told.handle({ type: 'announce-succeeded', ...announced, seeders: 2 });
    for (const seed of [told, aSeed({ pieces: [0, 1] }), aSeed({ wantsPieces: true })]) {
      seed.connect({ linkId: 100, pieces: 'none' });
      expect(seed.of('admit').at(-1)?.showsNothing).to.equal(undefined);
    }
  });

  it('goes on with a peer that came with what it was shown first', () => {
    const seed = aSeed();
    seed.handle({
      type: 'link-handshaken',
      linkId: 100,
      address: { host: '127.0.0.1', port: 40_000 },
      incoming: true,
      peerId: aPeerId('aa'),
    });
    const early = seed.of('show').flatMap(({ pieceIndices }) => pieceIndices);
    const bits = new Bitfield(6);
    for (const index of early) bits.set(index);
    seed.handle({ type: 'peer-has', linkId: 100, pieces: bits.bytes });

    const shown = new Set(seed.of('show').flatMap(({ pieceIndices }) => pieceIndices));
    expect(shown.size).to.equal(6);
  });

  it('shows everything to a peer that wants nothing of what it was shown', () => {
    const seed = new SwarmTester({
      ...{ pieceCount: 600, pieceLengthBytes: PIECE_BYTES, wantsPieces: false, superSeeds: true },
      pieces: Array.from({ length: 600 }, (_, index) => index),
    });
    seed.connect({ linkId: 100, pieces: 'none' });
    seed.connect({ linkId: 101, pieces: 'none', interested: true });
    const shown = seed.of('show').flatMap(({ linkId, pieceIndices }) => (linkId === 101 ? pieceIndices : []));
    seed.handle({ type: 'peer-asked', linkId: 101, pieceIndices: shown.slice(0, 1) });

    seed.pass(5_000);

    const all = seed.of('show').filter(({ isAll }) => isAll);
    expect(all.map(({ linkId, pieceIndices }) => [linkId, pieceIndices.length])).to.deep.equal([[100, 600]]);
  });

  it('begins again with the next crowd', () => {
    const seed = aSeed();
    seed.connect({ linkId: 100, pieces: 'all' });
    expect(seed.of('show').at(-1)?.isAll).to.equal(true);
    seed.handle({ type: 'link-closed', linkId: 100, reason: 'lost' });

    seed.connect({ linkId: 101, pieces: 'none' });
    expect(seed.of('admit').at(-1)?.showsNothing).to.equal(true);
  });

  it('ends when a piece is lost: nobody is told of it', () => {
    const seed = aSeed();
    seed.connect({ linkId: 100, pieces: 'none' });

    const actions = seed.handle({ type: 'pieces-lost', pieceIndices: [piece(3)] });

    const shown = actions.find((action) => action.type === 'show');
    expect(shown).to.deep.include({ isAll: true, pieceIndices: [0, 1, 2, 4, 5] });
  });
});

/** Super-seeding of links that take `upBytesPerSec`, with what each has. */
class Bench {
  readonly seeding: SuperSeeding;
  readonly #counts: number[];
  nowMs = 0;

  constructor(
    pieceCount: number,
    linkIds: readonly number[],
    { upBytesPerSec = 0, pieceLengthBytes = PIECE_BYTES } = {},
  ) {
    this.#counts = Array.from({ length: pieceCount }, () => 0);
    this.seeding = new SuperSeeding({
      pieceCount,
      pieceLengthBytes,
      random: seededRandom(1),
      availability: { availabilityOf: (index) => this.#counts[index] ?? 0 },
    });
    for (const linkId of linkIds) this.seeding.addLink({ linkId, upBytesPerSec }, 0);
  }

  show(linkId: number): readonly number[] {
    return this.seeding.show(linkId, this.nowMs);
  }

  has(linkId: number, index: number): void {
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
    this.seeding.handleHave(linkId, piece(index));
  }
}
