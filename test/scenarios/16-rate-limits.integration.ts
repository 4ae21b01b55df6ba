/** The one test that measures time: bytes between progress lines over ten seconds, by the test's own clock. */
import { expect } from 'chai';
import type { LineOf } from '../helpers/json-line.js';
import type { P2pProcess } from '../helpers/p2p-process.js';
import { useSwarm } from '../helpers/swarm-fixture.js';
import { testBytes } from '../helpers/test-bytes.js';

const MIB = 1024 * 1024;
const LIMIT = 6 * MIB;
const WINDOW_MS = 10_000;
/** Let the first burst and the choking round pass before the window begins. */
const WARM_UP_MS = 1_500;

describe('Rate limits', function () {
  this.timeout(60_000);
  // What else runs on the machine may disturb one window, never two.
  this.retries(1);
  const swarm = useSwarm('each');

  it('hold within 5 % over 10 s across threads, up and down', async () => {
    await swarm.startTracker();
    const [up, down] = [swarm.file('up.bin', testBytes(48 * MIB, 1)), swarm.file('down.bin', testBytes(96 * MIB, 2))];
    const flags = ['--piece-length', '256K'];
    const [limited] = await Promise.all([
      swarm.seed(up, [...flags, '--upload-limit', '6M']),
      ...Array.from({ length: 3 }, () => swarm.seed(down, flags)),
    ]);

    // Two take from the limited seeder, so that its connections lie in two threads; neither gives to the other.
    for (let count = 0; count < 2; count += 1) swarm.download('up.bin', ['--upload-limit', '1K']);
    const fetching = swarm.download('down.bin', ['--download-limit', '6M']);
    const rates = await Promise.all([
      measuredRate(limited.process, (line) => line.upTotalBytes),
      measuredRate(fetching.process, (line) => line.downTotalBytes),
    ]);

    expect(rates[0] / LIMIT, 'upload limit').to.be.within(0.95, 1.05);
    expect(rates[1] / LIMIT, 'download limit').to.be.within(0.95, 1.05);
  });
});

/** Bytes a second over the first ten seconds after the warm-up. */
async function measuredRate(peer: P2pProcess, totalOf: (line: LineOf<'progress'>) => number): Promise<number> {
  const moving = await peer.until('progress', (line) => totalOf(line) > 0);
  const first = await peer.until('progress', (line) => line.readAtMs >= moving.readAtMs + WARM_UP_MS);
  const last = await peer.until('progress', (line) => line.readAtMs >= first.readAtMs + WINDOW_MS);
  return ((totalOf(last) - totalOf(first)) / (last.readAtMs - first.readAtMs)) * 1000;
}
