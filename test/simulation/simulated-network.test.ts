import { expect } from 'chai';
import {
  SimulatedNetwork,
  type ConnectionEnd,
  type SimulatedBlock,
  type SimulatedMessage,
} from '../../src/simulation/simulated-network.js';
import { VirtualClock } from '../../src/simulation/virtual-clock.js';

describe('SimulatedNetwork', () => {
  it('brings a block after a latency and the time of both lines', () => {
    const { clock, ours, arrivals } = connected({ upBytesPerSec: 1_000, downBytesPerSec: 2_000 });

    ours.sendBlock(aBlock(1_000));
    clock.run(10_000);

    // 1,000 ms up, 10 to 12 ms on the way, 500 ms down.
    expect(arrivals).to.have.length(1);
    expect(arrivals[0]?.afterMs).to.be.within(1_510, 1_512);
  });

  it('keeps the order of a connection: no small message overtakes a block', () => {
    const { clock, ours, arrivals } = connected({ upBytesPerSec: 1e9, downBytesPerSec: 1_000 });

    ours.sendBlock(aBlock(1_000));
    clock.after(5, () => ours.send({ type: 'choke' }));
    clock.run(10_000);

    expect(arrivals.map(({ message }) => message.type)).to.deep.equal(['piece', 'choke']);
  });

  it('says that the other side is gone', () => {
    const { clock, ours, closed } = connected({ upBytesPerSec: 1_000, downBytesPerSec: 1_000 });

    ours.close();
    clock.run(10_000);

    expect(closed()).to.equal(true);
  });

  it('tells when nobody listens', () => {
    const clock = new VirtualClock();
    const network = new SimulatedNetwork(clock, { seed: 1, latencyMs: 10 });
    const host = network.addHost('a', { upBytesPerSec: 1, downBytesPerSec: 1 });
    const answers: unknown[] = [];

    network.dial(host, 'nowhere', (end) => answers.push(end));
    clock.run(10_000);

    expect(answers).to.deep.equal([undefined]);
  });
});

function aBlock(sizeBytes: number): SimulatedBlock {
  return { type: 'piece', pieceIndex: 0, block: 0, sizeBytes, isBad: false };
}

/** Two hosts with a connection; what arrives at the second one, and when. */
function connected(line: { readonly upBytesPerSec: number; readonly downBytesPerSec: number }): {
  readonly clock: VirtualClock;
  readonly ours: ConnectionEnd;
  readonly arrivals: { readonly message: SimulatedMessage; readonly afterMs: number }[];
  readonly closed: () => boolean;
} {
  const clock = new VirtualClock();
  const network = new SimulatedNetwork(clock, { seed: 1, latencyMs: 10 });
  const [from, to] = [network.addHost('a', line), network.addHost('b', line)];
  const arrivals: { readonly message: SimulatedMessage; readonly afterMs: number }[] = [];
  let isClosed = false;
  let startMs = 0;
  to.listener = (end) => {
    end.user = {
      handleMessage: (message) => arrivals.push({ message, afterMs: clock.nowMs - startMs }),
      handleClosed: () => (isClosed = true),
      handleSent: () => undefined,
    };
  };
  let ours: ConnectionEnd | undefined;
  network.dial(from, 'b', (end) => (ours = end));
  clock.run(100);
  startMs = clock.nowMs;
  if (!ours) throw new Error('no connection');
  return { clock, ours, arrivals, closed: () => isClosed };
}
