import { expect } from 'chai';
import { useSwarm } from '../helpers/swarm-fixture.js';
import { testBytes } from '../helpers/test-bytes.js';

describe('A tracker that wants a token for publishing', function () {
  this.timeout(60_000);
  const swarm = useSwarm();

  it('refuses who has none or a wrong one with exit code 8, takes who has it, and serves all', async () => {
    const token = swarm.file('token.txt', 'correct horse\n');
    await swarm.startTracker(['--token', token]);
    const file = swarm.file('guarded.bin', testBytes(3_000, 1));
    const args = ['peer', 'seed', file, '-p', '0', '--tracker', swarm.tracker.url];

    const without = await swarm.start(args).failure();
    const wrong = await swarm.start(args, { env: { P2P_TOKEN: 'battery staple' } }).failure();
    for (const error of [without, wrong]) expect(error).to.include({ code: 'P2P_REFUSED', exitCode: 8 });
    expect(without.message).to.match(/token/i);

    const seed = await swarm.seed(file, ['--token', token]);
    await swarm.download('guarded.bin').completed();
    expect(seed.only.published).to.equal(true);
    for (const child of swarm.processes) {
      expect(child.stdout + child.stderr, child.name).not.to.match(/correct horse|battery staple/);
    }
  });
});
