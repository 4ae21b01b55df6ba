import { expect } from 'chai';
import { BLOCK_LENGTH } from '../../src/metainfo/piece-layout.js';
import { Bitfield } from '../../src/protocol/bitfield.js';
import { aPeerId, piece, SwarmTester } from './swarm-fixture.js';

describe('Swarm', () => {
  it('fetches every piece from an unchoking seed, announces each and completes once', () => {
    const tester = new SwarmTester({ pieceCount: 4 });

    tester.connect({ linkId: 100 });
    for (const index of tester.fetched(100)) tester.verify(100, index);

    expect([...tester.fetched(100)].sort()).to.deep.equal([0, 1, 2, 3]);
    expect(tester.of('interested')).to.have.length(1);
    expect(tester.of('broadcast-have')).to.have.length(4);
    expect(tester.of('record-piece')).to.have.length(4);
    expect(tester.of('complete')).to.have.length(1);
    expect(tester.of('not-interested')).to.have.length(1);
    expect(tester.swarm.owned.isFull()).to.equal(true);
  });

  it('counts what was verified as come, though no link has been measured since', () => {
    const tester = new SwarmTester({ pieceCount: 4, pieces: [0] });

    tester.connect({ linkId: 100 });
    for (const index of tester.fetched(100)) tester.verify(100, index);

    const { downTotalBytes, verifiedBytes } = tester.swarm.snapshot(tester.nowMs);
    expect(downTotalBytes).to.equal((verifiedBytes / 4) * 3);
  });

  it('fetches nothing when it only seeds, and never says complete', () => {
    const tester = new SwarmTester({ wantsPieces: false, pieces: [0] });

    tester.connect({ linkId: 100 });

    expect(tester.of('fetch-piece')).to.deep.equal([]);
    expect(tester.of('interested')).to.deep.equal([]);
    expect(tester.of('complete')).to.deep.equal([]);
  });

  it('is complete at once when everything is there at the start', () => {
    const tester = new SwarmTester({ pieceCount: 2, pieces: [0, 1] });

    expect(tester.of('complete')).to.have.length(1);
  });

  it('fetches what is wanted alone, is complete then, and a partial seed', () => {
    const wanted = new Bitfield(4);
    wanted.set(1);
    wanted.set(3);
    const url = 'http://tracker.example/announce';
    const tester = new SwarmTester({ pieceCount: 4, wanted, trackerTiers: [[url]] });
    expect(tester.of('announce').map(({ event }) => event)).to.deep.equal(['started']);
    tester.handle({ type: 'announce-succeeded', url, intervalMs: 60_000, minIntervalMs: 1_000, peers: [] });

    tester.connect({ linkId: 100, pieces: [0, 2] });
    tester.connect({ linkId: 101 });
    for (const index of tester.fetched(101)) tester.verify(101, index);
    tester.pass(1_000);

    expect(tester.of('interested').map(({ linkId }) => linkId)).to.deep.equal([101]);
    expect([...tester.fetched(101)].sort()).to.deep.equal([1, 3]);
    expect(tester.of('complete')).to.have.length(1);
    expect(tester.swarm.snapshot(tester.nowMs)).to.include({ wantedPieces: 2, wantedVerifiedPieces: 2 });
    expect(tester.of('announce').map(({ event }) => event)).to.deep.equal(['started', 'paused']);
    tester.handle({ type: 'announce-succeeded', url, intervalMs: 60_000, minIntervalMs: 1_000, peers: [] });
    tester.pass(30_000);
    expect(tester.of('announce')).to.have.length(2);
  });

  it('asks others for what a peer says that it has no more, and is not interested in one with nothing else', () => {
    const tester = new SwarmTester({ pieceCount: 2, pieces: [0] });
    tester.connect({ linkId: 100 });
    expect(tester.fetched(100)).to.deep.equal([1]);

    tester.handle({ type: 'peer-dont-have', linkId: 100, pieceIndex: piece(1) });
    tester.handle({ type: 'piece-released', linkId: 100, pieceIndex: piece(1), partial: [] });
    tester.connect({ linkId: 101, pieces: [1] });

    expect(tester.of('release-piece').map(({ linkId }) => linkId)).to.deep.equal([100]);
    expect(tester.of('not-interested').map(({ linkId }) => linkId)).to.deep.equal([100]);
    expect(tester.fetched(100)).to.deep.equal([1]);
    expect(tester.fetched(101)).to.deep.equal([1]);
    tester.handle({ type: 'peer-have', linkId: 100, pieceIndices: [piece(1)] });
    expect(tester.of('interested').at(-1)).to.include({ linkId: 100 });
  });

  it('takes back what it offered, and offers it again when it is there again', () => {
    const tester = new SwarmTester({ pieceCount: 3, pieces: [0, 1, 2], wantsPieces: false });
    tester.connect({ linkId: 100, pieces: 'none' });

    tester.handle({ type: 'pieces-lost', pieceIndices: [piece(1), piece(2)] });
    expect(tester.swarm.snapshot(tester.nowMs).verifiedPieces).to.equal(1);
    tester.handle({ type: 'pieces-regained', pieceIndices: [piece(0), piece(2)] });

    expect(tester.of('broadcast-dont-have').map(({ pieceIndex }) => pieceIndex)).to.deep.equal([1, 2]);
    expect(tester.of('broadcast-have').map(({ pieceIndex }) => pieceIndex)).to.deep.equal([2]);
    expect(tester.of('close')).to.deep.equal([]);
    expect([...tester.swarm.owned.indices()]).to.deep.equal([0, 2]);
  });

  it('goes on with another link where the first stopped', () => {
    const tester = new SwarmTester({ pieceCount: 1 });
    tester.connect({ linkId: 100 });
    const partial = [{ source: 'id:x', blocks: Uint8Array.of(0x80) }];

    tester.handle({ type: 'peer-choked', linkId: 100 });
    tester.handle({ type: 'piece-released', linkId: 100, pieceIndex: piece(0), partial });
    tester.connect({ linkId: 101 });

    expect(tester.fetched(101)).to.deep.equal([0]);
    expect(tester.of('fetch-piece').at(-1)?.partial).to.deep.equal(partial);
  });

  it('survives events of links that it does not know', () => {
    const tester = new SwarmTester();

    tester.verify(7, 0);
    tester.handle({ type: 'piece-released', linkId: 7, pieceIndex: piece(0), partial: [] });
    tester.handle({ type: 'piece-failed', linkId: 7, pieceIndex: piece(0), contributors: ['a'] });
    tester.handle({ type: 'link-closed', linkId: 7, reason: 'lost' });
    tester.handle({ type: 'peer-have', linkId: 7, pieceIndices: [piece(1)] });
    tester.handle({ type: 'dial-failed', linkId: 7 });

    expect(tester.actions).to.deep.equal([]);
  });

  it('takes a verified piece though it had just been asked back', () => {
    const tester = new SwarmTester({ pieceCount: 1, pieceLengthBytes: 128 });
    tester.connect({ linkId: 100 });
    tester.connect({ linkId: 101 });

    tester.measure(100, { stalledMs: 25_000 });
    tester.pass(1_000);
    expect(tester.of('release-piece').map((release) => release.linkId)).to.deep.equal([100]);
    tester.verify(100, 0);

    expect(tester.of('complete')).to.have.length(1);
  });

  it('takes a piece that its link finished although it had given it back', () => {
    const tester = new SwarmTester({ pieceCount: 1 });
    tester.connect({ linkId: 100 });

    tester.handle({ type: 'peer-choked', linkId: 100 });
    tester.handle({ type: 'piece-released', linkId: 100, pieceIndex: piece(0), partial: [] });
    tester.verify(100, 0);

    expect(tester.of('complete')).to.have.length(1);
  });

  it('gives a piece to nobody else before its helper has let go', () => {
    const tester = new SwarmTester({ pieceCount: 1, pieceLengthBytes: 64 * BLOCK_LENGTH });
    tester.connect({ linkId: 100 });
    tester.nowMs = 500;
    tester.measure(100, { downBytesPerSec: 10_000, roundTripMs: 10 });
    tester.connect({ linkId: 101 });

    tester.handle({ type: 'peer-choked', linkId: 100 });
    tester.handle({ type: 'piece-released', linkId: 100, pieceIndex: piece(0), partial: [] });
    tester.connect({ linkId: 102 });
    expect(tester.fetched(102)).to.deep.equal([]);
    tester.handle({ type: 'piece-released', linkId: 101, pieceIndex: piece(0), partial: [] });

    expect([...tester.fetched(101), ...tester.fetched(102)]).to.deep.equal([0]);
  });

  it('leaves a piece to its link when the link says that blocks of it are on their way', () => {
    const tester = new SwarmTester({ pieceCount: 64, pieceLengthBytes: 128 });
    tester.connect({ linkId: 100 });
    tester.nowMs = 500;
    tester.measure(100, { downBytesPerSec: 1_000, roundTripMs: 10 });
    tester.connect({ linkId: 101 });
    const [kept, released] = tester.of('release-piece').map(({ pieceIndex }) => pieceIndex);
    expect(tester.of('release-piece')[0]).to.include({ linkId: 100, ifUntouched: true });

    tester.handle({ type: 'piece-kept', linkId: 100, pieceIndex: piece(kept ?? -1) });
    tester.handle({ type: 'piece-released', linkId: 100, pieceIndex: piece(released ?? -1), partial: [] });

    expect(tester.fetched(101)).to.include(released).and.not.to.include(kept);
    tester.measure(100, { stalledMs: 25_000 });
    tester.pass(1_000);
    const last = tester.of('release-piece').filter(({ linkId, pieceIndex }) => linkId === 100 && pieceIndex === kept);
    expect(last.at(-1)?.ifUntouched, 'a stalled link is not asked but told').to.equal(undefined);
  });

  it('waits for a helper that never answers only for a while', () => {
    const tester = new SwarmTester({ pieceCount: 1, pieceLengthBytes: 64 * BLOCK_LENGTH });
    tester.connect({ linkId: 100 });
    tester.nowMs = 500;
    tester.measure(100, { downBytesPerSec: 10_000, roundTripMs: 10 });
    tester.connect({ linkId: 101 });
    tester.handle({ type: 'piece-failed', linkId: 100, pieceIndex: piece(0), contributors: ['disk'] });

    tester.pass(5_000);

    expect([...tester.fetched(100), ...tester.fetched(101)]).to.have.length(2);
  });

  it('blames nobody for blocks that lay on the disk', () => {
    const tester = new SwarmTester({ pieceCount: 1 });
    tester.connect({ linkId: 100 });

    for (let failure = 0; failure < 5; failure += 1) {
      tester.handle({ type: 'piece-failed', linkId: 100, pieceIndex: piece(0), contributors: ['disk'] });
    }
    tester.verify(100, 0, ['disk']);

    expect(tester.swarm.snapshot(tester.nowMs).bannedPeers).to.equal(0);
    expect(tester.of('close')).to.deep.equal([]);
  });

  it('bans after two failed pieces and closes the link', () => {
    const tester = new SwarmTester({ pieceCount: 4 });
    tester.connect({ linkId: 100, id: 'aa' });
    const contributors = [`id:${aPeerId('aa')}`];

    tester.handle({ type: 'piece-failed', linkId: 100, pieceIndex: piece(0), contributors });
    expect(tester.of('ban')).to.deep.equal([]);
    tester.handle({ type: 'piece-failed', linkId: 100, pieceIndex: piece(1), contributors });

    expect(tester.of('ban').map((ban) => ban.blameKey)).to.deep.equal(contributors);
    expect(tester.of('close').map((close) => close.linkId)).to.deep.equal([100]);
  });

  it('keeps the evidence of several contributors, and blames whom it convicts', () => {
    const tester = new SwarmTester({ pieceCount: 1 });
    tester.connect({ linkId: 100, id: 'aa' });
    const evidence = { blockDigests: new Uint8Array(80), sources: [] };

    tester.handle({
      type: 'piece-failed',
      linkId: 100,
      pieceIndex: piece(0),
      contributors: [`id:${aPeerId('aa')}`, 'disk', `id:${aPeerId('bb')}`],
      evidence,
    });
    expect(tester.of('fetch-piece').at(-1)?.evidence).to.equal(evidence);
    tester.connect({ linkId: 101, id: 'bb' });
    tester.verify(100, 0, [`id:${aPeerId('bb')}`, 'disk']);

    expect(tester.of('ban').map((ban) => ban.blameKey)).to.deep.equal([`id:${aPeerId('bb')}`]);
  });

  it('lets an idle link help with the last piece of a slow one, and stops it when the piece is there', () => {
    const tester = new SwarmTester({ pieceCount: 1, pieceLengthBytes: 64 * BLOCK_LENGTH });
    tester.connect({ linkId: 100 });
    tester.nowMs = 500;
    tester.measure(100, { downBytesPerSec: 10_000, roundTripMs: 10 });

    tester.connect({ linkId: 101 });
    expect(tester.of('help-piece').map((help) => [help.linkId, help.ownerLinkId])).to.deep.equal([[101, 100]]);
    tester.verify(100, 0);

    expect(tester.of('release-piece').map((release) => release.linkId)).to.deep.equal([101]);
  });

  it('supplies hundreds of small pieces at once, but one long piece to a slow link', () => {
    const small = new SwarmTester({ pieceCount: 1_000, pieceLengthBytes: 128 });
    small.connect({ linkId: 100 });
    const large = new SwarmTester({ pieceCount: 10, pieceLengthBytes: 16_777_216 });
    large.connect({ linkId: 100 });
    large.nowMs = 5_000;
    large.measure(100, { downBytesPerSec: 200_000, downTotalBytes: 1_000_000, roundTripMs: 80 });

    expect(small.fetched(100)).to.have.length(1_000);
    expect(large.fetched(100)).to.have.length(1);
  });

  it('leaves enough of a small file for the seeds that come a moment later', () => {
    const swarm = new SwarmTester({ pieceCount: 480, pieceLengthBytes: 128 });
    swarm.connect({ linkId: 1, unchokes: false });
    swarm.connect({ linkId: 3, unchokes: false });
    swarm.connect({ linkId: 5, unchokes: false });

    for (const linkId of [1, 3, 5]) swarm.handle({ type: 'peer-unchoked', linkId });

    for (const linkId of [1, 3, 5]) expect(swarm.fetched(linkId).length, `link ${linkId}`).to.be.within(40, 80);
  });

  it('closes a link to another seed a moment after it completed', () => {
    const tester = new SwarmTester({ pieceCount: 1 });
    tester.connect({ linkId: 100 });
    tester.verify(100, 0);

    expect(tester.of('close')).to.deep.equal([]);
    tester.pass(5_000);

    expect(tester.of('close').map((close) => close.linkId)).to.deep.equal([100]);
  });

  it('does not dial itself twice', () => {
    const tester = new SwarmTester();
    const address = { host: '127.0.0.1', port: 9_000 };
    tester.handle({ type: 'peers-found', addresses: [address], source: 'tracker' });
    const linkId = tester.of('dial')[0]?.linkId ?? -1;

    tester.handle({ type: 'link-handshaken', linkId, address, incoming: false, peerId: aPeerId('80') });
    tester.handle({ type: 'link-closed', linkId, reason: 'ours' });
    tester.pass(3_600_000);

    expect(tester.of('close')).to.have.length(1);
    expect(tester.of('dial')).to.have.length(1);
  });

  it('keeps of two crossing connections the one that the higher peer id dialled', () => {
    for (const [theirId, expected] of [
      ['90', 1],
      ['70', 100],
    ] as const) {
      const tester = new SwarmTester();
      const address = { host: '127.0.0.1', port: 9_000 };
      tester.handle({ type: 'peers-found', addresses: [address], source: 'tracker' });
      tester.handle({ type: 'link-handshaken', linkId: 1, address, incoming: false, peerId: aPeerId(theirId) });
      tester.connect({ linkId: 100, id: theirId });

      expect(tester.of('close').map((close) => close.linkId)).to.deep.equal([expected]);
    }
  });

  describe('peer exchange', () => {
    const listenPort = 9_001;
    const extended = {
      type: 'peer-extended',
      listenPort,
      uploadOnly: false,
      client: '',
      exchangesPeers: true,
    } as const;

    function meet(options: { readonly isPrivate?: boolean } = {}): SwarmTester {
      const tester = new SwarmTester(options);
      for (const linkId of [100, 102]) {
        tester.connect({ linkId, host: `10.0.0.${linkId}` });
        tester.handle({ ...extended, linkId });
      }
      return tester;
    }

    it('tells connected peers of each other, and dials whom they tell of', () => {
      const tester = meet();
      tester.pass(1_000);
      const address = { host: '10.0.0.7', port: 9_007 };
      tester.handle({ type: 'peers-exchanged', linkId: 100, added: [{ address, isSeed: true, isReachable: true }] });

      expect(tester.of('exchange-peers').map(({ linkId, added }) => [linkId, added[0]?.address.host])).to.deep.equal([
        [100, '10.0.0.102'],
        [102, '10.0.0.100'],
      ]);
      const dialled = tester.of('dial').at(-1);
      expect(dialled?.address).to.deep.equal(address);
      const linkId = dialled?.linkId ?? -1;
      tester.handle({ type: 'link-handshaken', linkId, address, incoming: false, peerId: aPeerId('77') });
      const links = tester.swarm.snapshot(tester.nowMs).links.map(({ source }) => source);
      expect(links).to.deep.equal(['incoming', 'incoming', 'pex']);
    });

    it('neither tells nor believes in a private torrent (BEP 27)', () => {
      const tester = meet({ isPrivate: true });
      tester.pass(120_000);
      const address = { host: '10.0.0.7', port: 9_007 };
      tester.handle({ type: 'peers-exchanged', linkId: 100, added: [{ address, isSeed: true, isReachable: true }] });

      expect(tester.of('exchange-peers')).to.deep.equal([]);
      expect(tester.of('dial')).to.deep.equal([]);
    });
  });

  it('says goodbye to trackers and peers when it stops, and decides nothing more', () => {
    const url = 'http://localhost:9999/announce';
    const tester = new SwarmTester({ trackerTiers: [[url]] });
    tester.connect({ linkId: 100 });
    tester.handle({ type: 'announce-succeeded', url, intervalMs: 120_000, minIntervalMs: 15_000, peers: [] });

    const actions = tester.handle({ type: 'stop' });
    tester.pass(300_000);

    expect(actions.map((action) => action.type)).to.deep.equal(['announce', 'close']);
    expect(tester.actions.at(-1)?.type).to.equal('close');
  });

  it('names the pieces that nobody has', () => {
    const tester = new SwarmTester({ pieceCount: 4, pieces: [0] });
    tester.connect({ linkId: 100, pieces: [0, 2] });

    const { missingEverywhere, missingEverywhereCount, availability } = tester.swarm.snapshot(tester.nowMs);

    expect(missingEverywhere).to.deep.equal([1, 3]);
    expect(missingEverywhereCount).to.equal(2);
    expect(availability).to.equal(0.5);
  });
});
