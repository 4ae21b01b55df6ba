import { expect } from 'chai';
import { piece, SwarmTester } from './swarm-fixture.js';

/** A peer that has everything and chokes us. */
function choked(options: ConstructorParameters<typeof SwarmTester>[0] = {}): SwarmTester {
  const swarm = new SwarmTester({ pieceCount: 40, ...options });
  swarm.connect({ linkId: 1, unchokes: false });
  return swarm;
}

const allow = (swarm: SwarmTester, ...indices: number[]): void =>
  indices.forEach((index) => swarm.handle({ type: 'peer-allowed-fast', linkId: 1, pieceIndex: piece(index) }));

describe('Swarm with pieces that are allowed while choked', () => {
  it('asks for these alone, two at a time', () => {
    const swarm = choked();
    expect(swarm.fetched(1)).to.deep.equal([]);

    allow(swarm, 7, 30, 12);
    expect(swarm.fetched(1)).to.deep.equal([7, 30]);

    swarm.verify(1, 7);
    expect(swarm.fetched(1)).to.deep.equal([7, 30, 12]);
    swarm.verify(1, 30);
    swarm.verify(1, 12);
    expect(swarm.fetched(1)).to.have.length(3);
  });

  it('does not ask for what is here, or what the peer has not', () => {
    const swarm = new SwarmTester({ pieceCount: 40, pieces: [7] });
    swarm.connect({ linkId: 1, unchokes: false, pieces: [7, 9] });

    allow(swarm, 7, 8);

    expect(swarm.fetched(1)).to.deep.equal([]);
  });

  it('does not ask again for one that came back', () => {
    const swarm = choked();
    allow(swarm, 7);
    swarm.handle({ type: 'piece-released', linkId: 1, pieceIndex: piece(7), partial: [] });
    swarm.pass(60_000);

    expect(swarm.fetched(1)).to.deep.equal([7]);
  });

  it('lets the peer keep them for as long as they take', () => {
    const swarm = choked();
    allow(swarm, 7);
    swarm.pass(15_000);

    expect(swarm.of('release-piece')).to.deep.equal([]);
  });

  it('goes on with everything when it is unchoked', () => {
    const swarm = choked();
    allow(swarm, 7);
    swarm.handle({ type: 'peer-unchoked', linkId: 1 });

    expect(swarm.fetched(1).length).to.be.above(2);
  });

  it('asks first for what a peer suggests, once', () => {
    const swarm = choked();
    swarm.handle({ type: 'peer-suggested', linkId: 1, pieceIndex: piece(23) });
    swarm.handle({ type: 'peer-suggested', linkId: 1, pieceIndex: piece(39) });
    expect(swarm.fetched(1)).to.deep.equal([]);

    swarm.handle({ type: 'peer-unchoked', linkId: 1 });

    expect(swarm.fetched(1).slice(0, 2)).to.deep.equal([23, 39]);
  });
});
