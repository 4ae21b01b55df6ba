import { expect } from 'chai';
import { Interrupted, StopSignal, stopExitCode } from '../../src/cli/stop-signal.js';

describe('StopSignal', () => {
  it('turns the first signal into a reason and leaves no listener behind', async () => {
    const before = process.listenerCount('SIGTERM');
    const stop = new StopSignal();

    process.emit('SIGTERM');

    expect(await stop.requested).to.equal('SIGTERM');
    expect(stop.reason).to.equal('SIGTERM');
    stop.close();
    expect(process.listenerCount('SIGTERM')).to.equal(before);
  });

  it('takes the typed exit for a reason, once', async () => {
    const stop = new StopSignal();

    stop.requestExit();
    stop.requestExit();

    expect(await stop.requested).to.equal('exit');
    stop.close();
  });

  it('breaks work off', async () => {
    const stop = new StopSignal();
    const work = stop.unlessStopped(new Promise(() => {}));

    process.emit('SIGINT');

    const thrown: unknown = await work.catch((error: unknown) => error);
    stop.close();
    expect(thrown).to.be.instanceOf(Interrupted).and.to.have.property('reason', 'SIGINT');
  });

  it('lets finished work through', async () => {
    const stop = new StopSignal();

    expect(await stop.unlessStopped(Promise.resolve(7))).to.equal(7);
    stop.close();
  });

  it('takes the exit code that the command names, else that of the reason', () => {
    expect(new Interrupted('closed-pipe', 4).exitCode).to.equal(4);
    expect(new Interrupted('SIGINT').exitCode).to.equal(130);
  });

  it('knows the exit codes of shells', () => {
    const codes = (['SIGINT', 'SIGTERM', 'closed-pipe', 'exit'] as const).map(stopExitCode);

    expect(codes).to.deep.equal([130, 143, 0, 4]);
  });
});
