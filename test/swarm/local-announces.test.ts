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

  it('takes a peer that announces itself over IPv4 and IPv6 for one, by its cookie', () => {
    const announces = new LocalAnnounces('ours', 9_000);
    announces.addTorrent(HASH, 0);
    const hosts = (cookie: string | undefined, host: string, nowMs: number): readonly string[] =>
      announces
        .handleAnnounce({ port: 9_001, infoHashes: [HASH], cookie }, host, nowMs)
        .map(({ address }) => address.host);

    expect(hosts('theirs', '10.0.0.2', 0)).to.deep.equal(['10.0.0.2']);
    expect(hosts('theirs', 'fe80::2%eth0', 5)).to.deep.equal([]);
    expect(hosts('theirs', '10.1.0.2', 6), 'another interface').to.deep.equal(['10.1.0.2']);
    expect(hosts('another', 'fe80::3%eth0', 7)).to.deep.equal(['fe80::3%eth0']);
    expect(hosts('another', '10.0.0.3', 8)).to.deep.equal([]);
    expect(hosts(undefined, '10.0.0.4', 9)).to.deep.equal(['10.0.0.4']);
    expect(hosts(undefined, 'fe80::4%eth0', 10)).to.deep.equal(['fe80::4%eth0']);
    expect(hosts('theirs', 'fe80::2%eth0', 10_000), 'long after').to.deep.equal(['fe80::2%eth0']);
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
