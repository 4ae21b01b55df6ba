import { expect } from 'chai';
import dgram from 'node:dgram';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { openDhtNode, type DhtNode } from '../../src/discovery/dht-node.js';
import { formatAddress, type PeerAddress } from '../../src/protocol/peer-address.js';
import { eventually } from '../helpers/eventually.js';
import { freePort } from '../helpers/free-port.js';
import { bencode } from '../helpers/naive-bencode.js';

const HASH = 'ab'.repeat(20);
const HOST = '127.0.0.1';

describe('DhtNode', () => {
  const nodes: DhtNode[] = [];
  let stateDir = '';

  beforeEach(() => (stateDir = mkdtempSync(join(tmpdir(), 'p2p-dht-'))));
  afterEach(async () => {
    await Promise.all(nodes.splice(0).map((node) => node.close()));
    rmSync(stateDir, { recursive: true });
  });

  async function open(options: { readonly port?: number; readonly entry?: DhtNode; readonly found?: string[] } = {}) {
    const { port = 0, entry, found = [] } = options;
    const node = await openDhtNode({
      port,
      host: HOST,
      bootstrap: entry ? [{ host: HOST, port: entry.port }] : [],
      stateDir,
      onPeer: (infoHash: string, address: PeerAddress) => found.push(`${infoHash} ${formatAddress(address)}`),
    });
    nodes.push(node);
    return node;
  }

  it('lets two peers meet that know one node alone', async () => {
    const entry = await open();
    const found: string[] = [];
    const first = await open({ entry });
    first.join(HASH, 9_001);
    const second = await open({ entry, found });
    second.join(HASH, 9_002);

    await eventually('the second to find the first', async () => found.includes(`${HASH} ${HOST}:9001`));

    expect(entry.nodeCount).to.be.at.least(2);
  });

  it('finds another by the port that a peer told of', async () => {
    const found: string[] = [];
    const first = await open();
    const second = await open({ found });
    first.join(HASH, 9_001);
    second.addNode({ host: HOST, port: first.port });
    await eventually('the nodes to know each other', async () => first.nodeCount > 0 && second.nodeCount > 0);

    second.join(HASH, 9_002);

    await eventually('the second to find the first', async () => found.includes(`${HASH} ${HOST}:9001`));
  });

  it('keeps id and neighbours for its next start on the same port', async () => {
    const entry = await open();
    const port = await freePort();
    const kept = (): unknown => JSON.parse(readFileSync(join(stateDir, 'dht', `${port}.json`), 'utf8'));
    const node = await open({ port, entry });
    await eventually('the entry to be known', async () => node.nodeCount > 0);
    await node.close();
    const before = kept();

    const again = await open({ port, entry });
    await eventually('the entry to be known again', async () => again.nodeCount > 0);
    await again.close();

    expect(kept()).to.deep.equal(before);
    expect(before).to.deep.include({ nodes: [{ host: HOST, port: entry.port }] });
  });

  it('begins anew when what it kept is damaged', async () => {
    const port = await freePort();
    const file = join(stateDir, 'dht', `${port}.json`);
    await (await open({ port })).close();

    for (const damage of ['', '{', 'null', '[]', '{"nodeId":7}', '{"nodeId":"zz","nodes":[{"host":"x"}]}']) {
      writeFileSync(file, damage);
      await (await open({ port })).close();
      expect(JSON.parse(readFileSync(file, 'utf8')))
        .to.have.property('nodeId')
        .that.matches(/^[0-9a-f]{40}$/);
    }
  });

  it('outlives what would end the process, and answers on', async () => {
    const node = await open();
    const stranger = dgram.createSocket('udp4');
    const answers: Buffer[] = [];
    stranger.on('message', (bytes) => answers.push(bytes));
    const send = (bytes: Uint8Array): Promise<void> =>
      new Promise((resolve) => stranger.send(bytes, node.port, HOST, () => resolve()));
    const id = Buffer.alloc(20, 1);

    await send(bencode({ t: 'aa', y: 'q', q: 'find_node', a: { id, target: 5 } }));
    await send(bencode({ t: 'aa', y: 'q', q: 'get_peers', a: { id, info_hash: 5 } }));
    await send(bencode({ t: 'aa', y: 'q', q: 'announce_peer', a: { id, info_hash: id, token: 5, port: 1 } }));
    await send(bencode({ t: 'aa', y: { toString: 1 }, q: 'ping', a: { id } }));
    await send(bencode({ t: 'ok', y: 'q', q: 'ping', a: { id } }));
    await eventually('the answer to a ping', async () => answers.length > 0);
    await new Promise<void>((resolve) => stranger.close(resolve));

    expect(answers.map((bytes) => bytes.toString('latin1').includes('1:t2:ok'))).to.deep.equal([true]);
  });

  it('answers one address no more than 200 times a second', async () => {
    const node = await open();
    const stranger = dgram.createSocket('udp4');
    let answered = 0;
    stranger.on('message', () => (answered += 1));
    const ping = bencode({ t: 'aa', y: 'q', q: 'ping', a: { id: Buffer.alloc(20, 1) } });
    const startedMs = performance.now();
    for (let n = 0; n < 600; n += 1) {
      await new Promise<void>((resolve) => stranger.send(ping, node.port, HOST, () => resolve()));
    }
    const seconds = Math.ceil((performance.now() - startedMs) / 1_000) + 1;
    await eventually('the last answer', async () => answered >= 200);
    await new Promise<void>((resolve) => stranger.close(resolve));

    expect(answered).to.be.at.most(200 * seconds);
  });

  it('takes another port than a taken one, unless that is fixed', async () => {
    const first = await open();
    const second = await open({ port: first.port });

    expect(second.port).to.not.equal(first.port);
    const fixed = openDhtNode({ port: first.port, portIsFixed: true, host: HOST, bootstrap: [], stateDir });
    const error: unknown = await fixed.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).to.have.property('code', 'EADDRINUSE');
  });
});
