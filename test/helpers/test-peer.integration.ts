/** The test peer is itself judged by a client of others, so that a test that trusts it can be trusted. */
import { expect } from 'chai';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { hasProgram, requireOrSkip, startAria2 } from './external-tool.js';
import { freePort } from './free-port.js';
import { handMadeTorrent } from './hand-made-torrent.js';
import { bencode } from './naive-bencode.js';
import { useSwarm } from './swarm-fixture.js';
import { testBytes } from './test-bytes.js';
import { TestPeer, type TestPeerOptions } from './test-peer.js';

describe('TestPeer', function () {
  this.timeout(30_000);
  const swarm = useSwarm('each');

  before(function () {
    requireOrSkip(this, hasProgram('aria2c'), 'aria2c');
  });

  it('gives aria2 a whole file, choking now and then', async () => {
    const data = testBytes(300_000, 1);
    const { peer, aria2, folder } = await aPeerBeside(data, { chokes: { afterBlocks: 5, forMs: 20 } });

    expect(await aria2.exit(), aria2.output).to.equal(0);

    expect(readFileSync(join(folder, 'x.bin')).equals(data)).to.equal(true);
    expect(peer.chokeCount).to.be.greaterThan(1);
    expect(peer.deliveries.size).to.equal(Math.ceil(data.length / 16_384));
  });

  it('is hung up on by aria2 when it lies', async () => {
    const data = testBytes(300_000, 2);
    const corrupts = (piece: number, offset: number): boolean => piece === 2 && offset === 0;
    const { peer, aria2 } = await aPeerBeside(data, { corrupts, rateBytesPerSec: 2_000_000 });

    await peer.until(() => peer.corruptBlocksSent > 0);
    await peer.links.find((link) => link.handshaken)?.closed;

    expect(aria2.child.exitCode, aria2.output).to.equal(null);
  });

  async function aPeerBeside(data: Uint8Array, options: Partial<TestPeerOptions>) {
    const tracker = await oneReplyTracker();
    swarm.onClose(() => tracker.close());
    const torrent = handMadeTorrent({ name: 'x.bin', data, pieceLength: 32_768, announce: tracker.url });
    const peer = await new TestPeer({ infoHash: torrent.infoHash, data, pieceLength: 32_768, ...options }).listen();
    swarm.onClose(() => peer.close());
    tracker.peerPort = peer.port;
    const folder = swarm.folder();
    writeFileSync(join(folder, 'x.torrent'), torrent.bytes);
    const aria2 = startAria2(['--seed-time=0', 'x.torrent'], folder, await freePort());
    swarm.onClose(() => aria2.kill());
    return { peer, aria2, folder };
  }
});

/** A tracker that tells everybody of one peer. */
async function oneReplyTracker(): Promise<{ url: string; peerPort: number; close: () => Promise<void> }> {
  const server: Server = createServer((_, response) => {
    const peers = Buffer.from([127, 0, 0, 1, tracker.peerPort >> 8, tracker.peerPort & 255]);
    response.end(bencode({ interval: 60, peers }));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const tracker = {
    url: `http://127.0.0.1:${port}/announce`,
    peerPort: 0,
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
    },
  };
  return tracker;
}
