import { expect } from 'chai';

import {
  defaultThreadCount,
  startThreadsEarly,
  takeThreads,
  type WorkerThreads,
} from '../../src/workers/worker-threads.js';

describe('takeThreads', () => {
  const taken: WorkerThreads[] = [];

  function take(count: number): WorkerThreads {
    const threads = takeThreads(count);
    taken.push(threads);
    return threads;
  }

  function idsOf({ piscina }: WorkerThreads): number[] {
    return piscina.threads.map(({ threadId }) => threadId);
  }

  afterEach(async () => {
    await Promise.all(taken.splice(0).map(({ piscina }) => piscina.destroy()));
  });

  it('hands out the threads that were started early, once', () => {
    const [last = 0] = idsOf(take(1));
    startThreadsEarly('transfers');

    const early = take(defaultThreadCount('transfers'));
    const late = take(defaultThreadCount('transfers'));

    expect(idsOf(early)[0]).to.equal(last + 1);
    expect(idsOf(early)).to.have.length(defaultThreadCount('transfers'));
    expect(idsOf(late)).to.not.have.members(idsOf(early));
  });

  it('starts others when more are wanted, and ends those', () => {
    startThreadsEarly('transfers');

    const wanted = defaultThreadCount('transfers') + 1;
    expect(idsOf(take(wanted))).to.have.length(wanted);
    // The hook behind this suite looks for threads that are left.
  });

  it('hands out more than are wanted where they are there', () => {
    startThreadsEarly('hashing');

    expect(idsOf(take(1))).to.have.length(defaultThreadCount('hashing'));
  });
});
