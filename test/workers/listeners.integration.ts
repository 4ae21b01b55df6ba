import { expect } from 'chai';
import net from 'node:net';

import type { PeerAddress } from '../../src/protocol/peer-address.js';
import type { P2pError } from '../../src/errors.js';
import { Listeners } from '../../src/workers/listeners.js';

describe('Listeners', () => {
  const listeners: Listeners[] = [];
  const sockets: net.Socket[] = [];

  afterEach(() => {
    for (const each of listeners.splice(0)) each.close();
    for (const socket of sockets.splice(0)) socket.destroy();
  });

  function aListener(): { listeners: Listeners; accepted: PeerAddress[]; changed: () => Promise<void> } {
    const accepted: PeerAddress[] = [];
    let wake: () => void = () => undefined;
    const made = new Listeners((socket, address) => {
      sockets.push(socket.on('error', () => undefined));
      accepted.push(address);
      wake();
    });
    listeners.push(made);
    return { listeners: made, accepted, changed: () => new Promise((resolve) => (wake = resolve)) };
  }

  function dial(port: number, host = '127.0.0.1'): net.Socket {
    const socket = net.connect(port, host);
    sockets.push(socket.on('error', () => undefined));
    return socket;
  }

  it('takes any free port, on IPv4 as well', async () => {
    const { listeners: made, accepted, changed } = aListener();
    const port = await made.listen(undefined, 0);

    const next = changed();
    dial(port);
    await next;

    expect(accepted).to.have.length(1);
    expect(accepted[0]?.host).to.equal('127.0.0.1');
  });

  it('says that a port is taken', async () => {
    const one = aListener();
    const port = await one.listeners.listen('127.0.0.1', 0);

    const failure = await one.listeners.listen('127.0.0.1', port).catch((error: unknown) => error as P2pError);

    expect(failure).to.have.property('code', 'P2P_PORT_TAKEN');
    expect(failure).to.have.property('message').that.contains(String(port));
  });

  it('says so too when another program has that port for IPv6 alone', async function () {
    const other = net.createServer();
    const isIpv6 = await new Promise<boolean>((resolve) => {
      other.once('error', () => resolve(false)).listen({ host: '::', port: 0, ipv6Only: true }, () => resolve(true));
    });
    if (!isIpv6) return this.skip();
    const { port } = other.address() as net.AddressInfo;

    const failure = await aListener()
      .listeners.listen(undefined, port)
      .catch((error: unknown) => error as P2pError);

    other.close();
    expect(failure).to.have.property('code', 'P2P_PORT_TAKEN');
  });

  it('says that a host is none of this machine', async () => {
    const failure = await aListener()
      .listeners.listen('192.0.2.1', 0)
      .catch((error: unknown) => error as P2pError);

    expect(failure).to.have.property('code', 'P2P_OPTION_INVALID');
  });

  it('takes hundreds from loopback and then no more, until one leaves', async () => {
    const { listeners: made, accepted, changed } = aListener();
    const port = await made.listen('127.0.0.1', 0);
    while (accepted.length < 512) {
      const next = changed();
      dial(port);
      await next;
    }

    const refused = dial(port).resume();
    await new Promise((resolve) => refused.once('close', resolve));
    expect(accepted).to.have.length(512);
    made.handleClosed({ host: '127.0.0.1', port: 1 });
    const next = changed();
    dial(port);
    await next;

    expect(accepted).to.have.length(513);
  });
});
