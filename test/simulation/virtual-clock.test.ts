import { expect } from 'chai';
import { seededRandom } from '../../src/swarm/seeded-random.js';
import { VirtualClock } from '../../src/simulation/virtual-clock.js';

describe('VirtualClock', () => {
  it('runs tasks by time, and those of one moment in the order in which they were scheduled', () => {
    const clock = new VirtualClock();
    const seen: string[] = [];
    const random = seededRandom(1);
    for (let task = 0; task < 500; task += 1) {
      const atMs = Math.floor(random() * 50);
      clock.at(atMs, () => seen.push(`${String(atMs).padStart(3, '0')} ${String(task).padStart(3, '0')}`));
    }

    clock.run(1_000);

    expect(seen).to.deep.equal([...seen].sort());
    expect(seen).to.have.length(500);
    expect(clock.nowMs).to.equal(1_000);
  });

  it('stops before what is later, and runs what a task schedules', () => {
    const clock = new VirtualClock();
    const seen: number[] = [];
    clock.after(10, () => {
      seen.push(clock.nowMs);
      clock.after(5, () => seen.push(clock.nowMs));
    });
    clock.after(100, () => seen.push(clock.nowMs));

    clock.run(50);

    expect(seen).to.deep.equal([10, 15]);
    expect(clock.pendingCount).to.equal(1);
  });
});
