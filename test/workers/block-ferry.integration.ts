import { expect } from 'chai';

import { StorageError } from '../../src/errors.js';
import { BLOCK_LENGTH } from '../../src/metainfo/piece-layout.js';
import { BlockClaims } from '../../src/workers/block-claims.js';
import { BlockFerry } from '../../src/workers/block-ferry.js';
import { turns, until, useTorrents, type TorrentOnDisk } from './torrent-on-disk.js';

const BLOCKS = 4;

interface Help {
  readonly ferry: BlockFerry;
  /** The owner's view. */
  readonly owner: BlockClaims;
  readonly ferried: { readonly blocks: readonly number[]; readonly source: string }[];
  readonly errors: unknown[];
}

function help(torrent: TorrentOnDisk): Help {
  const owner = BlockClaims.allocate(BLOCKS);
  const ferried: Help['ferried'] = [];
  const errors: unknown[] = [];
  const ferry = new BlockFerry({
    tools: torrent,
    pieceIndex: torrent.piece(1),
    ownerLinkId: 2,
    claims: new BlockClaims(owner.memory),
    onFerried: (blocks, source) => ferried.push({ blocks, source }),
    onError: (error) => errors.push(error),
  });
  return { ferry, owner, ferried, errors };
}

function bring(torrent: TorrentOnDisk, ferry: BlockFerry, block: number): void {
  ferry.blockMemory(block)?.set(torrent.block(1, block));
  ferry.handleBlock(block, 'helper');
}

describe('BlockFerry', () => {
  const aTorrent = useTorrents();
  const shape = { pieceLengthBytes: BLOCKS * BLOCK_LENGTH, lengths: 2 * BLOCKS * BLOCK_LENGTH - 100 };

  it('puts blocks on disk and tells the owner, from the last one on', async () => {
    const torrent = aTorrent(shape);
    const { ferry, owner, ferried } = help(torrent);

    expect(ferry.claimNext(true, false)).to.equal(3);
    expect(ferry.blockMemory(3)).to.have.length(BLOCK_LENGTH - 100);
    expect(ferry.blockMemory(2), 'not claimed').to.equal(undefined);
    bring(torrent, ferry, 3);
    await until(() => ferried.length > 0);

    expect(ferried).to.deep.equal([{ blocks: [3], source: 'helper' }]);
    expect(torrent.onDisk().subarray(-100).equals(torrent.bytes.subarray(-100))).to.equal(true);
    expect(torrent.pool.usedBytes).to.equal(0);
    owner.takeOver();
    expect(owner.claim(3), 'done').to.equal(false);
  });

  it('asks for nothing that the owner asked for', () => {
    const torrent = aTorrent(shape);
    const { ferry, owner } = help(torrent);
    owner.claim(0);
    owner.claim(3);

    expect(ferry.claimNext(true, false)).to.equal(2);
    expect(ferry.claimNext(true, false)).to.equal(1);
    expect(ferry.claimNext(true, false)).to.equal(undefined);

    for (const block of [2, 1]) ferry.giveBack(block);
    expect(torrent.pool.usedBytes).to.equal(0);
  });

  it('waits for memory without a claim', () => {
    const torrent = aTorrent({ ...shape, budgetBytes: BLOCK_LENGTH });
    const { ferry, owner } = help(torrent);
    ferry.claimNext(true, false);

    expect(ferry.claimNext(true, false)).to.equal('no-memory');

    expect(owner.claim(2)).to.equal(true);
    ferry.giveBack(3);
  });

  it('tells the owner when it gives a block back', () => {
    const torrent = aTorrent(shape);
    const { ferry, owner, ferried } = help(torrent);
    ferry.claimNext(true, false);

    ferry.giveBack(3);
    ferry.giveBack(3);

    expect(ferried).to.deep.equal([{ blocks: [], source: '' }]);
    expect(owner.claim(3)).to.equal(true);
    expect(torrent.pool.usedBytes).to.equal(0);
  });

  it('writes no block that the owner has taken over', async () => {
    const torrent = aTorrent(shape);
    const { ferry, owner, ferried } = help(torrent);
    ferry.claimNext(true, false);
    owner.takeOver();

    bring(torrent, ferry, 3);
    await ferry.helpEnded();

    expect(torrent.files.writes).to.deep.equal([]);
    expect(ferried).to.deep.equal([]);
    expect(torrent.pool.usedBytes).to.equal(0);
    expect(owner.claim(3)).to.equal(true);
  });

  it('writes nothing for an owner that gave the piece up', async () => {
    const torrent = aTorrent(shape);
    const { ferry, owner } = help(torrent);
    ferry.claimNext(true, false);
    owner.revoke();

    bring(torrent, ferry, 3);
    await ferry.helpEnded();

    expect(torrent.files.writes).to.deep.equal([]);
    expect(ferry.claimNext(true, false)).to.equal(undefined);
    expect(torrent.pool.usedBytes).to.equal(0);
  });

  it('says that its help has ended only when the last write has', async () => {
    const torrent = aTorrent(shape);
    const { ferry } = help(torrent);
    ferry.claimNext(true, false);
    torrent.files.hold();
    bring(torrent, ferry, 3);

    let hasEnded = false;
    const ended = ferry.helpEnded().then(() => (hasEnded = true));
    await turns();
    expect(hasEnded).to.equal(false);
    torrent.files.letGo();
    await ended;

    expect(torrent.pool.usedBytes).to.equal(0);
  });

  it('tells of a disk that is full', async () => {
    const torrent = aTorrent(shape);
    const { ferry, ferried, errors } = help(torrent);
    torrent.files.writeError = new StorageError('P2P_DISK_FULL', 'the disk is full');
    ferry.claimNext(true, false);

    bring(torrent, ferry, 3);
    await ferry.helpEnded();

    expect(errors).to.deep.equal([torrent.files.writeError]);
    expect(ferried).to.deep.equal([]);
    expect(torrent.pool.usedBytes).to.equal(0);
  });
});
