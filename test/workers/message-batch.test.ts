import { expect } from 'chai';

import { MessageBatch } from '../../src/workers/message-batch.js';

describe('MessageBatch', () => {
  function aBatch(): { batch: MessageBatch<number>; posted: number[][] } {
    const posted: number[][] = [];
    return { batch: new MessageBatch<number>({ postMessage: (each) => posted.push(each as number[]) }), posted };
  }

  it('posts what came in one turn together, in order', async () => {
    const { batch, posted } = aBatch();
    for (const message of [1, 2, 3]) batch.push(message);
    expect(posted).to.deep.equal([]);

    await new Promise((resolve) => setImmediate(resolve));
    batch.push(4);
    await new Promise((resolve) => setImmediate(resolve));

    expect(posted).to.deep.equal([[1, 2, 3], [4]]);
  });

  it('keeps what may wait until something else is posted', async () => {
    const { batch, posted } = aBatch();
    batch.pushLater(1);
    await new Promise((resolve) => setImmediate(resolve));
    expect(posted).to.deep.equal([]);

    batch.push(2);
    batch.pushLater(3);
    batch.flush();
    expect(posted).to.deep.equal([[1, 2, 3]]);
  });

  it('posts no more than 1,024 at once', async () => {
    const { batch, posted } = aBatch();

    for (let message = 0; message < 2_100; message += 1) batch.push(message);
    expect(posted.map((each) => each.length)).to.deep.equal([1_024, 1_024]);
    await new Promise((resolve) => setImmediate(resolve));

    expect(posted.flat()).to.deep.equal(Array.from({ length: 2_100 }, (_, at) => at));
  });

  it('lets no more than 64 wait for something else', () => {
    const { batch, posted } = aBatch();

    for (let message = 0; message < 130; message += 1) batch.pushLater(message);

    expect(posted.map((each) => each.length)).to.deep.equal([64, 64]);
  });

  it('posts at once when told to, and nothing twice', async () => {
    const { batch, posted } = aBatch();
    batch.push(1);

    batch.flush();
    batch.flush();
    await new Promise((resolve) => setImmediate(resolve));

    expect(posted).to.deep.equal([[1]]);
  });
});
