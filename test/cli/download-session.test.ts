import { expect } from 'chai';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { DownloadSession, downloadStart } from '../../src/cli/download-session.js';
import type { DownloadRequest } from '../../src/engine/engine-types.js';
import { MetainfoError, OptionError, type P2pError } from '../../src/errors.js';
import { captureOutput } from './captured-output.js';
import { aFakeTransfer, aSession } from './fake-engine.js';

const request = (target: string): DownloadRequest => ({ target, trackers: [], outputDir: 'output' });

async function errorOf(promise: Promise<unknown>): Promise<P2pError> {
  return await promise.then(
    () => {
      throw new Error('expected an error');
    },
    (error: unknown) => error as P2pError,
  );
}

describe('DownloadSession', () => {
  it('says the success message and returns the downloads', async () => {
    const { output, stdout } = captureOutput();
    const { transfer, end } = aFakeTransfer();
    const session = aSession(output, { download: () => Promise.resolve(transfer) });

    const running = new DownloadSession(output, session, [request('story.txt')].map(downloadStart)).run();
    end({ state: 'complete' });
    const result = await running;
    session.stop.close();

    expect(stdout()).to.match(/^Successfully Downloaded story\.txt to output\/story\.txt$/m);
    expect(result['downloads']).to.have.length(1);
  });

  it('goes on with the other targets when one cannot start, and fails with its error', async () => {
    const { output, stdout, stderr } = captureOutput();
    const { transfer, end } = aFakeTransfer({ name: 'b.txt' });
    const session = aSession(output, {
      download: ({ target }) => {
        if (target === 'b.txt') return Promise.resolve(transfer);
        return Promise.reject(new OptionError(`no ${target}`, { near: [] }, 'P2P_TARGET_NOT_FOUND'));
      },
    });

    const running = errorOf(
      new DownloadSession(output, session, [request('a.txt'), request('b.txt')].map(downloadStart)).run(),
    );
    end({ state: 'complete' });
    const error = await running;
    session.stop.close();

    expect(error).to.include({ code: 'P2P_TARGET_NOT_FOUND', exitCode: 3, message: 'no a.txt' });
    expect(error.details['downloads']).to.have.length(1);
    expect(stdout()).to.include('Successfully Downloaded b.txt');
    expect(stderr()).to.include('a.txt: no a.txt').and.to.include('1 of 2 targets are complete');
  });

  it('lets a magnet link that finds nobody hold up no other target', async () => {
    const { output, stdout } = captureOutput();
    const { transfer, end } = aFakeTransfer({ name: 'b.txt' });
    const session = aSession(output, {
      download: ({ target }) => (target === 'b.txt' ? Promise.resolve(transfer) : new Promise<never>(() => undefined)),
    });
    const links = Array.from({ length: 20 }, (_, at) => `magnet:?xt=${at}`);

    const running = errorOf(
      new DownloadSession(output, session, [...links, 'b.txt'].map(request).map(downloadStart)).run(),
    );
    end({ state: 'complete' });
    while (!stdout().includes('Successfully Downloaded b.txt')) await nextTurn();
    process.emit('SIGINT');
    const error = await running;
    session.stop.close();

    expect(error.code).to.equal('P2P_INCOMPLETE');
    expect(error.details['downloads']).to.have.length(1);
  });

  it('passes the error of a lone target on as it is', async () => {
    const { output } = captureOutput();
    const thrown = new MetainfoError('P2P_METAINFO_INVALID', 'bad');
    const session = aSession(output, { download: () => Promise.reject(thrown) });

    expect(await errorOf(new DownloadSession(output, session, [request('a')].map(downloadStart)).run())).to.equal(
      thrown,
    );
    session.stop.close();
  });

  it('leaves the swarm on a signal and says that it is incomplete', async () => {
    const { output } = captureOutput();
    const { transfer, end } = aFakeTransfer();
    let closed = 0;
    const close = (): Promise<void> => {
      closed += 1;
      end({ state: 'stopped' });
      return Promise.resolve();
    };
    const session = aSession(output, { download: () => Promise.resolve(transfer), close });

    const running = errorOf(new DownloadSession(output, session, [request('story.txt')].map(downloadStart)).run());
    await Promise.resolve();
    process.emit('SIGINT');
    const error = await running;
    session.stop.close();

    expect(closed).to.equal(1);
    expect(error.code).to.equal('P2P_INCOMPLETE');
    expect(error.details).to.include({ stoppedBy: 'SIGINT' });
    expect(error.details['downloads']).to.have.length(1);
  });

  it('with --seed waits for a signal after the last piece, and is a success', async () => {
    const { output, stdout } = captureOutput();
    const { transfer, end } = aFakeTransfer();
    const session = aSession(output, { download: () => Promise.resolve(transfer) });

    const seeding = { ...request('story.txt'), seedAfter: true };
    const running = new DownloadSession(output, session, [seeding].map(downloadStart)).run();
    end({ state: 'complete' });
    while (!stdout().includes('Seeding on')) await nextTurn();
    process.emit('SIGINT');
    const result = await running;
    session.stop.close();

    expect(result).to.have.nested.property('downloads[0].state', 'complete');
  });
});
