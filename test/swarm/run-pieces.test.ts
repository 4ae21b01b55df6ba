import { expect } from 'chai';
import { runPieces } from '../../src/swarm/run-pieces.js';

const MIB = 1_048_576;

describe('runPieces', () => {
  it('is 64 KiB in a small torrent', () => {
    expect(runPieces(16_384, 1)).to.equal(4);
    expect(runPieces(16_384, (16 * MIB) / 16_384)).to.equal(4);
    expect(runPieces(128, 100)).to.equal(512);
  });

  it('is a 256th of a larger one', () => {
    expect(runPieces(16_384, (64 * MIB) / 16_384)).to.equal(16);
    expect(runPieces(128, (64 * MIB) / 128)).to.equal(2_048);
  });

  it('is at most 1 MiB', () => {
    expect(runPieces(16_384, (256 * MIB) / 16_384)).to.equal(64);
    expect(runPieces(16_384, 10_000_000)).to.equal(64);
  });

  it('is 64 KiB of pieces of several blocks, and one piece where they are longer', () => {
    expect(runPieces(16_385, 1_000_000)).to.equal(3);
    expect(runPieces(65_536, 1_000_000)).to.equal(1);
    expect(runPieces(65_537, 1_000_000)).to.equal(1);
  });
});
