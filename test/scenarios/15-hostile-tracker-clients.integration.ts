/** Scenario 15, what a stranger may send to the tracker. */
import { expect } from 'chai';
import { connect } from 'node:net';
import { bdecode, member } from '../helpers/naive-bencode.js';
import { scrape } from '../helpers/scrape.js';
import { useSwarm } from '../helpers/swarm-fixture.js';

const HASH = '%01'.repeat(20);
const INFO_HASH = '01'.repeat(20);
const GOOD = `info_hash=${HASH}&peer_id=${'%02'.repeat(20)}&uploaded=0&downloaded=0&left=0&compact=1`;

describe('Scenario 15: hostile clients of the tracker', function () {
  this.timeout(30_000);
  const swarm = useSwarm();

  before(() => swarm.startTracker());

  for (const { title, query } of [
    { title: 'a short info_hash', query: GOOD.replace(HASH, '%01') },
    { title: 'no info_hash', query: 'port=7000&left=0' },
    { title: 'port 0', query: `${GOOD}&port=0` },
    { title: 'port 70000', query: `${GOOD}&port=70000` },
    { title: 'no port', query: GOOD },
  ]) {
    it(`answers an announce with ${title} by a failure reason`, async () => {
      const reply = await announce(query);

      expect(member(bdecode(reply), 'failure reason'))
        .to.have.property('length')
        .that.is.greaterThan(0);
      expect(await scrape(swarm.tracker.url, INFO_HASH)).to.deep.equal({ seeders: 0, leechers: 0 });
    });
  }

  it('lists the sender, not the ip= of a third party, and not a billion peers', async () => {
    await announce(`${GOOD}&port=7001&ip=192.0.2.1`);

    const another = GOOD.replaceAll('%02', '%03').replace('left=0', 'left=5');
    const reply = await announce(`${another}&port=7002&numwant=1000000000`);

    const peers = member(bdecode(reply), 'peers') as Buffer;
    expect([...peers]).to.deep.equal([127, 0, 0, 1, 7001 >> 8, 7001 & 255]);
  });

  for (const { title, bytes } of [
    { title: 'bytes that are no HTTP', bytes: 'x'.repeat(100) },
    { title: 'a URL of 20 KB', bytes: `GET /announce?${'a'.repeat(20_000)} HTTP/1.1\r\nHost: x\r\n\r\n` },
    { title: 'a header of 100 KB', bytes: `GET / HTTP/1.1\r\nX: ${'a'.repeat(100_000)}\r\n\r\n` },
    {
      title: 'an upload that announces 20 GB',
      bytes: 'PUT /api/torrents HTTP/1.1\r\nHost: x\r\nContent-Length: 20000000000\r\n\r\n' + 'd'.repeat(20_000_000),
    },
  ]) {
    it(`refuses ${title} and goes on`, async () => {
      const answer = await spoken(bytes);

      expect(answer).to.match(/^HTTP\/1\.1 4\d\d /);
      expect((await fetch(swarm.tracker.url.replace(/announce$/, 'api/stats'))).status).to.equal(200);
    });
  }

  it('takes no garbage into its catalogue', async () => {
    const url = swarm.tracker.url.replace(/announce$/, 'api/torrents');

    const reply = await fetch(url, { method: 'PUT', body: 'l'.repeat(20_000) });

    expect(reply.status).to.be.within(400, 499);
    expect(swarm.tracker.process.isRunning).to.equal(true);
  });

  async function announce(query: string): Promise<Buffer> {
    const reply = await fetch(`http://127.0.0.1:${swarm.tracker.port}/announce?${query}`);
    return Buffer.from(await reply.arrayBuffer());
  }

  /** What the tracker answers to raw bytes until it closes the connection. */
  async function spoken(bytes: string): Promise<string> {
    const socket = connect(swarm.tracker.port, '127.0.0.1');
    let answer = '';
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')));
    socket.write(bytes);
    await new Promise<void>((resolve) => {
      socket.once('close', () => resolve());
      socket.once('data', () => socket.end());
    });
    return answer;
  }
});
