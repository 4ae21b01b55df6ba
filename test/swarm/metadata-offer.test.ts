import { expect } from 'chai';
import { MAX_METADATA_BYTES, MAX_QUEUED_METADATA_REQUESTS } from '../../src/protocol/limits.js';
import { MetadataOffer } from '../../src/swarm/metadata-offer.js';

describe('MetadataOffer', () => {
  it('gives pieces in the order in which they were asked for', () => {
    const offer = new MetadataOffer(40_000);

    const accepted = [2, 0, 1].map((piece) => offer.handleRequest(piece));

    expect(accepted).to.deep.equal([true, true, true]);
    expect(takeAll(offer)).to.deep.equal([2, 0, 1]);
  });

  it('refuses pieces that do not exist', () => {
    const offer = new MetadataOffer(16_384);

    expect(offer.handleRequest(1)).to.equal(false);
    expect(offer.handleRequest(Number.MAX_SAFE_INTEGER)).to.equal(false);
    expect(new MetadataOffer(0).handleRequest(0)).to.equal(false);
  });

  it('lets a peer queue as many requests as the longest metadata has pieces, and refuses one more', () => {
    const offer = new MetadataOffer(MAX_METADATA_BYTES);

    for (let piece = 0; piece < MAX_QUEUED_METADATA_REQUESTS; piece += 1) {
      expect(offer.handleRequest(piece)).to.equal(true);
    }

    expect(offer.handleRequest(0)).to.equal(false);
  });

  it('gives the whole eight times and no ninth time', () => {
    const offer = new MetadataOffer(20_000);

    const accepted = Array.from({ length: 17 }, (_, count) => {
      const isAccepted = offer.handleRequest(count % 2);
      takeAll(offer);
      return isAccepted;
    });

    expect(accepted.slice(0, 16)).to.not.include(false);
    expect(accepted[16]).to.equal(false);
  });
});

function takeAll(offer: MetadataOffer): number[] {
  const pieces: number[] = [];
  for (let piece = offer.next; piece !== undefined; piece = offer.next) {
    pieces.push(piece);
    offer.handleSent();
  }
  return pieces;
}
