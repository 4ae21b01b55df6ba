/** Scenario 15, what a stranger may send over a socket: it is cut off or ignored, and everybody else is served. */
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { scrape } from '../helpers/scrape.js';
import { useSwarm, type RunningSeed } from '../helpers/swarm-fixture.js';
import { testBytes } from '../helpers/test-bytes.js';
import { ID, TestPeer, words, type TestLink, type TestPeerOptions } from '../helpers/test-peer.js';

const PIECE_LENGTH = 16_384;
const DATA = testBytes(40 * PIECE_LENGTH + 100, 16);
const PIECE_COUNT = 41;
const MIB = 1024 * 1024;

/** What breaks the protocol: the connection is closed. */
const BREACHES: readonly { readonly title: string; readonly act: (link: TestLink) => void }[] = [
  { title: 'a have past the end', act: (link) => link.send(ID.have, words(PIECE_COUNT)) },
  { title: 'a have of 2^32 - 1', act: (link) => link.send(ID.have, words(0xffff_ffff)) },
  { title: 'a have of 3 bytes', act: (link) => link.send(ID.have, Buffer.alloc(3)) },
  { title: 'a request past the last piece', act: (link) => link.request(PIECE_COUNT, 0, 16_384) },
  { title: 'a request past the end of a piece', act: (link) => link.request(40, 0, 16_384) },
  { title: 'a request at an offset of 4 GiB', act: (link) => link.request(0, 0xffff_ff00, 16_384) },
  { title: 'a request of 0 bytes', act: (link) => link.request(0, 0, 0) },
  { title: 'a request of 4 GiB', act: (link) => link.request(0, 0, 0xffff_ffff) },
  { title: 'a bitfield that is too long', act: (link) => link.send(ID.bitfield, Buffer.alloc(7)) },
  { title: 'a bitfield that is too short', act: (link) => link.send(ID.bitfield, Buffer.alloc(5)) },
  { title: 'spare bits in the bitfield', act: (link) => link.send(ID.bitfield, Buffer.alloc(6, 0xff)) },
  { title: 'a message of 4 GiB', act: (link) => link.send(ID.piece, Buffer.alloc(100), 0xffff_ffff) },
  { title: 'a message of 1 MiB', act: (link) => link.send(ID.piece, Buffer.alloc(100), MIB) },
  { title: 'an unknown message of 100 MiB', act: (link) => link.send(99, Buffer.alloc(100), 100 * MIB) },
  { title: 'an extension handshake that is no bencode', act: (link) => link.send(ID.extended, Buffer.from('\0lllll')) },
];

/** First bytes that are no handshake of ours. */
const FOREIGN: readonly { readonly title: string; readonly bytes: Buffer }[] = [
  { title: 'an HTTP request', bytes: Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n') },
  { title: 'random bytes, as encrypted connections begin', bytes: testBytes(600, 99) },
  {
    title: 'a handshake of an unknown torrent',
    bytes: Buffer.concat([Buffer.from('\x13BitTorrent protocol'), testBytes(48, 1)]),
  },
];

describe('Scenario 15: hostile peers', function () {
  this.timeout(60_000);
  const swarm = useSwarm();
  let seed: RunningSeed;

  before(async () => {
    await swarm.startTracker();
    seed = await swarm.seed(swarm.file('shared.bin', DATA), ['--piece-length', '16K']);
  });

  for (const { title, act } of BREACHES) {
    it(`cuts off a peer that sends ${title}`, async () => {
      const { link } = await aStranger({ sendsBitfield: false, onHandshake: act });

      await link.closed;

      expect(link.handshaken, 'the handshake was answered').to.equal(true);
    });
  }

  for (const { title, bytes } of FOREIGN) {
    it(`hangs up on ${title}`, async () => {
      const socket = connect(seed.port, '127.0.0.1');
      socket.on('error', () => undefined);
      let answer = Buffer.alloc(0);
      socket.on('data', (chunk: Buffer) => (answer = Buffer.concat([answer, chunk])));
      socket.write(bytes);

      await new Promise<void>((resolve) => {
        socket.once('close', () => resolve());
      });

      expect(answer).to.have.length(0);
    });
  }

  it('drops blocks that nobody asked for, and keeps serving', async () => {
    const { peer, link } = await aStranger({});
    await link.until(() => link.handshaken);
    for (let round = 0; round < 50; round += 1) {
      link.send(ID.piece, Buffer.concat([words(3, 0), Buffer.alloc(16_384, round)]));
    }

    expect(await firstBlock(link)).to.equal(true);
    await peer.close();
  });

  it('rejects or cuts off who asks for more than 4,096 blocks without reading, within its memory', async () => {
    const strangers = await Promise.all(Array.from({ length: 8 }, () => aStranger({ sendsBitfield: false })));
    for (const { link } of strangers) {
      await link.until(() => link.handshaken);
      link.send(ID.interested);
      await link.until(() => link.unchokedUs);
      link.socket.pause();
      for (let round = 0; round < 20_000; round += 1) link.request(round % 40, 0, 16_384);
    }
    await Promise.all(strangers.map(({ link }) => drained(link)));

    const download = swarm.download('shared.bin');
    await download.completed();
    expectMemoryBelow(200 * MIB);
    await Promise.all(strangers.map(({ peer }) => peer.close()));
  });

  it('allocates nothing for the lengths that strangers announce', async () => {
    const greedy = { sendsBitfield: false, onHandshake: (link: TestLink) => link.send(ID.piece, words(0, 0), 131_080) };
    const strangers = await Promise.all(Array.from({ length: 40 }, () => aStranger(greedy)));
    await Promise.all(strangers.map(({ link }) => link.until(() => link.handshaken)));

    const download = swarm.download('shared.bin');
    await download.completed();

    expectMemoryBelow(200 * MIB);
    await Promise.all(strangers.map(({ peer }) => peer.close()));
  });

  it('completes a download beside peers that break every rule, and bans no honest one', async () => {
    const slow = await swarm.seed(swarm.file('shared.bin', DATA), ['--piece-length', '16K', '--upload-limit', '400K']);
    const evils = await Promise.all(BREACHES.map(({ act }) => aListener({ sendsBitfield: false, onHandshake: act })));
    const foreign = await aListener({ firstBytes: testBytes(300, 5) });
    const unasked = await aListener({
      ignores: () => true,
      onHandshake: (link) => link.send(ID.piece, Buffer.concat([words(1, 0), Buffer.alloc(16_384)])),
    });

    const download = swarm.download('shared.bin');
    await download.completed();

    expect(readFileSync(download.path('shared.bin')).equals(DATA)).to.equal(true);
    const banned = download.process.all('peer-banned').map((line) => line.peer);
    for (const { port } of [seed, slow]) expect(banned.join()).not.to.include(`:${port}`);
    const met = [...evils, foreign, unasked].filter((peer) => peer.links.length > 0);
    expect(met, 'peers that were tried').to.have.length.greaterThan(5);
    await Promise.all([...evils, foreign, unasked].map((peer) => peer.close()));
    await slow.process.stop();
  });

  it('serves on after all of that', async () => {
    const download = swarm.download('shared.bin');
    await download.completed();

    expect(readFileSync(download.path('shared.bin')).equals(DATA)).to.equal(true);
    expect(seed.process.isRunning).to.equal(true);
    expect(seed.process.stderr).to.equal('');
    expect((await scrape(swarm.tracker.url, seed.only.infoHash)).seeders).to.be.greaterThan(0);
  });

  /** A test peer that dialled the seeder. */
  async function aStranger(options: Partial<TestPeerOptions>): Promise<{ peer: TestPeer; link: TestLink }> {
    const peer = aPeer(options);
    return { peer, link: await peer.dial(seed.port) };
  }

  /** A test peer that downloaders find through the tracker. */
  async function aListener(options: Partial<TestPeerOptions>): Promise<TestPeer> {
    const peer = await aPeer(options).listen();
    await peer.announce(swarm.tracker.url);
    return peer;
  }

  function aPeer(options: Partial<TestPeerOptions>): TestPeer {
    const { infoHash } = seed.only;
    const peer = new TestPeer({ infoHash, data: DATA, pieceLength: PIECE_LENGTH, ...options });
    swarm.onClose(() => peer.close());
    return peer;
  }

  function expectMemoryBelow(limitBytes: number): void {
    const peakBytes = seed.process.memoryBytes('VmHWM');
    if (peakBytes !== undefined) expect(peakBytes / MIB, 'peak MiB of the seeder').to.be.below(limitBytes / MIB);
  }
});

/** Whether the peer at the other end serves a block. */
async function firstBlock(link: TestLink): Promise<boolean> {
  link.send(ID.interested);
  await link.until(() => link.unchokedUs);
  link.request(0, 0, 16_384);
  await link.until(() => link.received.some(({ id }) => id === ID.piece));
  return link.received.some(({ id }) => id === ID.piece);
}

/** Settles when all that was written went out, or the connection is gone. */
async function drained(link: TestLink): Promise<void> {
  if (!link.isOpen || link.socket.writableLength === 0) return;
  await new Promise<void>((resolve) => {
    link.socket.once('drain', resolve);
    link.socket.once('close', () => resolve());
    link.socket.resume();
  });
}
