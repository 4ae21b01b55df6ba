import { expect } from 'chai';

import { LocalAnnounces } from '../../src/swarm/local-announces.js';

const HASH = 'aa'.repeat(20);
const OTHER = 'bb'.repeat(20);

describe('LocalAnnounces', () => {
  it('announces at the start, a minute later, and then every five minutes', () => {
    const announces = new LocalAnnounces('ours', 9_000);
    announces.addTorrent(HASH, 0);

    const times: number[] = [];
    for (let count = 0; count < 4; count += 1) {
      const nowMs = announces.nextMs ?? -1;
      times.push(nowMs);
      expect(announces.poll(nowMs)).to.deep.equal({ port: 9_000, infoHashes: [HASH], cookie: 'ours' });
      expect(announces.poll(nowMs)).to.equal(undefined);
    }

    expect(times).to.deep.equal([0, 60_000, 360_000, 660_000]);
  });

  it('puts 20 torrents into a datagram, and sends one a second', () => {
    const announces = new LocalAnnounces('ours', 9_000);
    for (let n = 0; n < 45; n += 1) announces.addTorrent(n.toString(16).padStart(40, '0'), 0);

    const counts = [0, 999, 1_000, 2_000, 3_000].map((nowMs) => announces.poll(nowMs)?.infoHashes.length);

    expect(counts).to.deep.equal([20, undefined, 20, 5, undefined]);
    expect(announces.nextMs).to.equal(60_000);
  });

  it('is silent without torrents', () => {
    const announces = new LocalAnnounces('ours', 9_000);
    announces.addTorrent(HASH, 0);
    announces.removeTorrent(HASH);

    expect(announces.nextMs).to.equal(undefined);
    expect(announces.poll(0)).to.equal(undefined);
  });

  it('believes that the sender has those torrents that are ours, and not itself', () => {
    const announces = new LocalAnnounces('ours', 9_000);
    announces.addTorrent(HASH, 0);
    const heard = { port: 9_001, infoHashes: [OTHER, HASH], cookie: 'theirs' };

    expect(announces.handleAnnounce(heard, '10.0.0.2', 0)).to.deep.equal([
      { infoHash: HASH, address: { host: '10.0.0.2', port: 9_001 } },
    ]);
    expect(announces.handleAnnounce({ ...heard, cookie: 'ours' }, '10.0.0.2', 0)).to.deep.equal([]);
    expect(announces.handleAnnounce({ ...heard, infoHashes: [OTHER] }, '10.0.0.2', 0)).to.deep.equal([]);
  });

  it('heeds 100 announces a second', () => {
    const announces = new LocalAnnounces('ours', 9_000);
    announces.addTorrent(HASH, 0);
    const believed = (nowMs: number): number =>
      Array.from({ length: 200 }, (_, n) =>
        announces.handleAnnounce(
          { port: 9_001, infoHashes: [HASH], cookie: undefined },
          `10.0.${nowMs / 1_000}.${n}`,
          nowMs,
        ),
      ).flat().length;

    expect([believed(0), believed(1_000)]).to.deep.equal([100, 100]);
  });

  it('believes 32 ports of one host in five minutes', () => {
    const announces = new LocalAnnounces('ours', 9_000);
    announces.addTorrent(HASH, 0);
    const believed = (nowMs: number): number =>
      Array.from({ length: 50 }, (_, n) =>
        announces.handleAnnounce({ port: 9_001 + n, infoHashes: [HASH], cookie: undefined }, '10.0.0.2', nowMs),
      ).flat().length;

    expect([believed(0), believed(60_000), believed(300_000)]).to.deep.equal([32, 32, 32]);
  });
});
