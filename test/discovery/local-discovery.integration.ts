import { expect } from 'chai';
import dgram from 'node:dgram';

import { LocalDiscovery } from '../../src/discovery/local-discovery.js';
import { LOCAL_GROUPS } from '../../src/protocol/local-announce.js';
import type { LocalPeer } from '../../src/swarm/local-announces.js';
import { eventually } from '../helpers/eventually.js';

const HASH = 'aa'.repeat(20);

describe('LocalDiscovery', () => {
  const opened: LocalDiscovery[] = [];
  let groupPort = 0;

  before(async function () {
    // Multicast to this machine itself; a sandbox may forbid it.
    const socket = dgram.createSocket({ type: 'udp4', reuseAddr: true });
    await new Promise<void>((resolve) => socket.bind(0, resolve));
    groupPort = socket.address().port;
    try {
      socket.addMembership(LOCAL_GROUPS.ipv4);
    } catch {
      this.skip();
    } finally {
      await new Promise<void>((resolve) => socket.close(resolve));
    }
  });

  afterEach(async () => {
    await Promise.all(opened.splice(0).map((each) => each.close()));
  });

  function open(peerPort: number): { readonly discovery: LocalDiscovery; readonly found: LocalPeer[] } {
    const found: LocalPeer[] = [];
    const discovery = new LocalDiscovery({ peerPort, groupPort, onPeer: (peer) => found.push(peer) });
    opened.push(discovery);
    return { discovery, found };
  }

  it('tells two peers of one machine of each other, though they share the port', async () => {
    const first = open(9_001);
    first.discovery.join(HASH);
    const second = open(9_002);
    second.discovery.join(HASH);

    await eventually('the other peer', async () => first.found.length > 0);

    expect(first.found[0]?.infoHash).to.equal(HASH);
    expect(first.found.every(({ address }) => address.port === 9_002)).to.equal(true);
    expect(second.found.every(({ address }) => address.port === 9_001)).to.equal(true);
  });

  it('outlives whatever comes in', async () => {
    const first = open(9_001);
    first.discovery.join(HASH);
    const socket = dgram.createSocket('udp4');
    const send = (text: string): Promise<void> =>
      new Promise((resolve) => socket.send(text, groupPort, '127.0.0.1', () => resolve()));
    for (const junk of ['', 'BT-SEARCH * HTTP/1.1', 'BT-SEARCH * HTTP/1.1\r\n', 'x'.repeat(9_000)]) await send(junk);
    await send(`BT-SEARCH * HTTP/1.1\r\nPort: 7\r\nInfohash: ${HASH}\r\n`);

    await eventually('the other peer', async () => first.found.length > 0);
    await new Promise<void>((resolve) => socket.close(resolve));

    expect(first.found).to.deep.equal([{ infoHash: HASH, address: { host: '127.0.0.1', port: 7 } }]);
  });

  it('closes twice, and before it began', async () => {
    const { discovery } = open(9_001);

    await discovery.close();
    await discovery.close();
    discovery.join(HASH);
  });
});
