import { expect } from 'chai';
import { SwarmTester, type SwarmTestOptions } from './swarm-fixture.js';

const A = 'http://10.0.0.9:8080/files/';

/** A swarm that has opened its web seeds. @returns it and their link ids */
function withWebSeeds(options: SwarmTestOptions = {}): { swarm: SwarmTester; linkIds: readonly number[] } {
  const swarm = new SwarmTester({ webSeeds: [A], ...options });
  swarm.handle({ type: 'wake' });
  return { swarm, linkIds: swarm.of('open-web-seed').map(({ linkId }) => linkId) };
}

const failed = (linkId: number, isLasting = false) =>
  ({ type: 'web-seed-failed', linkId, message: 'answers 503', isLasting }) as const;

describe('Swarm with web seeds', () => {
  it('opens one and gives it pieces in order, and says nothing to it', () => {
    const { swarm, linkIds } = withWebSeeds({ pieceCount: 8 });
    const [linkId = -1] = linkIds;

    expect(swarm.of('open-web-seed')[0]).to.include({ url: A, blameKey: A });
    expect(swarm.fetched(linkId)).to.deep.equal([0, 1, 2, 3, 4, 5, 6, 7]);
    for (const type of ['interested', 'unchoke', 'choke', 'admit'] as const) expect(swarm.of(type)).to.deep.equal([]);
  });

  it('opens none for a seeder, a complete download, or without links', () => {
    expect(withWebSeeds({ wantsPieces: false }).linkIds).to.deep.equal([]);
    expect(withWebSeeds({ pieceCount: 2, pieces: [0, 1] }).linkIds).to.deep.equal([]);
    expect(withWebSeeds({ maxLinks: 0 }).linkIds).to.deep.equal([]);
  });

  it('counts them among the connections, and leaves half of these to peers', () => {
    const webSeeds = [A, 'http://b/', 'http://c/', 'http://d/'];
    const { swarm, linkIds } = withWebSeeds({ webSeeds, maxLinks: 4 });
    const addresses = Array.from({ length: 9 }, (_, at) => ({ host: '10.0.0.1', port: 1_000 + at }));

    swarm.handle({ type: 'peers-found', source: 'typed', addresses });

    expect(linkIds).to.have.length(2);
    expect(swarm.of('dial')).to.have.length(1);
    for (const linkId of [100, 101, 102]) swarm.connect({ linkId });
    expect(swarm.of('close').map(({ linkId }) => linkId)).to.deep.equal([102]);
  });

  it('lets two begin apart', () => {
    const { swarm, linkIds } = withWebSeeds({
      webSeeds: [A, 'http://b/'],
      pieceCount: 100,
      pieceLengthBytes: 1_048_576,
    });

    expect(linkIds.map((linkId) => swarm.fetched(linkId)[0])).to.deep.equal([0, 50]);
  });

  it('closes them when the download is complete', () => {
    const { swarm, linkIds } = withWebSeeds({ pieceCount: 2 });
    const [linkId = -1] = linkIds;
    swarm.verify(linkId, 0);
    swarm.verify(linkId, 1);

    expect(swarm.of('close').map((action) => action.linkId)).to.deep.equal([linkId]);
    swarm.handle({ type: 'link-closed', linkId, reason: 'ours' });
    swarm.pass(60_000);
    expect(swarm.of('open-web-seed')).to.have.length(1);
    expect(swarm.swarm.snapshot(swarm.nowMs).everAnswered).to.equal(true);
  });

  it('tells of a failure, and opens it again after the back-off', () => {
    const { swarm, linkIds } = withWebSeeds();
    const [linkId = -1] = linkIds;

    swarm.handle({ ...failed(linkId), retryAfterMs: 30_000 });
    swarm.handle({ type: 'link-closed', linkId, reason: 'lost' });

    expect(swarm.of('report-web-seed')).to.deep.equal([
      { type: 'report-web-seed', url: A, message: 'answers 503', retryInMs: 30_000 },
    ]);
    swarm.pass(29_000);
    expect(swarm.of('open-web-seed')).to.have.length(1);
    swarm.pass(2_000);
    expect(swarm.of('open-web-seed')).to.have.length(2);
    expect(swarm.fetched(swarm.of('open-web-seed')[1]?.linkId ?? -1)).to.deep.equal([0, 1, 2, 3]);
  });

  it('does not open one again that is no good', () => {
    const { swarm, linkIds } = withWebSeeds();
    const [linkId = -1] = linkIds;

    swarm.handle(failed(linkId, true));
    swarm.handle({ type: 'link-closed', linkId, reason: 'lost' });
    swarm.pass(7_200_000);

    expect(swarm.of('open-web-seed')).to.have.length(1);
    expect(swarm.of('report-web-seed')[0]).to.include({ retryInMs: undefined });
  });

  it('bans one that sent two wrong pieces, by its URL, and gives its pieces to others', () => {
    const { swarm, linkIds } = withWebSeeds();
    const [linkId = -1] = linkIds;
    const fail = (pieceIndex: number) =>
      swarm.handle({
        type: 'piece-failed',
        linkId,
        pieceIndex: swarm.layout.pieceIndex(pieceIndex),
        contributors: [A],
      });
    fail(0);
    expect(swarm.of('ban')).to.deep.equal([]);
    fail(1);

    expect(swarm.of('ban')[0]).to.include({ webSeed: A, blameKey: A });
    expect(swarm.of('close')[0]).to.include({ linkId });
    swarm.handle({ type: 'link-closed', linkId, reason: 'ours' });
    swarm.pass(7_200_000);
    expect(swarm.of('open-web-seed')).to.have.length(1);
    swarm.connect({ linkId: 100 });
    expect(swarm.fetched(100)).to.have.members([0, 1, 2, 3]);
  });

  it('has a peer take over from one that fell silent', () => {
    const { swarm, linkIds } = withWebSeeds({ pieceCount: 8 });
    const [linkId = -1] = linkIds;
    swarm.connect({ linkId: 100 });

    swarm.pass(6_000);

    const asked = swarm.of('release-piece').filter((action) => action.linkId === linkId);
    expect(asked.map(({ pieceIndex }) => pieceIndex)).to.have.members([1, 2, 3, 4, 5, 6, 7]);
    expect(swarm.of('help-piece')[0]).to.include({ linkId: 100, ownerLinkId: linkId, pieceIndex: 0 });
  });

  it('never has one help with single blocks: it takes the piece of a slow peer over', () => {
    const swarm = new SwarmTester({ pieceCount: 2, pieceLengthBytes: 4_194_304, webSeeds: [A], maxLinks: 8 });
    const [webSeed] = swarm.of('open-web-seed');
    const linkId = webSeed?.linkId ?? -1;
    swarm.connect({ linkId: 100 });
    const ofPeer = swarm.fetched(100);
    expect(ofPeer).to.have.length(1);
    swarm.pass(2_000);
    swarm.measure(100, { downBytesPerSec: 10_000, downTotalBytes: 20_000, inFlightBytes: 131_072, roundTripMs: 50 });
    const measure = { downBytesPerSec: 5e6, downTotalBytes: 4_194_304, roundTripMs: 10 };
    swarm.measure(linkId, measure);
    swarm.verify(linkId, swarm.fetched(linkId)[0] ?? -1);
    swarm.measure(linkId, measure);

    expect(swarm.of('help-piece').filter((action) => action.linkId === linkId)).to.deep.equal([]);
    expect(swarm.of('release-piece')).to.deep.include({ type: 'release-piece', linkId: 100, pieceIndex: ofPeer[0] });
  });
});
