import { expect } from 'chai';
import { resolve } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { runSeeds } from '../../src/cli/seed-session.js';
import type { SeedRequest, SeedResult, Transfer } from '../../src/engine/engine-types.js';
import { OptionError, type P2pError } from '../../src/errors.js';
import { captureOutput } from './captured-output.js';
import { aFakeTransfer, aSession } from './fake-engine.js';

const request = (path: string): SeedRequest => ({ path, trackers: [] });

function aSeed(transfer: Transfer): SeedResult {
  return {
    transfer,
    trackers: ['http://10.0.0.1:9999/announce'],
    magnet: 'magnet:?xt=x',
    published: true,
    namesakes: [],
  };
}

describe('runSeeds', () => {
  it('tells of each torrent, then waits for a signal, which is a success', async () => {
    const { output, lines } = captureOutput({ json: true });
    const { transfer } = aFakeTransfer({ state: 'seeding' }, 'seed');
    const session = aSession(output, { seed: () => Promise.resolve(aSeed(transfer)), transfers: [transfer] });

    const running = runSeeds(output, session, [request('input/story.txt')]);
    while (lines().length === 0) await nextTurn();
    process.emit('SIGTERM');
    const result = await running;
    session.stop.close();

    expect(lines()[0]).to.include({
      type: 'seeding',
      name: 'story.txt',
      path: resolve('input/story.txt'),
      pieceCount: 8,
      command: 'p2p peer download story.txt -i 10.0.0.1',
      published: true,
    });
    expect(result['seeds']).to.deep.equal([{ name: 'story.txt', infoHash: 'ab'.repeat(20), upTotalBytes: 0 }]);
  });

  it('fails when its only torrent fails', async () => {
    const { output } = captureOutput();
    const { transfer, end } = aFakeTransfer({ state: 'seeding' }, 'seed');
    const session = aSession(output, { seed: () => Promise.resolve(aSeed(transfer)) });

    const running = runSeeds(output, session, [request('story.txt')]).catch((error: unknown) => error as P2pError);
    end({ state: 'failed', error: { code: 'P2P_DISK_FAILED', message: 'gone', details: {} } });
    const error = await running;
    session.stop.close();

    expect(error).to.include({ code: 'P2P_DISK_FAILED', message: 'gone' });
  });

  it('passes an empty folder over, unless there is nothing else', async () => {
    const { output, stderr } = captureOutput();
    const { transfer } = aFakeTransfer({ state: 'seeding' }, 'seed');
    const session = aSession(output, {
      seed: ({ path }) =>
        path === 'empty'
          ? Promise.reject(new OptionError('folder empty has no files', {}, 'P2P_NOTHING_TO_SEED'))
          : Promise.resolve(aSeed(transfer)),
    });

    const alone = await runSeeds(output, session, [request('empty')]).catch((error: unknown) => error);
    const running = runSeeds(output, session, [request('empty'), request('story.txt')]);
    await nextTurn();
    process.emit('SIGINT');
    const result = await running;
    session.stop.close();

    expect(alone).to.have.property('code', 'P2P_NOTHING_TO_SEED');
    expect(result['seeds']).to.have.length(1);
    expect(stderr()).to.include('passed over');
  });

  it('that is stopped while it still hashes is a success without seeds', async () => {
    const { output } = captureOutput();
    const session = aSession(output, { seed: () => new Promise(() => {}) });

    const running = runSeeds(output, session, [request('story.txt')]);
    process.emit('SIGINT');
    const result = await running;
    session.stop.close();

    expect(result).to.deep.equal({ seeds: [] });
  });
});
