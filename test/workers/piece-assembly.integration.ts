import { expect } from 'chai';
import { createHash } from 'node:crypto';

import { StorageError } from '../../src/errors.js';
import { BLOCK_LENGTH } from '../../src/metainfo/piece-layout.js';
import { Bitfield } from '../../src/protocol/bitfield.js';
import type { FailedPieceEvidence, PartialPiece } from '../../src/swarm/swarm-events.js';
import { BlockClaims } from '../../src/workers/block-claims.js';
import { PieceAssembly, type AssemblyResult } from '../../src/workers/piece-assembly.js';
import { MIB, turns, until, useTorrents, type TorrentOnDisk } from './torrent-on-disk.js';

const RUN_BLOCKS = 4;

/** An assembly, and what came of it. */
interface Work {
  readonly assembly: PieceAssembly;
  readonly results: AssemblyResult[];
  readonly errors: unknown[];
  readonly claims: BlockClaims;
}

interface WorkOptions {
  readonly pieceIndex?: number;
  readonly partial?: PartialPiece;
  readonly evidence?: FailedPieceEvidence;
  readonly runBlocks?: number;
}

function work(torrent: TorrentOnDisk, options: WorkOptions = {}): Work {
  const pieceIndex = torrent.piece(options.pieceIndex ?? 0);
  const results: AssemblyResult[] = [];
  const errors: unknown[] = [];
  const claims = BlockClaims.allocate(torrent.layout.blockCount(pieceIndex));
  const assembly = new PieceAssembly({
    tools: torrent,
    pieceIndex,
    ownerLinkId: 2,
    claims,
    partial: options.partial ?? [],
    evidence: options.evidence,
    runBlocks: options.runBlocks ?? RUN_BLOCKS,
    onSettled: (result) => results.push(result),
    onError: (error) => errors.push(error),
  });
  assembly.start();
  return { assembly, results, errors, claims };
}

/** Claims a block, fills it, tells of it. */
function deliver(torrent: TorrentOnDisk, { assembly }: Work, block: number, source = 'a', bytes?: Uint8Array): void {
  while (assembly.blockMemory(block) === undefined) {
    const next = assembly.claimNext(false, true);
    if (typeof next !== 'number') throw new Error(`block ${block} cannot be claimed: ${next ?? 'nothing is free'}`);
  }
  assembly.blockMemory(block)?.set(bytes ?? torrent.block(assembly.pieceIndex, block));
  assembly.handleBlock(block, source);
}

function blocksOf(torrent: TorrentOnDisk, pieceIndex = 0): number[] {
  return Array.from({ length: torrent.layout.blockCount(torrent.piece(pieceIndex)) }, (_, block) => block);
}

function wrong(bytes: Uint8Array): Uint8Array {
  return bytes.map((byte) => byte ^ 0xff);
}

/** Which blocks each source brought. */
function told(partial: PartialPiece, blockCount: number): Record<string, number[]> {
  return Object.fromEntries(
    partial.map(({ source, blocks }) => [source, [...new Bitfield(blockCount, blocks).indices()]]),
  );
}

async function settled(done: Work): Promise<AssemblyResult> {
  await until(() => done.results.length + done.errors.length > 0);
  if (done.errors.length > 0) throw done.errors[0];
  expect(done.results).to.have.length(1);
  return done.results[0] as AssemblyResult;
}

describe('PieceAssembly', () => {
  const aTorrent = useTorrents();

  describe('of one run', () => {
    for (const lengths of [1, 127, 128, BLOCK_LENGTH - 1, BLOCK_LENGTH, BLOCK_LENGTH + 1, RUN_BLOCKS * BLOCK_LENGTH]) {
      it(`puts a piece of ${lengths} bytes on disk when its hash holds`, async () => {
        const torrent = aTorrent({ pieceLengthBytes: RUN_BLOCKS * BLOCK_LENGTH, lengths });
        const one = work(torrent);

        for (const block of blocksOf(torrent).reverse()) deliver(torrent, one, block);

        expect(await settled(one)).to.deep.equal({ type: 'verified', liars: [] });
        expect(torrent.onDisk().equals(torrent.bytes)).to.equal(true);
        expect(torrent.pool.usedBytes).to.equal(0);
        expect(torrent.files.writes, 'one write').to.have.length(1);
      });
    }

    it('writes nothing of a piece that fails, and names who sent it', async () => {
      const torrent = aTorrent({ pieceLengthBytes: 2 * BLOCK_LENGTH, lengths: 2 * BLOCK_LENGTH });
      const one = work(torrent);

      deliver(torrent, one, 0);
      deliver(torrent, one, 1, 'a', wrong(torrent.block(0, 1)));

      expect(await settled(one)).to.deep.equal({ type: 'failed', contributors: ['a'] });
      expect(torrent.files.writes).to.have.length(0);
      expect(torrent.pool.usedBytes).to.equal(0);
    });

    it('keeps evidence of a failure with several contributors', async () => {
      const torrent = aTorrent({ pieceLengthBytes: 2 * BLOCK_LENGTH, lengths: 2 * BLOCK_LENGTH });
      const one = work(torrent);
      const lie = wrong(torrent.block(0, 1));

      deliver(torrent, one, 0, 'honest');
      deliver(torrent, one, 1, 'liar', lie);
      const result = await settled(one);

      if (result.type !== 'failed' || !result.evidence) throw new Error('no evidence');
      expect(result.contributors).to.deep.equal(['honest', 'liar']);
      expect(told(result.evidence.sources, 2)).to.deep.equal({ honest: [0], liar: [1] });
      const digests = [torrent.block(0, 0), lie].map((bytes) => createHash('sha1').update(bytes).digest());
      expect(Buffer.from(result.evidence.blockDigests).equals(Buffer.concat(digests))).to.equal(true);
    });

    it('says that the torrent contradicts itself, and blames nobody', async () => {
      const torrent = aTorrent({ pieceLengthBytes: 1000, lengths: 1000, wrong: ['sha1'] });
      const one = work(torrent);

      deliver(torrent, one, 0);

      expect(await settled(one)).to.deep.equal({ type: 'contradiction', holds: ['blake3'], fails: ['sha1'] });
      expect(torrent.pool.usedBytes).to.equal(0);
    });
  });

  describe('of many runs', () => {
    const blockCount = 3 * RUN_BLOCKS + 2;
    const lengths = blockCount * BLOCK_LENGTH - 100;
    const shape = { pieceLengthBytes: lengths, lengths };

    for (const [name, order] of [
      ['in order', (blocks: number[]) => blocks],
      ['backwards', (blocks: number[]) => blocks.reverse()],
      ['the second half first', (blocks: number[]) => [...blocks.slice(7), ...blocks.slice(0, 7)]],
      ['odd ones first', (blocks: number[]) => [...blocks.filter((b) => b % 2), ...blocks.filter((b) => b % 2 === 0)]],
    ] as const) {
      it(`hashes and writes blocks that come ${name}`, async () => {
        const torrent = aTorrent(shape);
        const one = work(torrent);

        for (const block of order(blocksOf(torrent))) {
          deliver(torrent, one, block);
          if (block % 3 === 0) await turns(2);
        }

        expect(await settled(one)).to.deep.equal({ type: 'verified', liars: [] });
        expect(torrent.onDisk().equals(torrent.bytes)).to.equal(true);
        expect(torrent.pool.usedBytes).to.equal(0);
      });
    }

    it('gives a run’s memory back once it is written', async () => {
      const torrent = aTorrent(shape);
      const one = work(torrent);

      for (let block = 0; block < RUN_BLOCKS; block += 1) deliver(torrent, one, block);
      await until(() => torrent.pool.usedBytes === 0);

      expect(torrent.files.writes).to.deep.equal([{ offset: 0, lengthBytes: RUN_BLOCKS * BLOCK_LENGTH }]);
      await one.assembly.release();
    });

    it('tells of a piece of 16 MiB in runs of 1 MiB, the last one short', async () => {
      const lengths = 16 * MIB - 5;
      const torrent = aTorrent({ pieceLengthBytes: 16 * MIB, lengths });
      const one = work(torrent, { runBlocks: 64 });

      for (const block of blocksOf(torrent)) {
        deliver(torrent, one, block);
        if (block % 64 === 63) await until(() => torrent.pool.usedBytes <= MIB);
      }

      expect(await settled(one)).to.deep.equal({ type: 'verified', liars: [] });
      expect(torrent.onDisk().equals(torrent.bytes)).to.equal(true);
      expect(torrent.pool.usedBytes).to.equal(0);
    });

    it('keeps evidence of a failure, read back from disk', async () => {
      const torrent = aTorrent(shape);
      const one = work(torrent);

      for (const block of blocksOf(torrent)) {
        if (block === 5) deliver(torrent, one, block, 'liar', wrong(torrent.block(0, 5)));
        else deliver(torrent, one, block, 'honest');
      }
      const result = await settled(one);

      if (result.type !== 'failed' || !result.evidence) throw new Error('no evidence');
      expect(told(result.evidence.sources, blockCount)['liar']).to.deep.equal([5]);
      const digest = createHash('sha1').update(torrent.block(0, 13)).digest();
      expect(Buffer.from(result.evidence.blockDigests.subarray(13 * 20)).equals(digest)).to.equal(true);
      expect(torrent.pool.usedBytes).to.equal(0);
    });

    it('computes the other hashes from disk before it blames anyone', async () => {
      // The fifth piece is checked by the chosen hash alone at first.
      const pieceLengthBytes = 2 * RUN_BLOCKS * BLOCK_LENGTH;
      const torrent = aTorrent({ pieceLengthBytes, lengths: 6 * pieceLengthBytes, wrong: ['blake3'] });
      const one = work(torrent, { pieceIndex: 5 });

      for (const block of blocksOf(torrent, 5)) deliver(torrent, one, block);

      expect(await settled(one)).to.deep.equal({ type: 'contradiction', holds: ['sha1'], fails: ['blake3'] });
      expect(torrent.pool.usedBytes).to.equal(0);
    });
  });

  describe('released', () => {
    for (const [name, pieceLengthBytes] of [
      ['a single run', RUN_BLOCKS * BLOCK_LENGTH],
      ['many runs', 3 * RUN_BLOCKS * BLOCK_LENGTH],
    ] as const) {
      it(`puts the blocks of ${name} on disk, and another link goes on with them`, async () => {
        const torrent = aTorrent({ pieceLengthBytes, lengths: pieceLengthBytes });
        const blocks = blocksOf(torrent);
        const first = work(torrent);
        for (const block of blocks.filter((each) => each % 2 === 1)) deliver(torrent, first, block, 'a');

        const partial = await first.assembly.release();

        expect(told(partial, blocks.length)).to.deep.equal({ a: blocks.filter((each) => each % 2 === 1) });
        expect(torrent.pool.usedBytes).to.equal(0);
        const second = work(torrent, { partial });
        const asked: number[] = [];
        for (let block = second.assembly.claimNext(false, false); typeof block === 'number';) {
          asked.push(block);
          block = second.assembly.claimNext(false, false);
        }
        expect(asked).to.deep.equal(blocks.filter((each) => each % 2 === 0));
        for (const block of asked) deliver(torrent, second, block, 'b');
        expect(await settled(second)).to.deep.equal({ type: 'verified', liars: [] });
        expect(torrent.onDisk().equals(torrent.bytes)).to.equal(true);
        expect(torrent.pool.usedBytes).to.equal(0);
        expect(first.results, 'the first link says nothing more').to.deep.equal([]);
      });

      it(`takes nothing more for ${name}`, async () => {
        const torrent = aTorrent({ pieceLengthBytes, lengths: pieceLengthBytes });
        const one = work(torrent);
        deliver(torrent, one, 0);

        const released = one.assembly.release();

        expect(one.assembly.claimNext(false, true)).to.equal(undefined);
        expect(one.assembly.blockMemory(1)).to.equal(undefined);
        one.assembly.handleBlock(1, 'late');
        one.assembly.handleFerried([2], 'late');
        expect(told(await released, blocksOf(torrent).length)).to.deep.equal({ a: [0] });
      });
    }

    it('leaves nothing to helpers in other threads', async () => {
      const torrent = aTorrent({ pieceLengthBytes: 4 * BLOCK_LENGTH, lengths: 4 * BLOCK_LENGTH });
      const one = work(torrent);
      const helper = new BlockClaims(one.claims.memory);
      helper.claimForHelp(3);

      await one.assembly.release();

      expect(helper.findFree(true)).to.equal(undefined);
      expect(helper.beginWrite(3)).to.equal(false);
    });

    it('loses nothing when its last block came and it is being verified', async () => {
      const torrent = aTorrent({ pieceLengthBytes: 4 * BLOCK_LENGTH, lengths: 4 * BLOCK_LENGTH });
      const first = work(torrent);
      torrent.files.hold();
      for (const block of blocksOf(torrent)) deliver(torrent, first, block);

      const released = first.assembly.release();
      await turns();
      torrent.files.letGo();
      const partial = await released;

      const second = work(torrent, { partial });
      expect(await settled(second)).to.deep.equal({ type: 'verified', liars: [] });
      expect(torrent.onDisk().equals(torrent.bytes)).to.equal(true);
      expect(torrent.pool.usedBytes).to.equal(0);
    });

    it('stops reading back what was written out of order', async () => {
      const lengths = 4 * RUN_BLOCKS * BLOCK_LENGTH;
      const torrent = aTorrent({ pieceLengthBytes: lengths, lengths });
      const one = work(torrent);
      for (let block = RUN_BLOCKS; block < 4 * RUN_BLOCKS; block += 1) deliver(torrent, one, block);
      await until(() => torrent.files.writes.length === 3);
      await until(() => torrent.pool.usedBytes === RUN_BLOCKS * BLOCK_LENGTH);
      for (let block = 0; block < RUN_BLOCKS; block += 1) deliver(torrent, one, block);
      await until(() => torrent.files.reads.length === 1);

      const readBefore = torrent.files.reads.length;
      await one.assembly.release();

      expect(torrent.files.reads.length - readBefore).to.be.at.most(1);
      expect(torrent.pool.usedBytes).to.equal(0);
    });

    it('gives all memory back when the disk refuses', async () => {
      const lengths = 3 * RUN_BLOCKS * BLOCK_LENGTH;
      const torrent = aTorrent({ pieceLengthBytes: lengths, lengths });
      const one = work(torrent);
      for (const block of [0, RUN_BLOCKS, 2 * RUN_BLOCKS]) deliver(torrent, one, block);
      expect(torrent.pool.usedBytes).to.be.greaterThan(2 * RUN_BLOCKS * BLOCK_LENGTH);
      torrent.files.writeError = new StorageError('P2P_DISK_FULL', 'the disk is full');

      let thrown: unknown;
      await one.assembly.release().catch((error: unknown) => (thrown = error));

      expect(thrown).to.equal(torrent.files.writeError);
      expect(torrent.pool.usedBytes).to.equal(0);
    });
  });

  it('tells of a disk that is full, once, and gives its memory back on release', async () => {
    const torrent = aTorrent({ pieceLengthBytes: BLOCK_LENGTH, lengths: BLOCK_LENGTH });
    const one = work(torrent);
    torrent.files.writeError = new StorageError('P2P_DISK_FULL', 'the disk is full');

    deliver(torrent, one, 0);
    await until(() => one.errors.length > 0);

    expect(one.errors).to.deep.equal([torrent.files.writeError]);
    expect(one.results).to.deep.equal([]);
    await one.assembly.release().catch(() => undefined);
    expect(torrent.pool.usedBytes).to.equal(0);
  });

  it('waits a minute for a helper that is writing, then takes its thread for dead', () => {
    const torrent = aTorrent({ pieceLengthBytes: 2 * BLOCK_LENGTH, lengths: 2 * BLOCK_LENGTH });
    const one = work(torrent);
    const helper = new BlockClaims(one.claims.memory);
    helper.claimForHelp(1);
    helper.beginWrite(1);
    deliver(torrent, one, 0);

    for (let second = 0; second < 60; second += 1) one.assembly.takeOver();
    expect(one.assembly.claimNext(false, false)).to.equal(undefined);
    one.assembly.takeOver();

    expect(one.assembly.claimNext(false, false)).to.equal(1);
    return one.assembly.release();
  });

  it('waits for memory without a claim', () => {
    const torrent = aTorrent({ pieceLengthBytes: 8 * BLOCK_LENGTH, lengths: 8 * BLOCK_LENGTH, budgetBytes: 65_536 });
    const one = work(torrent);
    for (let block = 0; block < RUN_BLOCKS; block += 1) expect(one.assembly.claimNext(false, false)).to.equal(block);

    expect(one.assembly.claimNext(false, false)).to.equal('no-memory');

    expect(one.claims.findFree(false)).to.equal(RUN_BLOCKS);
    expect(one.assembly.claimNext(false, true), 'forced').to.equal(RUN_BLOCKS);
    return one.assembly.release();
  });

  describe('with evidence', () => {
    const lengths = 3 * RUN_BLOCKS * BLOCK_LENGTH;

    for (const [name, runBlocks] of [
      ['one run', 100],
      ['many runs', RUN_BLOCKS],
    ] as const) {
      it(`convicts whoever sent the block that differs, over ${name}`, async () => {
        const torrent = aTorrent({ pieceLengthBytes: lengths, lengths });
        const first = work(torrent, { runBlocks });
        for (const block of blocksOf(torrent)) {
          if (block === 6) deliver(torrent, first, block, 'liar', wrong(torrent.block(0, 6)));
          else deliver(torrent, first, block, block < 3 ? 'honest' : 'liar');
        }
        const failed = await settled(first);
        if (failed.type !== 'failed' || !failed.evidence) throw new Error('no evidence');

        const second = work(torrent, { runBlocks, evidence: failed.evidence });
        for (const block of blocksOf(torrent)) deliver(torrent, second, block, 'third');

        expect(await settled(second)).to.deep.equal({ type: 'verified', liars: ['liar'] });
        expect(torrent.onDisk().equals(torrent.bytes)).to.equal(true);
      });
    }
  });

  describe('with blocks on disk', () => {
    it('verifies a piece that is there whole, by itself', async () => {
      for (const runBlocks of [RUN_BLOCKS, 100]) {
        const lengths = 3 * RUN_BLOCKS * BLOCK_LENGTH - 7;
        const torrent = aTorrent({ pieceLengthBytes: lengths, lengths });
        torrent.writeAll();
        const partial = [{ source: 'disk', blocks: Bitfield.full(3 * RUN_BLOCKS).bytes }];

        expect(await settled(work(torrent, { partial, runBlocks }))).to.deep.equal({ type: 'verified', liars: [] });
        expect(torrent.pool.usedBytes).to.equal(0);
      }
    });

    it('blames the disk when what lies there is wrong', async () => {
      const torrent = aTorrent({ pieceLengthBytes: 2 * BLOCK_LENGTH, lengths: 2 * BLOCK_LENGTH });
      await torrent.files.write(0, wrong(torrent.block(0, 0)));
      const blocks = new Bitfield(2);
      blocks.set(0);
      const one = work(torrent, { partial: [{ source: 'disk', blocks: blocks.bytes }] });

      deliver(torrent, one, 1, 'honest');
      const result = await settled(one);

      expect(result.type === 'failed' && result.contributors).to.deep.equal(['disk', 'honest']);
    });

    for (const runBlocks of [RUN_BLOCKS, 100]) {
      it(`takes blocks that helpers ferried, with runs of ${runBlocks} blocks`, async () => {
        const lengths = 2 * RUN_BLOCKS * BLOCK_LENGTH;
        const torrent = aTorrent({ pieceLengthBytes: lengths, lengths });
        const one = work(torrent, { runBlocks });
        const ferried = [7, 6, 5, 3];
        const helper = new BlockClaims(one.claims.memory);
        for (const block of ferried) {
          helper.claimForHelp(block);
          await torrent.files.write(block * BLOCK_LENGTH, torrent.block(0, block));
          helper.markDone(block);
        }

        deliver(torrent, one, 0);
        one.assembly.handleFerried(ferried, 'helper');
        one.assembly.handleFerried(ferried, 'twice');
        expect(one.assembly.isWhole).to.equal(false);
        for (const block of [1, 2, 4]) deliver(torrent, one, block);
        expect(one.assembly.isWhole).to.equal(true);

        expect(await settled(one)).to.deep.equal({ type: 'verified', liars: [] });
        expect(torrent.onDisk().equals(torrent.bytes)).to.equal(true);
        expect(torrent.pool.usedBytes).to.equal(0);
      });
    }
  });
});
