import { expect } from 'chai';

import { BlockClaims } from '../../src/workers/block-claims.js';

/** The owner's view and a helper's view of one piece, as two threads have them. */
function twoThreads(blockCount: number): { owner: BlockClaims; helper: BlockClaims } {
  const owner = BlockClaims.allocate(blockCount);
  return { owner, helper: new BlockClaims(owner.memory) };
}

/** Claims all that is free. */
function claimAll(claims: BlockClaims, fromBack = false): number[] {
  const blocks: number[] = [];
  for (let block = claims.findFree(fromBack); block !== undefined; block = claims.findFree(fromBack)) {
    expect(claims.claim(block)).to.equal(true);
    blocks.push(block);
  }
  return blocks;
}

describe('BlockClaims', () => {
  it('gives blocks from the front, or from the back', () => {
    expect(claimAll(BlockClaims.allocate(4))).to.deep.equal([0, 1, 2, 3]);
    expect(claimAll(BlockClaims.allocate(4), true)).to.deep.equal([3, 2, 1, 0]);
    expect(BlockClaims.allocate(0).findFree(false)).to.equal(undefined);
  });

  it('gives each block once, whichever thread asks', () => {
    const { owner, helper } = twoThreads(3);

    expect(owner.claim(0)).to.equal(true);
    expect(helper.claimForHelp(0)).to.equal(false);
    expect(helper.claimForHelp(2)).to.equal(true);
    expect(owner.claim(2)).to.equal(false);
    expect(claimAll(owner)).to.deep.equal([1]);
    expect(helper.findFree(true)).to.equal(undefined);
  });

  it('gives a block again that was given back', () => {
    const claims = BlockClaims.allocate(3);
    claimAll(claims);

    claims.giveBack(1);

    expect(claimAll(claims)).to.deep.equal([1]);
  });

  it('sees what another thread gave back once it looks again', () => {
    const { owner, helper } = twoThreads(2);
    helper.claimForHelp(0);
    claimAll(owner);

    helper.giveBackHelp(0);
    owner.rescan();

    expect(claimAll(owner)).to.deep.equal([0]);
  });

  it('never frees a block that is done', () => {
    const { owner, helper } = twoThreads(1);
    owner.claim(0);
    owner.markDone(0);

    owner.giveBack(0);
    helper.giveBackHelp(0);
    owner.takeOver();

    expect(owner.findFree(false)).to.equal(undefined);
  });

  it('lets neither side give back what the other one claimed', () => {
    const { owner, helper } = twoThreads(2);
    owner.claim(0);
    helper.claimForHelp(1);

    helper.giveBackHelp(0);
    owner.giveBack(1);

    expect(owner.findFree(false)).to.equal(undefined);
  });

  it('frees what helpers have claimed and not begun to write, when the owner takes over', () => {
    const { owner, helper } = twoThreads(4);
    owner.claim(0);
    helper.claimForHelp(3);
    helper.claimForHelp(2);
    helper.beginWrite(3);
    expect(claimAll(owner)).to.deep.equal([1]);

    owner.takeOver();

    expect(claimAll(owner)).to.deep.equal([2]);
    expect(helper.beginWrite(2), 'a block that is the owner’s now').to.equal(false);
    helper.giveBackHelp(2);
    expect(owner.findFree(false), 'still the owner’s').to.equal(undefined);
  });

  it('frees what a helper was writing when its thread died', () => {
    const { owner, helper } = twoThreads(1);
    helper.claimForHelp(0);
    helper.beginWrite(0);

    owner.takeOver();
    expect(owner.findFree(false)).to.equal(undefined);
    owner.takeOver(true);

    expect(owner.findFree(false)).to.equal(0);
  });

  it('stops helpers when the piece is over: nothing to claim, nothing to write', () => {
    const { owner, helper } = twoThreads(3);
    owner.claim(0);
    helper.claimForHelp(2);

    owner.revoke();

    expect(helper.findFree(true)).to.equal(undefined);
    expect(helper.beginWrite(2)).to.equal(false);
  });

  it('lets a block be written only by the helper that claimed it', () => {
    const { owner, helper } = twoThreads(2);
    owner.claim(0);

    expect(helper.beginWrite(0)).to.equal(false);
    expect(helper.beginWrite(1)).to.equal(false);
    expect(helper.claimForHelp(1)).to.equal(true);
    expect(helper.beginWrite(1)).to.equal(true);
    expect(helper.beginWrite(1), 'twice').to.equal(false);
  });
});
