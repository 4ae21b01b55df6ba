import { expect } from 'chai';

import type { PieceIndex } from '../../src/metainfo/piece-layout.js';
import type { SwarmEvent } from '../../src/swarm/swarm-events.js';
import { PieceNews } from '../../src/workers/piece-news.js';

describe('PieceNews', () => {
  const told: { readonly event: SwarmEvent; readonly mayWait: boolean }[] = [];
  const pieces = (...indices: number[]): PieceIndex[] => indices as PieceIndex[];

  function aPeer(): PieceNews {
    told.splice(0);
    return new PieceNews(7, (event, mayWait) => void told.push({ event, mayWait }));
  }

  it('tells in one event what came one by one, and nothing twice', () => {
    const news = aPeer();
    news.addHaves(pieces(3));
    news.addHaves(pieces(4, 5));
    for (const index of pieces(9, 8)) news.addAsked(index);

    news.flush();
    news.flush();

    expect(told).to.deep.equal([
      { event: { type: 'peer-have', linkId: 7, pieceIndices: [3, 4, 5] }, mayWait: true },
      { event: { type: 'peer-asked', linkId: 7, pieceIndices: [9, 8] }, mayWait: false },
    ]);
  });

  it('does not let many haves wait', () => {
    const news = aPeer();
    news.addHaves(pieces(...Array.from({ length: 64 }, (_, index) => index)));

    news.flush();

    expect(told.map(({ mayWait }) => mayWait)).to.deep.equal([false]);
  });
});
