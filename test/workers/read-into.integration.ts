import { expect } from 'chai';
import { once } from 'node:events';
import net from 'node:net';

import { readInto } from '../../src/workers/read-into.js';

describe('readInto', () => {
  const sockets: net.Socket[] = [];
  let server: net.Server | undefined;

  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    const closing = server;
    server = undefined;
    if (closing) await new Promise((resolve) => closing.close(resolve));
  });

  /** Both ends of a connection. */
  async function aConnection(): Promise<{ accepted: net.Socket; dialled: net.Socket }> {
    const listening = net.createServer().listen(0, '127.0.0.1');
    server = listening;
    await once(listening, 'listening');
    const { port } = listening.address() as net.AddressInfo;
    const dialled = net.connect(port, '127.0.0.1');
    const [accepted] = (await once(listening, 'connection')) as [net.Socket];
    sockets.push(accepted, dialled);
    return { accepted, dialled };
  }

  it('hands out all bytes as views of the one buffer, and then the end', async () => {
    const { accepted, dialled } = await aConnection();
    const buffer = new Uint8Array(1_000);
    const came: number[] = [];
    const memories = new Set<ArrayBufferLike>();
    readInto(accepted, buffer, (chunk) => {
      memories.add(chunk.buffer);
      came.push(...chunk);
      return true;
    });
    const sent = Uint8Array.from({ length: 10_000 }, (_, index) => index % 251);

    dialled.end(sent);
    await once(accepted, 'end');

    expect(came).to.deep.equal([...sent]);
    expect([...memories]).to.deep.equal([buffer.buffer]);
  });

  it('stops when it is told to, until the socket is resumed', async () => {
    const { accepted, dialled } = await aConnection();
    const came: string[] = [];
    let wake: () => void = () => undefined;
    const next = (): Promise<void> => new Promise((resolve) => (wake = resolve));
    readInto(accepted, new Uint8Array(4), (chunk) => {
      came.push(Buffer.from(chunk).toString());
      wake();
      return false;
    });

    const first = next();
    dialled.write('onetwo');
    await first;
    await new Promise((resolve) => setImmediate(resolve));
    expect(came).to.deep.equal(['onet']);

    const second = next();
    accepted.resume();
    await second;
    expect(came).to.deep.equal(['onet', 'wo']);
  });

  it('says the end of a peer that leaves without a word', async () => {
    const { accepted, dialled } = await aConnection();
    readInto(accepted, new Uint8Array(4), () => true);

    dialled.end();
    await once(accepted, 'close');

    expect(accepted.destroyed).to.equal(true);
  });

  it('reads the plain way where a socket is not as it was', async () => {
    const { accepted, dialled } = await aConnection();
    Object.assign((accepted as unknown as { _handle: object })._handle, { useUserBuffer: undefined });
    const came: string[] = [];
    readInto(accepted, new Uint8Array(2), (chunk) => {
      came.push(Buffer.from(chunk).toString());
      return true;
    });

    dialled.end('plain');
    await once(accepted, 'end');

    expect(came.join('')).to.equal('plain');
  });
});
