import { expect } from 'chai';

import { StorageError } from '../../src/errors.js';
import { BLOCK_LENGTH } from '../../src/metainfo/piece-layout.js';
import { MAX_QUEUED_REQUESTS, MAX_SERVED_BLOCK_BYTES, REQUEST_FLOOD } from '../../src/protocol/limits.js';
import { MessageDecoder } from '../../src/protocol/message-decoder.js';
import type { CheckedRange } from '../../src/swarm/peer-link.js';
import { SharedTokenBucket } from '../../src/workers/shared-token-bucket.js';
import { UploadQueue } from '../../src/workers/upload-queue.js';
import { MIB, turns, until, useTorrents, type TorrentOnDisk, type TorrentShape } from './torrent-on-disk.js';

interface Scene {
  readonly torrent: TorrentOnDisk;
  readonly queue: UploadQueue;
  readonly bucket: SharedTokenBucket;
  /** Blocks that the socket was given, `piece:offset+length`, with their bytes. */
  readonly sent: { readonly key: string; readonly bytes: Uint8Array }[];
  /** What the socket holds and has not said to be done with. */
  readonly socket: (() => void)[];
  readonly errors: { readonly error: unknown; readonly ranges: readonly CheckedRange[] }[];
  servedBytes: number;
  range(pieceIndex: number, blockOffset: number, lengthBytes: number): CheckedRange;
  /** Takes all that the socket holds, until nothing more comes. */
  drain(): Promise<void>;
}

describe('UploadQueue', () => {
  const aTorrent = useTorrents();

  function aScene(shape: Partial<TorrentShape> = {}, tokens?: number): Scene {
    const torrent = aTorrent({ pieceLengthBytes: MIB, lengths: 3 * MIB + 100, writes: false, ...shape });
    torrent.writeAll();
    const bucket = new SharedTokenBucket(SharedTokenBucket.allocate());
    if (tokens !== undefined) bucket.refill(tokens * 10, 100);
    const decoder = new MessageDecoder({ pieceCount: torrent.layout.pieceCount });
    const scene: Omit<Scene, 'queue'> & { queue?: UploadQueue } = {
      torrent,
      bucket,
      sent: [],
      socket: [],
      errors: [],
      servedBytes: 0,
      range: (pieceIndex, blockOffset, lengthBytes) => ({
        pieceIndex: torrent.piece(pieceIndex),
        blockOffset,
        lengthBytes,
      }),
      async drain() {
        for (let quiet = 0; quiet < 5; quiet += 1) {
          await until(() => torrent.handles.busyCount === 0);
          await turns(2);
          if (scene.socket.length > 0) quiet = 0;
          for (const done of scene.socket.splice(0)) done();
        }
      },
    };
    scene.queue = new UploadQueue({
      layout: torrent.layout,
      files: torrent.files,
      pool: torrent.pool,
      bucket,
      send: (bytes, done) => {
        decoder.push(Uint8Array.from(bytes));
        for (let message = decoder.next(); message; message = decoder.next()) {
          if (message.type !== 'piece') throw new Error(`sent ${message.type}`);
          const { pieceIndex, blockOffset, lengthBytes, fragment } = message;
          scene.sent.push({ key: `${pieceIndex}:${blockOffset}+${lengthBytes}`, bytes: fragment });
        }
        scene.socket.push(done);
      },
      onServed: (lengthBytes) => (scene.servedBytes += lengthBytes),
      onError: (error, ranges) => scene.errors.push({ error, ranges }),
    });
    return scene as Scene;
  }

  function expectRight({ sent, torrent }: Scene): void {
    for (const { key, bytes } of sent) {
      const [pieceIndex = 0, offset = 0, length = 0] = key.split(/[:+]/).map(Number);
      const start = pieceIndex * torrent.layout.pieceLengthBytes + offset;
      expect(
        Buffer.from(torrent.bytes)
          .subarray(start, start + length)
          .equals(bytes),
        key,
      ).to.equal(true);
    }
  }

  it('serves what was asked for, in that order, blocks of any size and place', async () => {
    const scene = aScene();
    const ranges = [
      scene.range(0, 0, BLOCK_LENGTH),
      scene.range(2, 5, 1),
      scene.range(0, BLOCK_LENGTH, BLOCK_LENGTH),
      scene.range(3, 0, 100),
      scene.range(1, MIB - MAX_SERVED_BLOCK_BYTES, MAX_SERVED_BLOCK_BYTES),
      scene.range(0, 0, BLOCK_LENGTH),
    ];
    for (const range of ranges) expect(scene.queue.push(range)).to.equal('queued');

    scene.queue.pump();
    await scene.drain();

    expect(scene.sent.map(({ key }) => key)).to.deep.equal(
      ranges.map((range) => `${range.pieceIndex}:${range.blockOffset}+${range.lengthBytes}`),
    );
    expectRight(scene);
    expect(scene.servedBytes).to.equal(ranges.reduce((sum, range) => sum + range.lengthBytes, 0));
    expect(scene.torrent.pool.usedBytes).to.equal(0);
  });

  it('reads adjacent requests at once, also across pieces', async () => {
    const scene = aScene();
    scene.queue.push(scene.range(0, MIB - BLOCK_LENGTH, BLOCK_LENGTH));
    scene.queue.push(scene.range(1, 0, BLOCK_LENGTH));
    scene.queue.push(scene.range(1, BLOCK_LENGTH, 100));
    scene.queue.push(scene.range(1, BLOCK_LENGTH, 100));

    scene.queue.pump();
    await scene.drain();

    expect(scene.torrent.files.reads).to.deep.equal([
      { offset: MIB - BLOCK_LENGTH, lengthBytes: 2 * BLOCK_LENGTH + 100 },
      { offset: MIB + BLOCK_LENGTH, lengthBytes: 100 },
    ]);
    expectRight(scene);
  });

  it('reads no more than two batches ahead of a peer that does not read', async () => {
    const scene = aScene();
    for (let block = 0; block < 192; block += 1)
      scene.queue.push(scene.range(block >> 6, (block & 63) * BLOCK_LENGTH, BLOCK_LENGTH));

    scene.queue.pump();
    await turns(20);
    await until(() => scene.torrent.handles.busyCount === 0);
    scene.queue.pump();
    await turns(20);

    expect(scene.socket).to.have.length(2);
    expect(scene.torrent.pool.usedBytes).to.be.below(1.6 * MIB);
    expect(scene.queue.length).to.equal(192 - 64);
    await scene.drain();
    expect(scene.sent).to.have.length(192);
    expectRight(scene);
  });

  it('refuses above its bound, and calls it a flood at twice that', () => {
    const scene = aScene();
    const range = scene.range(0, 0, 1);
    for (let count = 0; count < MAX_QUEUED_REQUESTS; count += 1) expect(scene.queue.push(range)).to.equal('queued');

    for (let count = MAX_QUEUED_REQUESTS + 1; count < REQUEST_FLOOD; count += 1) {
      expect(scene.queue.push(range)).to.equal('full');
    }
    expect(scene.queue.push(range)).to.equal('flood');
  });

  it('forgives refusals once there is room again', () => {
    const scene = aScene();
    const range = scene.range(0, 0, 1);
    for (let count = 0; count < REQUEST_FLOOD - 1; count += 1) scene.queue.push(range);
    expect(scene.queue.cancel(range)).to.equal(true);

    expect(scene.queue.push(range)).to.equal('queued');
    expect(scene.queue.push(range)).to.equal('full');
  });

  it('takes back what still waits, exactly that', async () => {
    const scene = aScene();
    for (const offset of [0, 100, 200]) scene.queue.push(scene.range(0, offset, 100));

    expect(scene.queue.cancel(scene.range(0, 100, 99))).to.equal(false);
    expect(scene.queue.cancel(scene.range(1, 100, 100))).to.equal(false);
    expect(scene.queue.cancel(scene.range(0, 100, 100))).to.equal(true);
    expect(scene.queue.cancel(scene.range(0, 100, 100))).to.equal(false);
    scene.queue.pump();
    expect(scene.queue.cancel(scene.range(0, 0, 100)), 'being read').to.equal(false);
    await scene.drain();

    expect(scene.sent.map(({ key }) => key)).to.deep.equal(['0:0+100', '0:200+100']);
  });

  it('forgets what waits of pieces that are gone, and serves the rest in order', async () => {
    const scene = aScene();
    const ranges = [scene.range(0, 0, 100), scene.range(1, 0, 100), scene.range(2, 0, 100), scene.range(1, 100, 100)];
    for (const range of ranges) scene.queue.push(range);

    expect(scene.queue.keep(({ pieceIndex }) => pieceIndex !== scene.torrent.piece(1))).to.deep.equal([
      ranges[1],
      ranges[3],
    ]);
    scene.queue.pump();
    await scene.drain();

    expect(scene.sent.map(({ key }) => key)).to.deep.equal(['0:0+100', '2:0+100']);
  });

  it('forgets what waits when it chokes, and serves what was begun', async () => {
    const scene = aScene();
    for (let block = 0; block < 100; block += 1) scene.queue.push(scene.range(0, block, 20_000));
    scene.queue.pump();

    const waiting = scene.queue.clear();
    await scene.drain();

    expect(scene.sent.length + waiting.length).to.equal(100);
    expect(waiting.length).to.be.within(1, 99);
    expect(scene.queue.length).to.equal(0);
  });

  it('never reads into memory that it gave back, when the connection breaks', async () => {
    const scene = aScene();
    scene.queue.push(scene.range(0, 0, BLOCK_LENGTH));
    scene.torrent.files.hold();
    scene.queue.pump();

    scene.queue.close();

    expect(scene.torrent.pool.usedBytes, 'the read is under way').to.be.greaterThan(0);
    const mine = scene.torrent.pool.acquire(BLOCK_LENGTH + 13);
    mine?.fill(7);
    scene.torrent.files.letGo();
    await until(() => scene.torrent.pool.usedBytes === mine?.length);
    expect(mine?.every((byte) => byte === 7)).to.equal(true);
    scene.torrent.pool.release(mine as Uint8Array);
    expect(scene.torrent.pool.usedBytes).to.equal(0);
    expect(scene.sent).to.deep.equal([]);
  });

  it('gives memory back once when the socket is done after the end', async () => {
    const scene = aScene();
    scene.queue.push(scene.range(0, 0, BLOCK_LENGTH));
    scene.queue.pump();
    await until(() => scene.socket.length > 0);

    scene.queue.close();
    expect(scene.torrent.pool.usedBytes).to.equal(0);
    for (const done of scene.socket) done();

    expect(scene.torrent.pool.usedBytes).to.equal(0);
    expect(scene.servedBytes).to.equal(0);
  });

  it('waits for all its reads before it gives memory back, when one fails', async () => {
    const scene = aScene({ lengths: [MIB, MIB, MIB] });
    const { truncateSync } = await import('node:fs');
    truncateSync(scene.torrent.torrentFiles[0]?.path ?? '', 0);
    const slow = scene.range(1, 0, BLOCK_LENGTH);
    scene.queue.push(scene.range(0, 0, BLOCK_LENGTH));
    scene.queue.push(slow);
    const read = scene.torrent.files.read.bind(scene.torrent.files);
    let letGo: () => void = () => undefined;
    scene.torrent.files.read = async (offset, views) => {
      if (offset > 0) await new Promise<void>((resolve) => (letGo = resolve));
      await read(offset, views);
    };

    scene.queue.pump();
    await turns(20);
    await until(() => scene.torrent.handles.busyCount === 0);
    expect(scene.errors).to.deep.equal([]);
    expect(scene.torrent.pool.usedBytes).to.be.greaterThan(0);
    letGo();
    await until(() => scene.errors.length > 0);

    expect(scene.errors[0]?.error).to.have.property('code', 'P2P_DISK_FAILED');
    expect(scene.errors[0]?.ranges).to.have.length(2);
    expect(scene.torrent.pool.usedBytes).to.equal(0);
  });

  it('tells which requests a broken disk took, and goes on', async () => {
    const scene = aScene();
    scene.torrent.files.readError = new StorageError('P2P_DISK_FAILED', 'broken');
    scene.queue.push(scene.range(0, 0, 100));
    scene.queue.pump();
    await until(() => scene.errors.length > 0);
    expect(scene.errors[0]?.ranges).to.deep.equal([scene.range(0, 0, 100)]);

    scene.torrent.files.readError = undefined;
    scene.queue.push(scene.range(0, 100, 100));
    scene.queue.pump();
    await scene.drain();

    expect(scene.sent.map(({ key }) => key)).to.deep.equal(['0:100+100']);
  });

  it('serves block by block while memory is short, never none', async () => {
    const scene = aScene({ budgetBytes: 1000 });
    for (let block = 0; block < 20; block += 1) scene.queue.push(scene.range(0, block * BLOCK_LENGTH, BLOCK_LENGTH));

    scene.queue.pump();
    await until(() => scene.socket.length > 0);
    expect(scene.torrent.pool.usedBytes).to.be.below(2 * BLOCK_LENGTH);
    await scene.drain();

    expect(scene.sent).to.have.length(20);
    expectRight(scene);
  });

  describe('under a rate limit', () => {
    it('serves what there are tokens for, and the rest later', async () => {
      const scene = aScene({}, 3 * BLOCK_LENGTH);
      for (let block = 0; block < 8; block += 1) scene.queue.push(scene.range(0, block * BLOCK_LENGTH, BLOCK_LENGTH));

      scene.queue.pump();
      await scene.drain();
      expect(scene.sent).to.have.length(3);
      scene.bucket.refill(20 * BLOCK_LENGTH, 100);
      scene.queue.pump();
      await scene.drain();

      expect(scene.sent).to.have.length(5);
    });

    it('has the tokens back of what it could not send', async () => {
      const scene = aScene({}, 2 * BLOCK_LENGTH);
      scene.torrent.files.readError = new StorageError('P2P_DISK_FAILED', 'broken');
      for (let block = 0; block < 2; block += 1) scene.queue.push(scene.range(0, block * BLOCK_LENGTH, BLOCK_LENGTH));
      scene.queue.pump();
      await until(() => scene.errors.length > 0);

      scene.torrent.files.readError = undefined;
      for (let block = 0; block < 2; block += 1) scene.queue.push(scene.range(0, block * BLOCK_LENGTH, BLOCK_LENGTH));
      scene.queue.pump();
      await scene.drain();

      expect(scene.sent).to.have.length(2);
    });
  });
});
