import { expect } from 'chai';

import { BLOCK_LENGTH } from '../../src/metainfo/piece-layout.js';
import { DONT_HAVE_EXTENSION_ID, encodeDontHave } from '../../src/protocol/dont-have-message.js';
import { encodeExtensionHandshake, type OurExtensions } from '../../src/protocol/extension-handshake.js';
import { encodeMessage, encodePiece, type SendableMessage } from '../../src/protocol/message-encoder.js';
import { encodePeerExchange, PEER_EXCHANGE_ID } from '../../src/protocol/peer-exchange.js';
import { BlockClaims } from '../../src/workers/block-claims.js';
import { aWorker, range, type Side, type Worker, type WorkerOptions } from './one-worker.js';
import { turns, until, useTorrents } from './torrent-on-disk.js';

const BLOCKS = 8;

describe('PeerTrade', () => {
  const aTorrent = useTorrents();

  function someWorker({ pieces = 3, ...options }: WorkerOptions & { pieces?: number } = {}): Worker {
    const lengths = pieces * BLOCKS * BLOCK_LENGTH - 99;
    return aWorker(aTorrent({ pieceLengthBytes: BLOCKS * BLOCK_LENGTH, lengths }), options);
  }

  function requests(pieceIndex: number, ...blocks: number[]): string[] {
    return blocks.map((block) => `request ${pieceIndex}:${block}`);
  }

  const ALL = Array.from({ length: BLOCKS }, (_, block) => block);

  it('greets with what is offered, and says how it speaks', () => {
    expect(someWorker().link().said()).to.deep.equal(['have-none', 'extended']);
    expect(someWorker({ offers: true }).link().said()).to.deep.equal(['have-all', 'extended']);
    expect(someWorker({ offers: true }).link({ fast: false }).said()).to.deep.equal(['bitfield', 'extended']);
    const partly = someWorker();
    partly.torrent.offered.set(1);
    expect(partly.link().said()).to.deep.equal(['bitfield', 'extended']);
  });

  it('looks like a downloader while it super-seeds, says which pieces were asked for, and in the end what it is', () => {
    const worker = someWorker({ offers: true });
    const side = worker.link({ superSeeds: true });
    side.trade.unchoke();
    expect(side.said()).to.deep.equal(['have-none', 'extended', 'unchoke']);

    side.trade.showPieces([worker.disk.piece(2)], false);
    for (const block of [0, 1]) side.hears({ type: 'request', ...range(worker, 2, block) });
    expect(side.said()).to.include('have 2');
    expect(worker.events('peer-asked').map(({ pieceIndices }) => pieceIndices)).to.deep.equal([[2]]);

    side.trade.showPieces([worker.disk.piece(0), worker.disk.piece(1)], true);
    expect(side.said()).to.include.members(['have 0', 'have 1', 'extended']);
  });

  it('takes pieces back that are not there any more (BEP 54)', () => {
    const worker = someWorker({ offers: true });
    const side = worker.link();
    side.hears(takesDontHaves());
    side.trade.unchoke();
    side.said();

    side.trade.sendDontHaves([worker.disk.piece(1), worker.disk.piece(2)]);

    expect(side.said()).to.deep.equal(['extended', 'extended']);
    expect(side.closed).to.deep.equal([]);
  });

  it('hangs up on a peer that cannot be told that pieces are not there any more', () => {
    const worker = someWorker({ offers: true });
    const [untold, cannotBeRefused] = [worker.link(), worker.link({ fast: false })];
    cannotBeRefused.hears(takesDontHaves());

    for (const side of [untold, cannotBeRefused]) {
      side.said();
      side.trade.sendDontHaves([worker.disk.piece(1)]);
      expect(side.said()).to.deep.equal([]);
      expect(side.closed).to.deep.equal(['ours: pieces are not there any more']);
    }
  });

  it('tells new pieces at the next tick, or with the next requests', () => {
    const worker = someWorker();
    const side = worker.link();
    side.said();

    side.trade.sendHaves([worker.disk.piece(1)]);
    side.trade.sendHaves([worker.disk.piece(2)]);
    expect(side.said()).to.deep.equal([]);
    side.trade.handleTick(worker.nowMs);
    expect(side.said()).to.deep.equal(['have 1', 'have 2']);

    side.trade.sendHaves([worker.disk.piece(1)]);
    worker.fetch(side, 0);
    expect(side.said()[0]).to.equal('have 1');
  });

  it('fetches a piece', async () => {
    const worker = someWorker();
    const side = worker.link();
    side.said();

    worker.fetch(side, 1);
    expect(side.said()).to.deep.equal(requests(1, ...ALL));
    for (const block of ALL) side.answers(1, block);
    await until(() => worker.events('piece-verified').length > 0);

    expect(worker.disk.onDisk().equals(Buffer.from(worker.disk.bytes))).to.equal(false);
    expect(worker.disk.pool.usedBytes).to.equal(0);
    expect(side.trade.measure(worker.nowMs)).to.deep.include({
      downTotalBytes: BLOCKS * BLOCK_LENGTH,
      inFlightBytes: 0,
    });
  });

  describe('peer exchange (BEP 11)', () => {
    const peers = {
      added: [{ address: { host: '10.0.0.9', port: 9 }, isSeed: false, isReachable: true }],
      dropped: [],
    };

    function exchangeMessage(extensionId: number): Parameters<Side['hears']>[0] {
      return { type: 'extended', extensionId, payload: encodePeerExchange(peers) };
    }

    it('goes to a peer that takes it, under the id that it gave', () => {
      const side = someWorker().link();
      side.said();

      side.trade.exchangePeers({ ...peers });
      expect(side.said()).to.deep.equal([]);
      side.trade.readMessages(takesExchange(7));
      side.trade.exchangePeers({ ...peers });

      expect(side.said()).to.deep.equal(['extended']);
    });

    it('is read once in 45 s', () => {
      const worker = someWorker();
      const side = worker.link();
      for (const nowMs of [1_000, 1_001, 45_999, 46_000, 46_001]) {
        worker.nowMs = nowMs;
        side.hears(exchangeMessage(PEER_EXCHANGE_ID));
      }

      expect(worker.events('peers-exchanged').map(({ added }) => added)).to.deep.equal([peers.added, peers.added]);
    });

    it('is neither taken nor said in a private torrent', () => {
      const worker = someWorker({ isPrivate: true });
      const side = worker.link();
      side.trade.readMessages(takesExchange(7));
      side.said();

      side.hears(exchangeMessage(PEER_EXCHANGE_ID));
      side.trade.exchangePeers({ ...peers });

      expect(worker.events('peers-exchanged')).to.deep.equal([]);
      expect(side.said()).to.deep.equal([]);
    });
  });

  describe('when the peer chokes', () => {
    it('gives pieces back at once, if it does not speak BEP 6', async () => {
      const worker = someWorker();
      const side = worker.link({ fast: false });
      worker.fetch(side, 0);
      side.answers(0, 0);

      side.hears({ type: 'choke' });
      await until(() => worker.events('piece-released').length > 0);

      expect(worker.events('piece-released')[0]?.partial).to.deep.equal([
        { source: `peer ${side.linkId}`, blocks: Uint8Array.of(0x80) },
      ]);
      expect(worker.disk.pool.usedBytes).to.equal(0);
      expect(worker.torrent.assemblies.size).to.equal(0);
    });

    it('waits for what is on its way, if it does', async () => {
      const worker = someWorker();
      const side = worker.link();
      worker.fetch(side, 0);

      side.hears({ type: 'choke' });
      side.answers(0, 0);
      for (const block of ALL.slice(1, 7)) side.rejects(0, block);
      await turns();
      expect(worker.events('piece-released')).to.have.length(0);
      side.answers(0, 7);
      await until(() => worker.events('piece-released').length > 0);

      expect(worker.events('piece-released')[0]?.partial[0]?.blocks[0]).to.equal(0b1000_0001);
    });

    it('waits two seconds for refusals and no longer', async () => {
      const worker = someWorker();
      const side = worker.link();
      worker.fetch(side, 0);
      side.hears({ type: 'choke' });

      side.trade.handleTick(worker.nowMs + 2_000);
      await turns();
      expect(worker.events('piece-released')).to.have.length(0);
      side.trade.handleTick(worker.nowMs + 2_001);
      await until(() => worker.events('piece-released').length > 0);
    });

    it('asks again for what was refused, when it unchokes before all is settled', () => {
      const worker = someWorker();
      const side = worker.link();
      worker.fetch(side, 0);
      side.hears({ type: 'choke' });
      for (const block of [1, 2, 3]) side.rejects(0, block);
      side.said();

      side.hears({ type: 'unchoke' });

      expect(side.said()).to.deep.equal(requests(0, 1, 2, 3));
      return side.close();
    });

    it('takes no piece meanwhile', () => {
      const side = someWorker().link({ unchokes: false });
      expect(side.trade.canFetch).to.equal(false);
    });
  });

  describe('when the peer refuses', () => {
    it('gives the piece back', async () => {
      const worker = someWorker();
      const side = worker.link();
      worker.fetch(side, 0);
      side.said();

      side.rejects(0, 2);
      await until(() => worker.events('piece-released').length > 0);

      expect(side.said()).to.deep.equal([0, 1, 3, 4, 5, 6, 7].map((block) => `cancel 0:${block}`));
    });

    it('passes over refusals of what it took back', async () => {
      const worker = someWorker();
      const side = worker.link();
      worker.fetch(side, 0);
      side.trade.releasePiece(worker.disk.piece(0));

      for (let round = 0; round < 20; round += 1) for (const block of ALL) side.rejects(0, block);
      await until(() => worker.events('piece-released').length > 0);

      expect(worker.events('piece-released')).to.have.length(1);
    });

    it('leaves a peer that refuses again and again without choking', () => {
      const worker = someWorker();
      const side = worker.link();
      const refuse = (): void => {
        worker.fetch(side, 0);
        side.rejects(0, 0);
      };

      for (let count = 0; count < 64; count += 1) refuse();

      expect(side.closed).to.deep.equal([]);
      refuse();

      expect(side.closed, 'without blame').to.deep.equal(['timeout: refused 64 requests without choking']);
      return side.close();
    });
  });

  it('bears a peer that refuses now and then and serves in between', async () => {
    const worker = someWorker();
    const side = worker.link();

    for (let count = 0; count < 200; count += 1) {
      worker.fetch(side, 0);
      side.answers(0, 0);
      side.rejects(0, 1);
    }

    await side.close();
    expect(worker.disk.pool.usedBytes).to.equal(0);
  });

  describe('helped in its own thread', () => {
    async function helped(): Promise<{ worker: Worker; owner: Side; helper: Side }> {
      const worker = someWorker();
      const [owner, helper] = [worker.link(), worker.link()];
      // Room for four requests.
      owner.trade.readMessages(reqq(4));
      const assembly = worker.fetch(owner, 0);
      helper.trade.fetch(assembly, true);
      helper.trade.pump();
      await turns();
      expect(owner.said().slice(2)).to.deep.equal(requests(0, 0, 1, 2, 3));
      expect(helper.said().slice(2)).to.deep.equal(requests(0, 7, 6, 5, 4));
      for (const block of [0, 1, 2, 3]) owner.answers(0, block);
      return { worker, owner, helper };
    }

    it('has a piece from two peers, nothing twice', async () => {
      const { worker, helper } = await helped();

      for (const block of [7, 6, 5, 4]) helper.answers(0, block);
      await until(() => worker.events('piece-verified').length > 0);

      expect(worker.disk.pool.usedBytes).to.equal(0);
    });

    for (const [name, leave] of [
      ['chokes', (helper: Side) => helper.trade.handleTick(1e9)],
      ['is told to stop', (helper: Side, worker: Worker) => helper.trade.releasePiece(worker.disk.piece(0))],
      ['loses its connection', (helper: Side) => void helper.close()],
      ['is refused', (helper: Side) => helper.rejects(0, 5)],
    ] as const) {
      it(`asks for the rest itself when the helper ${name}`, async () => {
        const { worker, owner, helper } = await helped();
        helper.answers(0, 7);
        if (name === 'chokes') helper.hears({ type: 'choke' });

        leave(helper, worker);
        expect(owner.said()).to.deep.equal(requests(0, 4, 5, 6));
        for (const block of [4, 5, 6]) owner.answers(0, block);
        await until(() => worker.events('piece-verified').length > 0);

        expect(worker.events('piece-released').map(({ linkId }) => linkId)).to.deep.equal([helper.linkId]);
        expect(worker.disk.pool.usedBytes).to.equal(0);
      });
    }

    it('takes over from a helper that gives nothing for a second', async () => {
      const { worker, owner, helper } = await helped();

      owner.trade.handleTick(worker.nowMs);
      owner.trade.handleTick(worker.nowMs + 999);
      expect(owner.said()).to.deep.equal([]);
      owner.trade.handleTick(worker.nowMs + 1_000);

      expect(helper.said()).to.deep.equal([7, 6, 5, 4].map((block) => `cancel 0:${block}`));
      expect(owner.said()).to.deep.equal(requests(0, 4, 5, 6, 7));
      await owner.close();
    });
  });

  describe('helping another thread', () => {
    it('says that it stopped only when its last block is on disk', async () => {
      const worker = someWorker();
      const side = worker.link();
      const owner = BlockClaims.allocate(BLOCKS);
      for (const block of ALL.slice(0, 7)) owner.claim(block);
      worker.help(side, 0, 99, new BlockClaims(owner.memory));
      worker.disk.files.hold();
      side.answers(0, 7);

      side.trade.releasePiece(worker.disk.piece(0));
      await turns();
      expect(worker.events('piece-released')).to.deep.equal([]);
      worker.disk.files.letGo();
      await until(() => worker.events('piece-released').length > 0);

      expect(worker.disk.handles.busyCount).to.equal(0);
    });

    it('has its blocks asked for by the owner when they do not come for a second', () => {
      const worker = someWorker();
      const side = worker.link();
      const claims = BlockClaims.allocate(BLOCKS);
      const helper = new BlockClaims(claims.memory);
      for (const block of [7, 6]) helper.claimForHelp(block);
      worker.fetch(side, 0, claims);
      for (const block of ALL.slice(0, 6)) side.answers(0, block);
      side.said();

      side.trade.handleTick(worker.nowMs);
      side.trade.handleTick(worker.nowMs + 1_000);

      expect(side.said()).to.deep.equal(requests(0, 6, 7));
      return side.close();
    });
  });

  describe('serving', () => {
    it('serves an unchoked peer', async () => {
      const worker = someWorker({ offers: true });
      const side = worker.link();
      side.trade.unchoke();
      side.said();

      side.hears({ type: 'request', ...range(worker, 2, 1) });
      side.hears({ type: 'request', ...range(worker, 0, 7) });
      await until(() => worker.disk.pool.usedBytes === 0);

      // Read at one time, and sent as they come from the disk.
      expect(side.said()).to.have.members(['piece 2:1', 'piece 0:7']);
      expect(side.trade.measure(0).upTotalBytes).to.equal(2 * BLOCK_LENGTH);
    });

    it('refuses a choked peer, and pieces that are not offered', () => {
      const worker = someWorker();
      worker.torrent.offered.set(1);
      const [fast, plain] = [worker.link(), worker.link({ fast: false })];
      for (const side of [fast, plain]) {
        side.said();
        side.hears({ type: 'request', ...range(worker, 1, 0) });
        side.trade.unchoke();
        side.hears({ type: 'request', ...range(worker, 0, 0) });
      }

      expect(fast.said()).to.deep.equal(['reject 1:0', 'unchoke', 'reject 0:0']);
      expect(plain.said()).to.deep.equal(['unchoke']);
    });

    it('refuses what waits when it chokes', async () => {
      const worker = someWorker({ offers: true, pieces: 20 });
      const side = worker.link();
      side.trade.unchoke();
      side.said();
      for (let index = 0; index < 19; index += 1) {
        for (const block of ALL) side.hears({ type: 'request', ...range(worker, index, block) });
      }

      side.trade.choke();
      await until(() => worker.disk.pool.usedBytes === 0);

      const said = side.said();
      const rejected = said.filter((line) => line.startsWith('reject')).length;
      const served = said.filter((line) => line.startsWith('piece')).length;
      expect(said[0]).to.equal('choke');
      expect(rejected + served).to.equal(19 * BLOCKS);
      expect(rejected).to.be.greaterThan(0);
    });
  });

  it('gives all back when the connection ends, blocks on disk first', async () => {
    const worker = someWorker();
    const side = worker.link();
    for (const index of [0, 1, 2]) worker.fetch(side, index);
    side.answers(0, 3);
    side.answers(1, 0);
    const half = encodePiece(0, 0, worker.disk.block(0, 0)).subarray(0, 5000);
    side.trade.readMessages(half);

    await side.close();

    const blocks = new Map(
      worker.events('piece-released').map((event) => [event.pieceIndex, event.partial[0]?.blocks[0]]),
    );
    expect([0, 1, 2].map((index) => blocks.get(worker.disk.piece(index)))).to.deep.equal([0x10, 0x80, undefined]);
    expect(blocks.size).to.equal(3);
    expect(worker.disk.pool.usedBytes).to.equal(0);
    expect(worker.torrent.assemblies.size).to.equal(0);
    const start = 3 * BLOCK_LENGTH;
    expect(
      worker.disk
        .onDisk()
        .subarray(start, start + BLOCK_LENGTH)
        .equals(worker.disk.block(0, 3)),
    ).to.equal(true);
  });

  it('waits for the piece that it was giving back when a message too many ended the connection', async () => {
    const worker = someWorker();
    const side = worker.link();
    worker.fetch(side, 0);
    side.answers(0, 3);
    worker.disk.files.hold();
    let closed: Promise<void> = Promise.resolve();
    side.onWrite = () => {
      closed = side.close();
    };

    side.trade.releasePiece(worker.disk.piece(0));
    let isSettled = false;
    const settled = closed.then(() => (isSettled = true));
    await turns();
    expect(isSettled).to.equal(false);
    worker.disk.files.letGo();
    await settled;

    expect(worker.events('piece-released')).to.have.length(1);
  });

  it('gives pieces back that the peer has no more, and takes the refusals for no bad manners', async () => {
    const worker = someWorker({ pieces: 70 });
    const side = worker.link({ says: { type: 'have-all' } });
    for (let index = 0; index < 70; index += 1) worker.fetch(side, index);

    for (let index = 0; index < 70; index += 1) {
      side.hears({ type: 'extended', extensionId: DONT_HAVE_EXTENSION_ID, payload: encodeDontHave(index) });
      side.rejects(index, 0);
    }

    await until(() => worker.events('piece-released').length === 70);
    expect(worker.events('peer-dont-have')).to.have.length(70);
    expect(side.closed).to.deep.equal([]);
  });

  it('counts what nobody asked for', () => {
    const worker = someWorker();
    const side = worker.link();

    side.answers(0, 0);

    expect(worker.emitted).to.deep.include({ type: 'wasted', torrentId: 1, bytes: BLOCK_LENGTH });
  });
});

/** An extension handshake that says how many requests the peer takes. */
function reqq(requestQueue: number): Uint8Array {
  return extensionHandshake({ requestQueue });
}

/** An extension handshake that takes word of lost pieces. */
function takesDontHaves(): SendableMessage {
  const ours = { client: 'x', requestQueue: 10, uploadOnly: false, messages: { lt_donthave: 9 } };
  return { type: 'extended', extensionId: 0, payload: encodeExtensionHandshake(ours) };
}

/** An extension handshake that takes peer exchange messages under this id. */
function takesExchange(id: number): Uint8Array {
  return extensionHandshake({ messages: { ut_pex: id } });
}

function extensionHandshake(told: Partial<OurExtensions>): Uint8Array {
  const ours = { client: 'x', requestQueue: 10, uploadOnly: false, messages: {}, ...told };
  const payload = encodeExtensionHandshake(ours);
  return encodeMessage({ type: 'extended', extensionId: 0, payload });
}
