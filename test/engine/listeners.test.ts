import { expect } from 'chai';
import { openListeners, reopenListeners, type ListenPool } from '../../src/engine/listeners.js';
import { OptionError } from '../../src/errors.js';
import { rejection } from './engine-fixture.js';

/** A pool of two workers that notes who listens where; `taken` ports are refused. */
function aPool(taken: readonly number[] = []): { pool: ListenPool; opened: { worker: number; port: number }[] } {
  const opened: { worker: number; port: number }[] = [];
  const busy = new Set(taken);
  let free = 50_000;
  const pool: ListenPool = {
    hostCount: 2,
    request: (worker, message) => {
      if (message.type !== 'listen') throw new Error(message.type);
      const port = message.port === 0 ? (free += 1) : message.port;
      if (busy.has(port)) return Promise.reject(new OptionError(`port ${port} is taken`, {}, 'P2P_PORT_TAKEN'));
      busy.add(port);
      opened.push({ worker, port });
      return Promise.resolve(port);
    },
  };
  return { pool, opened };
}

describe('openListeners', () => {
  const request = { host: undefined, port: 9000, portIsFixed: false, portCount: 1 };

  it('takes the port', async () => {
    expect(await openListeners(aPool().pool, request)).to.deep.equal([9000]);
  });

  it('moves on from taken default ports', async () => {
    expect(await openListeners(aPool([9000, 9001]).pool, request)).to.deep.equal([9002]);
  });

  it('gives up after a hundred', async () => {
    const taken = Array.from({ length: 200 }, (_, at) => 9000 + at);

    await rejection('P2P_PORT_TAKEN', openListeners(aPool(taken).pool, request));
  });

  it('does not move on from a fixed port', async () => {
    await rejection('P2P_PORT_TAKEN', openListeners(aPool([9000]).pool, { ...request, portIsFixed: true }));
  });

  it('does not look above the last port', async () => {
    await rejection('P2P_PORT_TAKEN', openListeners(aPool([65_535]).pool, { ...request, port: 65_535 }));
  });

  it('opens the next ports in one worker after the other', async () => {
    const { pool, opened } = aPool([9001]);

    const ports = await openListeners(pool, { ...request, portCount: 3 });

    expect(ports).to.deep.equal([9000, 9002, 9003]);
    expect(opened.map(({ worker }) => worker)).to.deep.equal([0, 1, 0]);
  });

  it('takes any free ports for 0', async () => {
    expect(await openListeners(aPool().pool, { ...request, port: 0, portCount: 2 })).to.deep.equal([50_001, 50_002]);
  });

  it('opens again what a lost worker held, and nothing else', async () => {
    const { pool, opened } = aPool();

    await reopenListeners(pool, 0, { host: undefined, ports: [9000, 9001, 9002] });

    expect(opened).to.deep.equal([
      { worker: 0, port: 9000 },
      { worker: 0, port: 9002 },
    ]);
  });
});
