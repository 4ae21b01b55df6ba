import { expect } from 'chai';

import { encodePiece } from '../../src/protocol/message-encoder.js';
import type { LinkAction } from '../../src/workers/worker-messages.js';
import { fetchRun } from '../../src/workers/fetch-run.js';
import { aWorker, type Side, type Worker } from './one-worker.js';
import { turns, until, useTorrents } from './torrent-on-disk.js';

const PIECE_BYTES = 128;
const PIECES = 300;
/** A peer that does not say takes so many requests at once. */
const AT_ONCE = 250;

describe('fetchRun', () => {
  const aTorrent = useTorrents();

  function someWorker(pieceLengthBytes = PIECE_BYTES): Worker {
    return aWorker(aTorrent({ pieceLengthBytes, lengths: PIECES * pieceLengthBytes - 28 }));
  }

  /** Gives a run to a link. @returns whether it was taken, and the errors of the disk */
  function give(
    worker: Worker,
    side: Side,
    pieces: Partial<Omit<Extract<LinkAction, { type: 'fetch-piece' }>, 'pieceIndex'>> & { readonly first: number },
  ): { readonly isRun: boolean; readonly errors: unknown[] } {
    const { first, ...more } = pieces;
    const pieceIndex = worker.disk.piece(first);
    const errors: unknown[] = [];
    const isRun = fetchRun({
      torrent: worker.torrent,
      trade: side.trade,
      action: { type: 'fetch-piece', linkId: side.linkId, pieceIndex, partial: [], ...more },
      emit: (message) => worker.emitted.push(message),
      onError: (error) => errors.push(error),
    });
    side.trade.pump();
    return { isRun, errors };
  }

  /** The wire messages of pieces, end to end. */
  function payload(worker: Worker, indices: readonly number[]): Buffer {
    return Buffer.concat(indices.map((index) => encodePiece(index, 0, worker.disk.block(index, 0))));
  }

  const from = (first: number, end: number): number[] => Array.from({ length: end - first }, (_, at) => first + at);
  const requests = (indices: readonly number[]): string[] => indices.map((index) => `request ${index}:0`);
  const verified = (worker: Worker): number[][] =>
    worker.events('piece-verified').map(({ pieceIndex, count = 1 }) => [pieceIndex, count]);
  const released = (worker: Worker): number[][] =>
    worker.events('piece-released').map(({ pieceIndex, count = 1 }) => [pieceIndex, count]);

  it('asks for all pieces at once, as far as the peer takes requests', () => {
    const worker = someWorker();
    const side = worker.link();
    side.said();

    expect(give(worker, side, { first: 3, count: PIECES - 3 }).isRun).to.equal(true);

    expect(side.said()).to.deep.equal(requests(from(3, 3 + AT_ONCE)));
    expect(side.trade.measure(0).inFlightBytes).to.equal(AT_ONCE * PIECE_BYTES);
  });

  it('asks for the short last piece by its true length', () => {
    const worker = someWorker();
    const side = worker.link();

    give(worker, side, { first: PIECES - 2, count: 2 });

    expect(side.trade.measure(0).inFlightBytes).to.equal(2 * PIECE_BYTES - 28);
  });

  it('writes what came together, says so in one event, and gives the memory back', async () => {
    const worker = someWorker();
    const side = worker.link();
    give(worker, side, { first: 0, count: 200 });

    side.trade.readMessages(payload(worker, from(0, 120)));
    side.trade.readMessages(payload(worker, from(120, 200)));

    await until(() => verified(worker).length === 1);
    expect(verified(worker)).to.deep.equal([[0, 200]]);
    expect(worker.disk.files.writes.map(({ lengthBytes }) => lengthBytes)).to.deep.equal([200 * 128]);
    expect(worker.disk.onDisk().subarray(0, 200 * 128)).to.deep.equal(
      Buffer.from(worker.disk.bytes.subarray(0, 200 * 128)),
    );
    expect(worker.disk.pool.usedBytes).to.equal(0);
    expect(worker.torrent.runs.size).to.equal(0);
    expect(side.trade.measure(0)).to.include({ inFlightBytes: 0, downTotalBytes: 200 * 128 });
  });

  it('waits 20 ms at most for more to write with it', async () => {
    const worker = someWorker();
    const side = worker.link();
    give(worker, side, { first: 0, count: 200 });

    side.trade.readMessages(payload(worker, from(0, 50)));
    worker.nowMs += 19;
    side.trade.readMessages(payload(worker, from(50, 60)));
    side.trade.handleTick(worker.nowMs);
    await turns(3);
    expect(worker.disk.files.writes).to.deep.equal([]);
    worker.nowMs += 1;
    side.trade.handleTick(worker.nowMs);

    await until(() => verified(worker).length === 1);
    expect(verified(worker)).to.deep.equal([[0, 60]]);
  });

  it('writes 256 KiB while more is on its way', async () => {
    const worker = someWorker(16_384);
    const side = worker.link();
    give(worker, side, { first: 0, count: 32 });
    // A first window is 256 KiB.
    side.trade.readMessages(payload(worker, from(0, 1)));
    worker.nowMs += 19;
    side.trade.handleTick(worker.nowMs);
    side.trade.readMessages(payload(worker, from(1, 15)));
    await turns(3);
    expect(worker.disk.files.writes).to.deep.equal([]);

    side.trade.readMessages(payload(worker, from(15, 16)));

    await until(() => verified(worker).length === 1);
    expect(verified(worker)).to.deep.equal([[0, 16]]);
    expect(side.trade.measure(worker.nowMs).inFlightBytes).to.be.greaterThan(0);
  });

  for (const pieceLengthBytes of [1, 100, 257, 16_384]) {
    it(`puts pieces of ${pieceLengthBytes} bytes together that come in any order and cut anywhere`, async () => {
      const worker = aWorker(aTorrent({ pieceLengthBytes, lengths: 12 * pieceLengthBytes }));
      const side = worker.link();
      give(worker, side, { first: 0, count: 12 });

      const bytes = payload(worker, [5, 6, 7, 0, 1, 11, 8, 9, 10, 2, 4, 3]);
      const step = Math.max(1, Math.floor(bytes.length / 17));
      for (let at = 0; at < bytes.length; at += step) side.trade.readMessages(bytes.subarray(at, at + step));

      await until(() => verified(worker).reduce((sum, [, count = 0]) => sum + count, 0) === 12);
      expect(worker.disk.onDisk()).to.deep.equal(Buffer.from(worker.disk.bytes));
      expect(worker.disk.pool.usedBytes).to.equal(0);
    });
  }

  it('refuses a bad piece alone, and names who sent it', async () => {
    const worker = someWorker();
    const side = worker.link();
    give(worker, side, { first: 0, count: 10 });

    const bad = encodePiece(4, 0, new Uint8Array(PIECE_BYTES));
    side.trade.readMessages(Buffer.concat([payload(worker, from(0, 4)), bad, payload(worker, from(5, 10))]));

    await until(() => verified(worker).length === 2);
    expect(verified(worker)).to.deep.equal([
      [0, 4],
      [5, 5],
    ]);
    expect(
      worker.events('piece-failed').map(({ pieceIndex, contributors }) => [pieceIndex, contributors]),
    ).to.deep.equal([[4, [`peer ${side.linkId}`]]]);
    expect(worker.disk.onDisk().subarray(4 * 128, 5 * 128)).to.deep.equal(Buffer.alloc(128));
    expect(worker.disk.pool.usedBytes).to.equal(0);
  });

  it('takes nothing that was not asked for, and nothing twice', async () => {
    const worker = someWorker();
    const side = worker.link();
    give(worker, side, { first: 0, count: 2 });

    side.trade.readMessages(payload(worker, [0, 0, 2]));
    side.trade.readMessages(encodePiece(1, 0, new Uint8Array(64)));
    worker.nowMs += 20;
    side.trade.handleTick(worker.nowMs);

    await until(() => verified(worker).length === 1);
    const wasted = worker.emitted.flatMap((message) => (message.type === 'wasted' ? [message.bytes] : []));
    expect(wasted).to.deep.equal([128, 128, 64]);
  });

  it('gives single pieces back, and takes their requests back', async () => {
    const worker = someWorker();
    const side = worker.link();
    give(worker, side, { first: 0, count: 4 });
    side.said();

    side.trade.releasePiece(worker.disk.piece(1));
    side.trade.releasePiece(worker.disk.piece(1));

    expect(side.said()).to.deep.equal(['cancel 1:0']);
    expect(released(worker)).to.deep.equal([[1, 1]]);
    side.trade.readMessages(payload(worker, [0, 1, 2, 3]));
    await until(() => verified(worker).length === 2);
    expect(worker.disk.pool.usedBytes).to.equal(0);
  });

  it('verifies what is being written though it is asked back', async () => {
    const worker = someWorker();
    const side = worker.link();
    give(worker, side, { first: 0, count: 4 });
    worker.disk.files.hold();
    side.trade.readMessages(payload(worker, [0, 1]));

    const closed = side.close();
    await turns(3);
    expect(released(worker)).to.deep.equal([[2, 2]]);
    expect(verified(worker)).to.deep.equal([]);
    worker.disk.files.letGo();
    await closed;

    expect(verified(worker)).to.deep.equal([[0, 2]]);
    expect(worker.disk.pool.usedBytes).to.equal(0);
  });

  it('keeps a piece that is touched, when it is asked for the others alone', () => {
    const worker = someWorker();
    const side = worker.link();
    give(worker, side, { first: 0, count: PIECES });

    side.trade.releaseUntouched(worker.disk.piece(0));
    side.trade.releaseUntouched(worker.disk.piece(AT_ONCE));

    expect(worker.events('piece-kept').map(({ pieceIndex }) => pieceIndex)).to.deep.equal([0]);
    expect(released(worker)).to.deep.equal([[AT_ONCE, 1]]);
  });

  it('gives back what was not asked for when the peer chokes, and the rest when it refuses', () => {
    const worker = someWorker();
    const side = worker.link();
    give(worker, side, { first: 0, count: PIECES });

    side.hears({ type: 'choke' });
    expect(released(worker)).to.deep.equal([[AT_ONCE, PIECES - AT_ONCE]]);
    side.rejects(0, 0);
    expect(released(worker).slice(1)).to.deep.equal([[0, 1]]);
    worker.nowMs += 3_000;
    side.trade.handleTick(worker.nowMs);
    expect(released(worker).slice(2)).to.deep.equal([[1, AT_ONCE - 1]]);
  });

  it('gives everything back when a peer without the fast extension chokes', () => {
    const worker = someWorker();
    const side = worker.link({ fast: false });
    give(worker, side, { first: 0, count: 5 });

    side.hears({ type: 'choke' });

    expect(released(worker)).to.deep.equal([[0, 5]]);
    expect(side.trade.measure(0).inFlightBytes).to.equal(0);
  });

  it('gives a piece back that a peer refuses', () => {
    const worker = someWorker();
    const side = worker.link();
    give(worker, side, { first: 0, count: 3 });

    side.rejects(1, 0);

    expect(released(worker)).to.deep.equal([[1, 1]]);
  });

  it('does not complete a piece that was given back and given again with the rest of the first answer', async () => {
    const worker = someWorker();
    const side = worker.link();
    give(worker, side, { first: 0, count: 2 });
    const answer = payload(worker, [0]);
    side.trade.readMessages(answer.subarray(0, 50));
    side.trade.releasePiece(worker.disk.piece(0));
    give(worker, side, { first: 0 });

    side.trade.readMessages(answer.subarray(50));
    expect(worker.events('piece-failed')).to.deep.equal([]);
    side.trade.readMessages(answer);

    await until(() => verified(worker).length === 1);
    expect(verified(worker)).to.deep.equal([[0, 1]]);
  });

  it('asks a choking peer only for what it allows', () => {
    const worker = someWorker();
    const side = worker.link({ unchokes: false });
    side.hears({ type: 'allowed-fast', pieceIndex: 7 });
    side.said();

    give(worker, side, { first: 6, count: 3 });

    expect(side.said()).to.deep.equal(['request 7:0']);
  });

  it('says when the disk refuses, and gives the memory back', async () => {
    const worker = someWorker();
    const side = worker.link();
    const { errors } = give(worker, side, { first: 0, count: 2 });
    worker.disk.files.writeError = new Error('full');

    side.trade.readMessages(payload(worker, [0, 1]));

    await until(() => errors.length > 0);
    expect(verified(worker)).to.deep.equal([]);
    expect(worker.disk.pool.usedBytes).to.equal(0);
  });

  it('leaves pieces of several blocks, and such of which something is known, to others', () => {
    const large = someWorker(16_385);
    expect(give(large, large.link(), { first: 0 }).isRun).to.equal(false);
    const worker = someWorker();
    const partial = [{ source: 'disk', blocks: Uint8Array.of(0x80) }];
    expect(give(worker, worker.link(), { first: 0, partial }).isRun).to.equal(false);
    const evidence = { blockDigests: new Uint8Array(20), sources: [] };
    expect(give(worker, worker.link(), { first: 0, evidence }).isRun).to.equal(false);
  });
});
