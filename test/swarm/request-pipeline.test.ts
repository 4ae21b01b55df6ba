import { expect } from 'chai';
import fc from 'fast-check';

import { BLOCK_LENGTH } from '../../src/metainfo/piece-layout.js';
import { RequestPipeline } from '../../src/swarm/request-pipeline.js';

/** As many blocks as there is room for. @returns how many are on their way then */
function fill(pipeline: RequestPipeline, nowMs: number, next = { block: 0 }): number {
  while (pipeline.hasRoom(BLOCK_LENGTH)) pipeline.handleSent(0, next.block++, BLOCK_LENGTH, nowMs);
  return pipeline.inFlightCount;
}

/**
 * A line of a fixed rate and round trip that serves what it is asked: virtual time, one step a millisecond.
 * @returns bytes that arrived in the last second
 */
function runLine(line: {
  bytesPerSec: number;
  roundTripMs: number;
  reqq?: number;
  durationMs: number;
  /** Before the first request. */
  idleMs?: number;
}): {
  pipeline: RequestPipeline;
  lastSecondBytes: number;
  mostInFlight: number;
} {
  const pipeline = new RequestPipeline(0);
  if (line.reqq !== undefined) pipeline.handleRequestQueue(line.reqq);
  const startMs = line.idleMs ?? 0;
  const endMs = startMs + line.durationMs;
  for (let nowMs = 0; nowMs < startMs; nowMs += 25) pipeline.handleTick(nowMs);
  const asked: { block: number; atMs: number }[] = [];
  const next = { block: 0 };
  let budget = 0;
  let lastSecondBytes = 0;
  let mostInFlight = 0;
  for (let nowMs = startMs; nowMs < endMs; nowMs += 1) {
    budget = Math.min(budget + line.bytesPerSec / 1000, line.bytesPerSec / 100 + BLOCK_LENGTH);
    while (asked[0] && asked[0].atMs + line.roundTripMs <= nowMs && budget >= BLOCK_LENGTH) {
      const { block } = asked.shift() ?? { block: 0 };
      budget -= BLOCK_LENGTH;
      pipeline.handlePayload(BLOCK_LENGTH, nowMs);
      expect(pipeline.handleBlock(0, block, nowMs)).to.equal(true);
      if (nowMs >= endMs - 1000) lastSecondBytes += BLOCK_LENGTH;
    }
    if (nowMs % 25 === 0) pipeline.handleTick(nowMs);
    const before = next.block;
    fill(pipeline, nowMs, next);
    for (let block = before; block < next.block; block += 1) asked.push({ block, atMs: nowMs });
    mostInFlight = Math.max(mostInFlight, pipeline.inFlightBytes);
  }
  return { pipeline, lastSecondBytes, mostInFlight };
}

describe('RequestPipeline', () => {
  it('begins with 256 KiB on their way', () => {
    expect(fill(new RequestPipeline(0), 0)).to.equal(16);
  });

  it('always has room for one request, however long', () => {
    const pipeline = new RequestPipeline(0);
    expect(pipeline.hasRoom(1e9)).to.equal(true);
    pipeline.handleSent(0, 0, BLOCK_LENGTH, 0);
    expect(pipeline.hasRoom(1e9)).to.equal(false);
  });

  it('asks for no more than the peer takes at once', () => {
    const pipeline = new RequestPipeline(0);
    pipeline.handleRequestQueue(3);
    expect(fill(pipeline, 0)).to.equal(3);

    pipeline.handleRequestQueue(0);
    pipeline.clear();
    expect(fill(pipeline, 0), 'a peer that takes none is asked for one').to.equal(1);
  });

  it('asks for nothing more until half of a full window has come, then for all that fits', () => {
    const pipeline = new RequestPipeline(0);
    fill(pipeline, 0);

    for (let block = 0; block < 7; block += 1) pipeline.handleBlock(0, block, 1);
    expect(pipeline.hasRoom(BLOCK_LENGTH)).to.equal(false);
    pipeline.handleBlock(0, 7, 1);
    expect(fill(pipeline, 1, { block: 16 })).to.equal(16);
  });

  it('takes 250 requests for the bound of a peer that says none', () => {
    const pipeline = new RequestPipeline(0);
    let count = 0;
    while (pipeline.hasRoom(1)) pipeline.handleSent(0, count++, 1, 0);

    expect(count).to.equal(250);
  });

  for (const { bytesPerSec, roundTripMs } of [
    { bytesPerSec: 100_000, roundTripMs: 20 },
    { bytesPerSec: 1_000_000, roundTripMs: 1 },
    { bytesPerSec: 10_000_000, roundTripMs: 20 },
    { bytesPerSec: 10_000_000, roundTripMs: 300 },
    { bytesPerSec: 100_000_000, roundTripMs: 1 },
    { bytesPerSec: 100_000_000, roundTripMs: 50 },
  ]) {
    it(`fills a line of ${bytesPerSec / 1e6} MB/s and ${roundTripMs} ms`, () => {
      const { lastSecondBytes, pipeline } = runLine({ bytesPerSec, roundTripMs, reqq: 2048, durationMs: 6000 });

      expect(lastSecondBytes).to.be.at.least(0.9 * bytesPerSec);
      expect(pipeline.bytesPerSec).to.be.within(0.7 * bytesPerSec, 2 * bytesPerSec + 1e6);
    });
  }

  it('fills a fast line at once after it had nothing to ask for', () => {
    const line = { bytesPerSec: 100_000_000, roundTripMs: 50, reqq: 2048, durationMs: 1_300 };

    const { lastSecondBytes } = runLine({ ...line, idleMs: 20_000 });

    expect(lastSecondBytes).to.be.at.least(0.99 * line.bytesPerSec);
  });

  it('leaves little on its way on a slow line', () => {
    const { mostInFlight, pipeline } = runLine({ bytesPerSec: 50_000, roundTripMs: 50, durationMs: 10_000 });

    expect(mostInFlight).to.be.at.most(262_144);
    expect(pipeline.inFlightBytes).to.be.at.most(4 * 50_000);
  });

  it('smooths the round trip, from a request to its last byte', () => {
    const pipeline = new RequestPipeline(0);
    expect(pipeline.roundTripMs).to.equal(0);
    pipeline.handleSent(0, 0, BLOCK_LENGTH, 0);
    pipeline.handleBlock(0, 0, 40);
    expect(pipeline.roundTripMs).to.equal(40);

    pipeline.handleSent(0, 1, BLOCK_LENGTH, 100);
    pipeline.handleBlock(0, 1, 180);

    expect(pipeline.roundTripMs).to.equal(50);
  });

  it('knows how long it was left waiting', () => {
    const pipeline = new RequestPipeline(0);
    expect(pipeline.stalledMs(5000), 'nothing is asked for').to.equal(0);

    pipeline.handleSent(0, 0, BLOCK_LENGTH, 5000);
    expect(pipeline.stalledMs(5300)).to.equal(300);
    pipeline.handleSent(0, 1, BLOCK_LENGTH, 5300);
    expect(pipeline.stalledMs(5400), 'asking for more is no answer').to.equal(400);
    pipeline.handlePayload(100, 5500);
    expect(pipeline.stalledMs(5600)).to.equal(100);
    pipeline.handleDropped(0, 0);
    pipeline.handleDropped(0, 1);
    expect(pipeline.stalledMs(9000)).to.equal(0);
  });

  it('keeps apart blocks of the same number in neighbouring pieces', () => {
    const pipeline = new RequestPipeline(0);
    pipeline.handleSent(3, 8191, BLOCK_LENGTH, 0);

    expect(pipeline.isInFlight(3, 8191)).to.equal(true);
    expect(pipeline.isInFlight(4, 0)).to.equal(false);
    expect(pipeline.handleDropped(4, 0)).to.equal(false);
    expect(pipeline.handleDropped(3, 8191)).to.equal(true);
    expect(pipeline.handleDropped(3, 8191)).to.equal(false);
  });

  it('counts what is on its way right, whatever happens', () => {
    const step = fc.record({
      what: fc.constantFrom('sent', 'came', 'dropped', 'clear', 'tick'),
      block: fc.nat(10),
      length: fc.integer({ min: 1, max: BLOCK_LENGTH }),
    });
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const pipeline = new RequestPipeline(0);
        const model = new Map<number, number>();
        steps.forEach(({ what, block, length }, nowMs) => {
          if (what === 'sent') {
            pipeline.handleSent(0, block, length, nowMs);
            model.set(block, length);
          } else if (what === 'came') {
            expect(pipeline.handleBlock(0, block, nowMs)).to.equal(model.delete(block));
          } else if (what === 'dropped') {
            expect(pipeline.handleDropped(0, block)).to.equal(model.delete(block));
          } else if (what === 'clear') {
            pipeline.clear();
            model.clear();
          } else {
            pipeline.handleTick(nowMs * 25);
          }
          expect(pipeline.inFlightCount).to.equal(model.size);
          expect(pipeline.inFlightBytes).to.equal([...model.values()].reduce((sum, each) => sum + each, 0));
        });
      }),
    );
  });
});
