import { expect } from 'chai';
import { runSimulation } from '../../src/simulation/run-simulation.js';
import { aDownloader, aSeeder, aSimulation, downloaders, range } from './simulated-swarms.js';

describe('runSimulation', () => {
  it('gives the same event log for the same seed, and another for another', () => {
    const run = (seed: number): string =>
      runSimulation(aSimulation({ seed, peers: [aSeeder(1), ...downloaders(5)] })).eventLogHash;

    expect(run(1)).to.equal(run(1));
    expect(run(1)).to.not.equal(run(2));
  });

  it('keeps every invariant after every batch of events while two dozen peers complete', () => {
    const report = runSimulation(aSimulation({ seed: 7, checkEvery: 1, peers: [aSeeder(1), ...downloaders(23)] }));

    expect(report.incomplete).to.deep.equal([]);
  });

  it('completes everybody in three dozen swarms with losses and broken connections, the seeder sending few copies', () => {
    for (let seed = 1; seed <= 36; seed += 1) {
      const network = { latencyMs: 5 + (seed % 7) * 15, lossRatio: 0.01 * (seed % 3), meanConnectionMs: 20_000 };
      const report = runSimulation(
        aSimulation({ seed, network, checkEvery: 25, peers: [aSeeder(1), ...downloaders(11)] }),
      );

      expect(report.incomplete, `seed ${seed}`).to.deep.equal([]);
      expect(report.peers[0]?.sentCopies, `seed ${seed}`).to.be.lessThan(2.5);
    }
  });

  it('lets downloaders feed one another: the seeder sends hardly more than one copy', () => {
    const report = runSimulation(aSimulation({ seed: 3, pieceCount: 1_024, peers: [aSeeder(1), ...downloaders(5)] }));

    expect(report.peers[0]?.sentCopies).to.be.lessThan(1.2);
    for (const peer of report.peers) expect(peer.wastedShare, peer.host).to.be.lessThan(0.03);
    // One copy through the seeder's line takes 67.1 s; nothing can be faster.
    expect(report.elapsedMs).to.be.lessThan(67_109 * 1.25);
  });

  it('sends hardly more than one copy to a crowd that comes at once, for it super-seeds', () => {
    const peers = [aSeeder(1), ...downloaders(8, { joinMs: 100, downBytesPerSec: 10_000_000 })];
    const copies = (superSeeds: boolean): number => {
      const config = aSimulation({ seed: 3, pieceCount: 256, network: { latencyMs: 1 }, peers });
      const report = runSimulation({ ...config, peers: peers.map((peer) => ({ ...peer, superSeeds })) });
      return report.peers[0]?.sentCopies ?? NaN;
    };

    expect(copies(true)).to.be.lessThan(1.08);
    expect(copies(false)).to.be.greaterThan(1.1);
  });

  it('bans a liar, blames nobody else, and completes all honest peers', () => {
    for (let seed = 1; seed <= 12; seed += 1) {
      const liar = aSeeder(200, { lieRatio: 0.3 });
      const report = runSimulation(aSimulation({ seed, checkEvery: 10, peers: [aSeeder(1), liar, ...downloaders(8)] }));

      expect(report.incomplete, `seed ${seed}`).to.deep.equal([]);
      const banned = new Set(report.peers.flatMap((peer) => peer.banned));
      expect([...banned], `seed ${seed}`).to.deep.equal([liar.host]);
    }
  });

  it('joins what partial seeders own: nobody has a full copy, everybody gets one', () => {
    const seeders = [0, 1, 2, 3].map((fourth) =>
      aSeeder(100 + fourth, { owned: range(fourth * 16, fourth * 16 + 16) }),
    );

    const report = runSimulation(aSimulation({ seed: 5, checkEvery: 5, peers: [...seeders, ...downloaders(6)] }));

    expect(report.incomplete).to.deep.equal([]);
  });

  it('leaves no line idle: flash crowds end within a tenth of the fluid bound', () => {
    const line = { upBytesPerSec: 12_500_000, downBytesPerSec: 1e9, uploadSlots: 8 };
    const crowd = downloaders(8, { ...line, joinMs: 1_000, leaveAfterCompleteMs: 0 });
    const whole = [aSeeder(100, line)];
    const quarters = [0, 1, 2, 3].map((at) => aSeeder(100 + at, { ...line, owned: range(at * 64, at * 64 + 64) }));

    for (const seeders of [whole, quarters]) {
      const network = { latencyMs: 0.2 };
      const swarm = { pieceCount: 256, pieceLengthBytes: 262_144, network, peers: [...seeders, ...crowd] };
      const report = runSimulation(aSimulation({ seed: 3, ...swarm }));

      // All lines together carry eight copies; one line alone carries the first.
      const bytes = 256 * 262_144;
      const copiesMs = ((8 * bytes) / ((seeders.length + 8) * line.upBytesPerSec)) * 1_000;
      const firstMs = (bytes / (seeders.length * line.upBytesPerSec)) * 1_000;
      expect(report.incomplete).to.deep.equal([]);
      expect(report.elapsedMs - 1_000, `${seeders.length} seeders`).to.be.lessThan(1.1 * Math.max(copiesMs, firstMs));
    }
  });

  it('completes partial downloaders from one another without any seeder', () => {
    const peers = [0, 1, 2].map((third) =>
      aDownloader(10 + third, { owned: range(0, 64).filter((i) => i % 3 === third) }),
    );

    const report = runSimulation(aSimulation({ seed: 5, checkEvery: 1, peers }));

    expect(report.incomplete).to.deep.equal([]);
  });

  it('goes on when the only seeder dies and comes back', () => {
    for (let seed = 1; seed <= 6; seed += 1) {
      const seeder = aSeeder(1, { crashMs: 1_500, returnMs: 60_000 });
      const report = runSimulation(aSimulation({ seed, checkEvery: 10, peers: [seeder, ...downloaders(4)] }));

      expect(report.incomplete, `seed ${seed}`).to.deep.equal([]);
      expect(report.elapsedMs, `seed ${seed}`).to.be.within(60_000, 100_000);
    }
  });

  it('goes on where it was when a downloader dies and comes back', () => {
    const mortal = aDownloader(50, { crashMs: 2_000, returnMs: 8_000 });
    const report = runSimulation(
      aSimulation({ seed: 4, checkEvery: 5, peers: [aSeeder(1), mortal, ...downloaders(4)] }),
    );

    expect(report.incomplete).to.deep.equal([]);
    expect(report.peers[1]?.receivedCopies).to.be.lessThan(1.3);
  });

  it('says which pieces nobody has', () => {
    const seeder = aSeeder(1, { owned: range(0, 64).filter((index) => index !== 17 && index !== 42) });
    const report = runSimulation(aSimulation({ seed: 1, untilMs: 60_000, peers: [seeder, ...downloaders(3)] }));

    expect(report.incomplete).to.have.length(3);
    for (const peer of report.peers.slice(1)) {
      expect(peer.missingEverywhere).to.deep.equal([17, 42]);
      expect(peer.ownedPieces).to.equal(62);
    }
  });

  it('completes soon after a peer joins that has what was missing', () => {
    const masked = aSeeder(1, { owned: range(0, 63) });
    const late = aSeeder(2, { owned: [63], joinMs: 40_000 });
    const report = runSimulation(aSimulation({ seed: 1, peers: [masked, late, aDownloader(9)] }));

    expect(report.incomplete).to.deep.equal([]);
    expect(report.elapsedMs).to.be.within(40_000, 60_000);
  });

  it('does not leave the end to a slow peer', () => {
    const slow = aSeeder(1, { upBytesPerSec: 10_000 });
    const fast = aSeeder(2, { upBytesPerSec: 1_000_000 });
    const report = runSimulation(
      aSimulation({
        seed: 2,
        checkEvery: 1,
        pieceCount: 8,
        pieceLengthBytes: 1_048_576,
        peers: [slow, fast, aDownloader(9)],
      }),
    );

    // 8 MiB through the fast line take 8.4 s; one piece through the slow one would take 105 s.
    expect(report.elapsedMs).to.be.lessThan(12_000);
    expect(report.peers[2]?.wastedShare).to.be.lessThan(0.05);
  });

  it('does not pass a lone block to and fro between two links when it is seconds on its way', () => {
    const report = runSimulation(
      aSimulation({
        seed: 1,
        pieceCount: 1,
        pieceLengthBytes: 16_384,
        network: { latencyMs: 300 },
        peers: [aSeeder(1), aSeeder(2), aDownloader(9, { downBytesPerSec: 10_000 })],
      }),
    );

    expect(report.incomplete).to.deep.equal([]);
    expect(report.peers[2]?.receivedCopies).to.be.at.most(2);
  });

  it('starves nobody who is interested in 30 minutes', () => {
    const peers = [aSeeder(1, { uploadSlots: 2 }), ...downloaders(23, { upBytesPerSec: 20_000, uploadSlots: 1 })];
    const report = runSimulation(
      aSimulation({
        seed: 9,
        pieceCount: 4_096,
        pieceLengthBytes: 262_144,
        peers,
        untilMs: 1_800_000,
        measureIntervalMs: 1_000,
      }),
    );

    expect(report.elapsedMs).to.equal(1_800_000);
    for (const peer of report.peers.slice(1)) expect(peer.longestGapMs, peer.host).to.be.lessThan(240_000);
    expect(report.fairness).to.be.greaterThan(0.8);
  });
});
