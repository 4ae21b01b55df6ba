import { expect } from 'chai';
import { mergeReplies } from '../../src/tracker/merge-replies.js';
import type { AnnounceReply } from '../../src/tracker/parse-announce-reply.js';

function aReply(host: string, overrides: Partial<AnnounceReply> = {}): AnnounceReply {
  return { intervalMs: 120_000, minIntervalMs: 60_000, peers: [{ host, port: 1 }], ...overrides };
}

describe('mergeReplies', () => {
  it('has the peers of both families, and the greater numbers', async () => {
    const v4 = aReply('192.0.2.1', { seeders: 1, minIntervalMs: 15_000 });
    const v6 = aReply('2001:db8::1', { seeders: 2, leechers: 3 });

    expect(await mergeReplies([Promise.resolve(v4), Promise.resolve(v6)], 1_000)).to.deep.equal({
      ...aReply('192.0.2.1', { seeders: 2, leechers: 3 }),
      peers: [...v4.peers, ...v6.peers],
    });
  });

  it('waits for a slow family only for its grace, and not for one that fails', async () => {
    const silent = new Promise<AnnounceReply>(() => undefined);
    const failed = Promise.reject(new Error('no route'));
    const reply = aReply('192.0.2.1');

    expect(await mergeReplies([silent, Promise.resolve(reply)], 5)).to.deep.equal(reply);
    expect(await mergeReplies([failed, Promise.resolve(reply)], 60_000)).to.deep.equal(reply);
  });

  it('fails as the first does when all fail', async () => {
    const errors = ['one', 'two'].map((why) => Promise.reject<AnnounceReply>(new Error(why)));
    expect(await mergeReplies(errors, 5).catch((error: unknown) => error)).to.include({ message: 'one' });
  });
});
