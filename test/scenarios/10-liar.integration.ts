import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import type { P2pProcess } from '../helpers/p2p-process.js';
import { useSwarm } from '../helpers/swarm-fixture.js';
import { testBytes } from '../helpers/test-bytes.js';
import { TestPeer, type TestPeerOptions } from '../helpers/test-peer.js';

describe('Scenario 10: a seeder that sends corrupted bytes', function () {
  this.timeout(60_000);
  const swarm = useSwarm('each');

  it('is refused, blamed and banned, while honest peers on its address are not', async () => {
    const data = testBytes(100_000, 10);
    const { liar, honestPorts } = await aLiarBeside(data, 128, '24K', { corrupts: () => true });

    const download = swarm.download('truth.bin');
    const summary = await download.completed();

    expect(readFileSync(download.path('truth.bin')).equals(data)).to.equal(true);
    expect(liar.corruptBlocksSent, 'lies told').to.be.greaterThan(0);
    expect(summary.refusedPieces).to.be.greaterThan(0);
    await expectOnlyLiarBanned(download.process, liar, honestPorts);
    for (const line of download.process.all('piece-refused')) {
      expect(line.peers.join(), 'the contributor is named').to.include(`:${liar.port}`);
    }
  });

  it('is found out when an honest peer went on with a piece that it had begun', async () => {
    const data = testBytes(2_000_000, 11);
    const { liar, honestPorts } = await aLiarBeside(data, 262_144, '600K', {
      corrupts: () => true,
      rateBytesPerSec: 300_000,
      chokes: { afterBlocks: 3, forMs: 60 },
    });

    const download = swarm.download('truth.bin');
    const summary = await download.completed();

    expect(readFileSync(download.path('truth.bin')).equals(data)).to.equal(true);
    expect(liar.corruptBlocksSent).to.be.greaterThan(0);
    expect(summary.refusedPieces).to.be.greaterThan(0);
    await expectOnlyLiarBanned(download.process, liar, honestPorts);
  });

  it('cannot keep a file from completing that it alone has a part of, until an honest peer comes', async () => {
    const data = testBytes(20_000, 12);
    const { liar } = await aLiarBeside(data, 128, '1M', { corrupts: () => true }, ['--missing', '0-9']);

    const download = swarm.download('truth.bin');
    await download.process.next('peer-banned');
    const honest = await swarm.seed(swarm.file('truth.bin', data), ['--piece-length', '128', '--missing', '20']);
    await download.completed();

    expect(readFileSync(download.path('truth.bin')).equals(data)).to.equal(true);
    await expectOnlyLiarBanned(download.process, liar, [honest.port]);
  });

  async function aLiarBeside(
    data: Buffer,
    pieceLength: number,
    uploadLimit: string,
    lies: Partial<TestPeerOptions>,
    flags: readonly string[] = [],
  ): Promise<{ liar: TestPeer; honestPorts: number[] }> {
    await swarm.startTracker();
    const path = swarm.file('truth.bin', data);
    const all = ['--piece-length', String(pieceLength), '--upload-limit', uploadLimit, ...flags];
    const honest = await Promise.all([swarm.seed(path, all), swarm.seed(path, all)]);
    const infoHash = honest[0].only.infoHash;
    const liar = await new TestPeer({ infoHash, data, pieceLength, ...lies }).listen();
    swarm.onClose(() => liar.close());
    await liar.announce(swarm.tracker.url);
    return { liar, honestPorts: honest.map((seed) => seed.port) };
  }
});

async function expectOnlyLiarBanned(
  downloader: P2pProcess,
  liar: TestPeer,
  honestPorts: readonly number[],
): Promise<void> {
  const banned = downloader.all('peer-banned').map((line) => line.peer);
  expect(banned, 'bans').to.have.length(1);
  expect(banned[0]).to.include(`:${liar.port}`);
  for (const port of honestPorts) expect(banned.join()).not.to.include(`:${port}`);
  await Promise.all(liar.links.map((link) => link.closed));
}
