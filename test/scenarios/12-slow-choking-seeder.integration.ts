import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { stopAndCountOnly } from '../helpers/sent-bytes.js';
import { useSwarm } from '../helpers/swarm-fixture.js';
import { testBytes } from '../helpers/test-bytes.js';
import { TestPeer } from '../helpers/test-peer.js';

const MIB = 1024 * 1024;
const PIECE_LENGTH = 16 * MIB;
const SIZE = 3 * PIECE_LENGTH - 5_000;
const BLOCK = 16_384;

describe('Scenario 12: pieces of 16 MiB from a slow seeder that chokes', function () {
  this.timeout(90_000);
  const swarm = useSwarm();

  it('ends beside a second seeder, and no block is fetched twice without need', async () => {
    const data = testBytes(SIZE, 12);
    await swarm.startTracker();
    const path = swarm.file('big.bin', data);
    const seed = await swarm.seed(path, ['--piece-length', '16M', '--upload-limit', '8M']);
    const slow = await new TestPeer({
      infoHash: seed.only.infoHash,
      data,
      pieceLength: PIECE_LENGTH,
      rateBytesPerSec: 200 * 1024,
      chokes: { afterBlocks: 20, forMs: 300 },
    }).listen();
    swarm.onClose(() => slow.close());
    await slow.announce(swarm.tracker.url);

    const download = swarm.download('big.bin');
    const summary = await download.completed(80_000);

    expect(readFileSync(download.path('big.bin')).equals(data)).to.equal(true);
    expect(slow.chokeCount, 'it choked').to.be.greaterThan(0);
    expect(slow.bytesSent, 'it helped').to.be.greaterThan(0);
    expect(slow.blocksSentTwice, 'blocks that the slow one sent twice').to.deep.equal([]);
    // The endgame may double what is under way at its meeting point: a few blocks, never a piece.
    const sent = (await stopAndCountOnly(seed.process)) + slow.bytesSent;
    expect(summary.wastedBytes / BLOCK, 'wasted blocks').to.be.at.most(40);
    expect((sent - SIZE) / BLOCK, 'blocks sent beyond the file').to.be.at.most(60);
    expect(summary.refusedPieces).to.equal(0);
    // 48 MiB at 8 MiB a second: a piece that waits for the slow one alone would take another 80 seconds.
    expect(summary.elapsedMs).to.be.below(20_000);
  });
});
