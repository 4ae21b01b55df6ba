import { expect } from 'chai';

import { Breather } from '../../src/workers/breather.js';

describe('Breather', () => {
  /** Goes on until somebody else has had a turn, or for as long as given. */
  async function turnsWithin(lastMs: number): Promise<number> {
    let turns = 0;
    const other = setInterval(() => (turns += 1), 1);
    const breather = new Breather();
    const endMs = performance.now() + lastMs;
    while (performance.now() < endMs) await breather.pause();
    clearInterval(other);
    return turns;
  }

  it('lets others have a turn, however short each step is', async () => {
    expect(await turnsWithin(60)).to.be.within(1, 12);
  });

  it('goes on at once while it has not lasted', async () => {
    const breather = new Breather();
    let hadTurn = false;
    const other = setImmediate(() => (hadTurn = true));

    for (let step = 0; step < 10; step += 1) await breather.pause();
    clearImmediate(other);

    expect(hadTurn).to.equal(false);
  });
});
