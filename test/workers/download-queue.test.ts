import { expect } from 'chai';

import { BLOCK_LENGTH, PieceLayout, type PieceIndex } from '../../src/metainfo/piece-layout.js';
import { MessageDecoder } from '../../src/protocol/message-decoder.js';
import type { BlockRange, PieceFragment } from '../../src/protocol/messages.js';
import { RequestPipeline } from '../../src/swarm/request-pipeline.js';
import { DownloadQueue } from '../../src/workers/download-queue.js';
import type { BlockSink } from '../../src/workers/piece-assembly.js';
import { SharedTokenBucket } from '../../src/workers/shared-token-bucket.js';

const BLOCKS = 4;
const layout = new PieceLayout(BLOCKS * BLOCK_LENGTH, [{ lengthBytes: 3 * BLOCKS * BLOCK_LENGTH + 1000 }]);

/** A piece in plain memory; `memoryBlocks` of its blocks may be claimed at once. */
class MemorySink implements BlockSink {
  readonly pieceIndex: PieceIndex;
  readonly bytes: Uint8Array;
  readonly free: Set<number>;
  readonly came = new Map<number, string>();
  readonly forced: boolean[] = [];
  hasMemory = true;
  isOver = false;

  constructor(index: number) {
    this.pieceIndex = layout.pieceIndex(index);
    this.bytes = new Uint8Array(layout.pieceSize(this.pieceIndex));
    this.free = new Set(Array.from({ length: layout.blockCount(this.pieceIndex) }, (_, block) => block));
  }

  claimNext(fromBack: boolean, force: boolean): number | 'no-memory' | undefined {
    const blocks = [...this.free].sort((one, other) => (fromBack ? other - one : one - other));
    if (blocks[0] === undefined) return undefined;
    if (!this.hasMemory && !force) return 'no-memory';
    this.forced.push(force);
    this.free.delete(blocks[0]);
    return blocks[0];
  }

  giveBack(block: number): void {
    this.free.add(block);
  }

  blockMemory(block: number): Uint8Array | undefined {
    if (this.isOver) return undefined;
    return this.bytes.subarray(block * BLOCK_LENGTH, block * BLOCK_LENGTH + layout.blockSize(this.pieceIndex, block));
  }

  handleBlock(block: number, source: string): void {
    this.came.set(block, source);
  }

  helpEnded(): Promise<void> {
    return Promise.resolve();
  }
}

interface Scene {
  readonly queue: DownloadQueue;
  readonly pipeline: RequestPipeline;
  readonly bucket: SharedTokenBucket;
  /** What was said since the last look: `request 0:1` is block 1 of piece 0. */
  said(): string[];
  /** The bytes `from` to `to` of the answer to a request. @returns bytes that nobody asked for */
  arrive(pieceIndex: number, block: number, part?: { from?: number; to?: number; fill?: number }): number;
}

function aScene(options: { reqq?: number; tokens?: number } = {}): Scene {
  const pipeline = new RequestPipeline(0);
  pipeline.handleRequestQueue(options.reqq ?? 1_000);
  const bucket = new SharedTokenBucket(SharedTokenBucket.allocate());
  if (options.tokens !== undefined) bucket.refill(options.tokens * 10, 100);
  const sent: string[] = [];
  const queue = new DownloadQueue({
    layout,
    pipeline,
    bucket,
    send: (bytes) => {
      const decoder = new MessageDecoder({ pieceCount: layout.pieceCount });
      decoder.push(bytes);
      for (let message = decoder.next(); message; message = decoder.next()) {
        if (message.type !== 'request' && message.type !== 'cancel') throw new Error(`sent ${message.type}`);
        expect(message.lengthBytes).to.equal(
          layout.blockSize(layout.pieceIndex(message.pieceIndex), message.blockOffset / BLOCK_LENGTH),
        );
        sent.push(`${message.type} ${message.pieceIndex}:${message.blockOffset / BLOCK_LENGTH}`);
      }
    },
  });
  return {
    queue,
    pipeline,
    bucket,
    said: () => sent.splice(0),
    arrive(index, block, { from = 0, to, fill = 1 } = {}) {
      const pieceIndex = layout.pieceIndex(index);
      const lengthBytes = layout.blockSize(pieceIndex, block);
      const fragment: PieceFragment = {
        type: 'piece',
        pieceIndex,
        blockOffset: block * BLOCK_LENGTH,
        lengthBytes,
        fragmentOffset: from,
        fragment: new Uint8Array((to ?? lengthBytes) - from).fill(fill),
      };
      return queue.handleFragment(fragment, block, 'them', 10);
    },
  };
}

function range(pieceIndex: number, block: number): BlockRange {
  return {
    pieceIndex,
    blockOffset: block * BLOCK_LENGTH,
    lengthBytes: layout.blockSize(layout.pieceIndex(pieceIndex), block),
  };
}

describe('DownloadQueue', () => {
  it('asks for the blocks of its pieces in the order in which they were given', () => {
    const { queue, said } = aScene();
    queue.add(new MemorySink(2), false);
    queue.add(new MemorySink(0), false);

    queue.pump(0);

    expect(said()).to.deep.equal(
      [0, 1, 2, 3].map((block) => `request 2:${block}`).concat([0, 1, 2, 3].map((block) => `request 0:${block}`)),
    );
  });

  it('asks for the short last block of the torrent by its true length', () => {
    const { queue, said } = aScene();
    queue.add(new MemorySink(3), false);

    queue.pump(0);

    expect(said()).to.deep.equal(['request 3:0']);
  });

  it('helps from the last block backwards', () => {
    const { queue, said } = aScene();
    queue.add(new MemorySink(0), true);

    queue.pump(0);

    expect(said()).to.deep.equal(['request 0:3', 'request 0:2', 'request 0:1', 'request 0:0']);
  });

  it('keeps no more on its way than the peer takes, and goes on as blocks come', () => {
    const { queue, said, arrive } = aScene({ reqq: 2 });
    const sink = new MemorySink(0);
    queue.add(sink, false);
    queue.pump(0);
    expect(said()).to.deep.equal(['request 0:0', 'request 0:1']);

    expect(arrive(0, 0)).to.equal(0);
    queue.pump(0);

    expect(said()).to.deep.equal(['request 0:2']);
    expect([...sink.came]).to.deep.equal([[0, 'them']]);
  });

  it('puts fragments where they belong and tells of a block when it is whole', () => {
    const { queue, arrive } = aScene();
    const sink = new MemorySink(1);
    queue.add(sink, false);
    queue.pump(0);

    arrive(1, 2, { from: 0, to: 5000, fill: 7 });
    expect(sink.came.size).to.equal(0);
    arrive(1, 2, { from: 5000, fill: 9 });

    expect([...sink.came.keys()]).to.deep.equal([2]);
    const block = sink.bytes.subarray(2 * BLOCK_LENGTH, 3 * BLOCK_LENGTH);
    expect(block.subarray(0, 5000).every((byte) => byte === 7)).to.equal(true);
    expect(block.subarray(5000).every((byte) => byte === 9)).to.equal(true);
  });

  it('counts what nobody asked for', () => {
    const { queue, arrive, pipeline } = aScene({ reqq: 1 });
    const sink = new MemorySink(0);
    queue.add(sink, false);
    queue.pump(0);

    expect(arrive(0, 1), 'not asked for yet').to.equal(BLOCK_LENGTH);
    expect(arrive(1, 0), 'no such task').to.equal(BLOCK_LENGTH);
    expect(arrive(0, 0)).to.equal(0);
    expect(arrive(0, 0), 'twice').to.equal(BLOCK_LENGTH);

    expect([...sink.came.keys()]).to.deep.equal([0]);
    expect(pipeline.inFlightBytes).to.equal(0);
  });

  it('passes over a range that is no block of ours', () => {
    const { queue } = aScene();
    queue.add(new MemorySink(0), false);
    queue.pump(0);
    const fragment = new Uint8Array(100);

    const odd = {
      type: 'piece',
      pieceIndex: 0,
      blockOffset: 5,
      lengthBytes: 100,
      fragmentOffset: 0,
      fragment,
    } as const;

    expect(queue.handleFragment(odd, undefined, 'them', 0)).to.equal(100);
  });

  it('takes back what is on its way when a piece leaves, and gives the claims back', () => {
    const { queue, said, pipeline } = aScene({ reqq: 3 });
    const sink = new MemorySink(0);
    queue.add(sink, false);
    queue.pump(0);
    said();

    expect(queue.remove(sink.pieceIndex, true)?.sink).to.equal(sink);

    expect(said()).to.deep.equal(['cancel 0:0', 'cancel 0:1', 'cancel 0:2']);
    expect([...sink.free].sort()).to.deep.equal([0, 1, 2, 3]);
    expect(pipeline.inFlightCount).to.equal(0);
    expect(queue.remove(sink.pieceIndex, true)).to.equal(undefined);
    queue.pump(0);
    expect(said()).to.deep.equal([]);
  });

  it('does not complete a block with the rest of an answer that it had taken back', () => {
    const { queue, arrive } = aScene();
    const first = new MemorySink(0);
    queue.add(first, false);
    queue.pump(0);
    arrive(0, 0, { from: 0, to: 8000 });
    queue.remove(first.pieceIndex, true);
    const second = new MemorySink(0);
    queue.add(second, false);
    queue.pump(0);

    expect(arrive(0, 0, { from: 8000 }), 'the rest of the first answer').to.equal(BLOCK_LENGTH - 8000);
    expect(second.came.size).to.equal(0);

    expect(arrive(0, 0)).to.equal(0);
    expect([...second.came.keys()]).to.deep.equal([0]);
  });

  it('forgets a request whose piece ended meanwhile, once its block has come', () => {
    const { queue, arrive, pipeline } = aScene();
    const sink = new MemorySink(0);
    queue.add(sink, true);
    queue.pump(0);
    sink.isOver = true;

    expect(arrive(0, 3)).to.equal(BLOCK_LENGTH);

    expect(pipeline.isInFlight(0, 3)).to.equal(false);
    expect(queue.tasks.get(sink.pieceIndex)?.inFlight.has(3)).to.equal(false);
  });

  it('asks again for a block that was refused', () => {
    const { queue, said, pipeline } = aScene();
    const sink = new MemorySink(0);
    queue.add(sink, false);
    queue.pump(0);
    said();

    expect(queue.handleRejected(range(0, 1))).to.equal(true);
    expect(queue.handleRejected(range(0, 1)), 'twice').to.equal(false);
    expect(pipeline.isInFlight(0, 1)).to.equal(false);
    queue.pump(0);

    expect(said()).to.deep.equal(['request 0:1']);
  });

  it('takes no refusal for one of its blocks that names another range', () => {
    const { queue, pipeline } = aScene();
    queue.add(new MemorySink(0), false);
    queue.pump(0);

    expect(queue.handleRejected({ ...range(0, 1), blockOffset: BLOCK_LENGTH + 5 })).to.equal(false);
    expect(queue.handleRejected({ ...range(0, 1), lengthBytes: 1 })).to.equal(false);
    expect(queue.handleRejected(range(2, 0))).to.equal(false);

    expect(pipeline.inFlightCount).to.equal(4);
  });

  it('looks for blocks again when it is woken, and not before', () => {
    const { queue, said } = aScene();
    const sink = new MemorySink(0);
    sink.free.delete(3);
    queue.add(sink, false);
    queue.pump(0);
    said();

    sink.free.add(3);
    queue.pump(0);
    expect(said()).to.deep.equal([]);
    queue.wake(sink.pieceIndex);
    queue.wake(sink.pieceIndex);
    queue.pump(0);

    expect(said()).to.deep.equal(['request 0:3']);
  });

  it('waits for memory, but asks for one block when nothing at all is on its way', () => {
    const { queue, said, arrive } = aScene();
    const sink = new MemorySink(0);
    sink.hasMemory = false;
    queue.add(sink, false);

    queue.pump(0);
    expect(said()).to.deep.equal(['request 0:0']);
    expect(sink.forced).to.deep.equal([true]);
    queue.pump(0);
    expect(said()).to.deep.equal([]);

    arrive(0, 0);
    sink.hasMemory = true;
    queue.pump(0);
    expect(said()).to.deep.equal(['request 0:1', 'request 0:2', 'request 0:3']);
  });

  it('names pieces of its own that have waited for helpers, again after each wait', () => {
    const { queue, arrive } = aScene();
    const own = new MemorySink(0);
    own.free.delete(3);
    const helped = new MemorySink(1);
    helped.free.clear();
    queue.add(own, false);
    queue.add(helped, true);
    queue.pump(0);

    expect(queue.starving(0, 1_000), 'blocks are on their way').to.deep.equal([]);
    for (const block of [0, 1, 2]) arrive(0, block);
    expect(queue.starving(100, 1_000)).to.deep.equal([]);
    expect(queue.starving(1_099, 1_000)).to.deep.equal([]);
    expect(queue.starving(1_100, 1_000)).to.deep.equal([0]);
    expect(queue.starving(1_200, 1_000)).to.deep.equal([]);
    expect(queue.starving(2_100, 1_000)).to.deep.equal([0]);
  });

  describe('under a rate limit', () => {
    it('asks while there are tokens', () => {
      const { queue, said, bucket } = aScene({ tokens: 2 * BLOCK_LENGTH });
      queue.add(new MemorySink(0), false);

      queue.pump(0);
      expect(said()).to.have.length(2);
      bucket.refill(BLOCK_LENGTH * 10, 100);
      queue.pump(0);

      expect(said()).to.have.length(1);
    });

    it('has the tokens back of blocks that are refused or taken back', () => {
      const { queue, said } = aScene({ tokens: 2 * BLOCK_LENGTH });
      const sink = new MemorySink(0);
      queue.add(sink, false);
      queue.pump(0);
      queue.handleRejected(range(0, 0));
      queue.remove(sink.pieceIndex, false);
      said();

      queue.add(new MemorySink(1), false);
      queue.pump(0);

      expect(said()).to.have.length(2);
    });

    it('counts what arrives though it was taken back', () => {
      const { queue, said, arrive } = aScene({ tokens: 2 * BLOCK_LENGTH });
      const sink = new MemorySink(0);
      queue.add(sink, false);
      queue.pump(0);
      queue.remove(sink.pieceIndex, true);
      arrive(0, 0);
      said();

      queue.add(new MemorySink(1), false);
      queue.pump(0);

      expect(said()).to.have.length(1);
    });
  });
});
