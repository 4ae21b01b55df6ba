/** Pieces that may be asked for while choked (BEP 6), on both ends of a link. */
import { expect } from 'chai';

import { ALLOWED_FAST_COUNT } from '../../src/protocol/allowed-fast.js';
import { aWorker, range, type Side, type Worker } from './one-worker.js';
import { turns, until, useTorrents } from './torrent-on-disk.js';

const BLOCK = 16_384;

describe('PeerTrade, allowed fast', () => {
  const aTorrent = useTorrents();
  const aDisk = (pieceCount: number) => aTorrent({ pieceLengthBytes: 2 * BLOCK, lengths: pieceCount * 2 * BLOCK });

  /** A choked peer that is interested in what we have. @returns the pieces that it was allowed */
  function grants(worker: Worker, side: Side): number[] {
    side.hears({ type: 'interested' });
    worker.nowMs += 501;
    side.trade.handleTick(worker.nowMs);
    return side
      .said()
      .flatMap((line) => /^allowed-fast (\d+)$/.exec(line)?.[1] ?? [])
      .map(Number);
  }

  const asks = (worker: Worker, side: Side, index: number, block: number): void =>
    side.hears({ type: 'request', ...range(worker, index, block) });

  it('allows a newcomer ten pieces when it has waited for half a second', () => {
    const worker = aWorker(aDisk(30), { offers: true });
    const side = worker.link();
    side.hears({ type: 'interested' });
    side.trade.handleTick(worker.nowMs);
    expect(side.said().join()).not.to.include('allowed-fast');

    expect(grants(worker, side)).to.have.length(ALLOWED_FAST_COUNT);
    expect(grants(worker, side), 'once').to.deep.equal([]);
  });

  it('allows nothing to one that is unchoked, has pieces enough, or does not speak BEP 6', () => {
    const worker = aWorker(aDisk(30), { offers: true });
    const unchoked = worker.link();
    unchoked.trade.unchoke();
    const bits = new Uint8Array(4);
    bits.set([0xff, 0xc0]);
    const rich = worker.link({ says: { type: 'bitfield', bits } });
    const old = worker.link({ fast: false });

    for (const side of [unchoked, rich, old]) expect(grants(worker, side)).to.deep.equal([]);
  });

  it('serves these while it chokes, each byte once, and nothing else', async () => {
    const worker = aWorker(aDisk(30), { offers: true });
    const side = worker.link();
    const allowed = grants(worker, side);
    const other = Array.from({ length: 30 }, (_, at) => at).find((at) => !allowed.includes(at)) ?? -1;

    asks(worker, side, other, 0);
    expect(side.said()).to.deep.equal([`reject ${other}:0`]);
    const said: string[] = [];
    for (const index of allowed) for (const block of [0, 1]) asks(worker, side, index, block);
    await until(() => said.push(...side.said().filter((line) => /^piece/.test(line))) >= 20);

    asks(worker, side, allowed[0] ?? -1, 0);
    expect(side.said()).to.deep.equal([`reject ${allowed[0]}:0`]);
  });

  it('keeps requests for these when it chokes, and refuses the others', async () => {
    const worker = aWorker(aDisk(30), { offers: true });
    const side = worker.link();
    const allowed = grants(worker, side);
    const other = Array.from({ length: 30 }, (_, at) => at).find((at) => !allowed.includes(at)) ?? -1;
    side.trade.unchoke();
    worker.disk.files.hold();
    // Two batches are under way and wait for the disk; what comes now stays in the queue.
    for (const block of [0, 1]) for (let index = 0; index < 30; index += 1) asks(worker, side, index, block);
    side.said();

    side.trade.choke();
    const said = side.said();

    expect(said[0]).to.equal('choke');
    expect(said.slice(1).every((line) => /^reject (\d+):/.test(line))).to.equal(true);
    expect(said.some((line) => allowed.includes(Number(/^reject (\d+):/.exec(line)?.[1])))).to.equal(false);
    expect(other).to.be.at.least(0);
    worker.disk.files.letGo();
    await turns();
  });

  describe('with a peer that chokes us', () => {
    it('fetches what it allows', async () => {
      const worker = aWorker(aDisk(4));
      const side = worker.link({ unchokes: false });
      side.hears({ type: 'allowed-fast', pieceIndex: 2 });
      expect(worker.events('peer-allowed-fast').map(({ pieceIndex }) => pieceIndex as number)).to.deep.equal([2]);
      expect([side.trade.mayFetch(worker.disk.piece(2)), side.trade.mayFetch(worker.disk.piece(1))]).to.deep.equal([
        true,
        false,
      ]);
      side.said();

      worker.fetch(side, 2);
      expect(side.said()).to.deep.equal(['request 2:0', 'request 2:1']);
      side.answers(2, 0);
      side.answers(2, 1);

      await until(() => worker.events('piece-verified').length === 1);
    });

    it('goes on with these after a choke, and gives the others back', async () => {
      const worker = aWorker(aDisk(4));
      const side = worker.link();
      side.hears({ type: 'allowed-fast', pieceIndex: 2 });
      worker.fetch(side, 1);
      worker.fetch(side, 2);
      side.hears({ type: 'choke' });
      side.rejects(1, 0);
      side.rejects(1, 1);
      worker.nowMs += 2_001;
      side.trade.handleTick(worker.nowMs);
      await until(() => worker.events('piece-released').length > 0);

      expect(worker.events('piece-released').map(({ pieceIndex }) => pieceIndex as number)).to.deep.equal([1]);
      side.answers(2, 0);
      side.answers(2, 1);
      await until(() => worker.events('piece-verified').length === 1);
    });

    it('gives back what it refuses nevertheless', async () => {
      const worker = aWorker(aDisk(4));
      const side = worker.link({ unchokes: false });
      side.hears({ type: 'allowed-fast', pieceIndex: 2 });
      worker.fetch(side, 2);
      side.rejects(2, 0);
      worker.nowMs += 2_001;
      side.trade.handleTick(worker.nowMs);
      await until(() => worker.events('piece-released').length > 0);

      expect(side.trade.mayFetch(worker.disk.piece(2))).to.equal(false);
    });

    it('passes a suggestion on', () => {
      const worker = aWorker(aDisk(4));
      worker.link().hears({ type: 'suggest', pieceIndex: 3 });

      expect(worker.events('peer-suggested').map(({ pieceIndex }) => pieceIndex as number)).to.deep.equal([3]);
    });
  });
});
