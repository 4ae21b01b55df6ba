import { expect } from 'chai';
import { WebSeedRoster } from '../../src/swarm/web-seed-roster.js';

const A = 'http://a/';
const B = 'http://b/';
const roster = (...urls: string[]): WebSeedRoster => new WebSeedRoster({ urls, random: () => 0.5 });
const passing = { message: 'answers 503', isLasting: false };

describe('WebSeedRoster', () => {
  it('opens each once, four at most', () => {
    const seeds = roster(A, B, 'http://c/', 'http://d/', 'http://e/');
    const opened: (string | undefined)[] = [];
    for (let linkId = 1; linkId <= 5; linkId += 1) {
      const url = seeds.pickOpen(0);
      opened.push(url);
      if (url !== undefined) seeds.handleOpened(linkId, url);
    }

    expect(opened).to.deep.equal([A, B, 'http://c/', 'http://d/', undefined]);
    expect(seeds.nextOpenMs()).to.equal(undefined);
  });

  it('leaves one that failed alone, twice as long each time', () => {
    const seeds = roster(A);
    const waits = [1, 2, 3].map((linkId) => {
      seeds.handleOpened(linkId, A);
      const waitMs = seeds.handleFailed(linkId, passing, 0);
      seeds.handleClosed(linkId, 0);
      return waitMs;
    });

    expect(waits).to.deep.equal([2_000, 4_000, 8_000]);
    expect(seeds.pickOpen(7_999)).to.equal(undefined);
    expect(seeds.nextOpenMs()).to.equal(8_000);
    expect(seeds.pickOpen(8_000)).to.equal(A);
  });

  it('waits as long as the server asks for, an hour at most', () => {
    const seeds = roster(A, B);
    seeds.handleOpened(1, A);
    seeds.handleOpened(2, B);

    expect(seeds.handleFailed(1, { ...passing, retryAfterMs: 60_000 }, 0)).to.equal(60_000);
    expect(seeds.handleFailed(2, { ...passing, retryAfterMs: 1e12 }, 0)).to.equal(3_600_000);
  });

  it('drops one that cannot be mended, at once', () => {
    const seeds = roster(A);
    seeds.handleOpened(1, A);

    expect(seeds.handleFailed(1, { message: 'answers 404', isLasting: true }, 0)).to.equal(undefined);
    seeds.handleClosed(1, 0);

    expect(seeds.pickOpen(1e9)).to.equal(undefined);
    expect(seeds.snapshot(0)).to.deep.equal([{ url: A, state: 'dropped', message: 'answers 404' }]);
  });

  it('drops one that fails six times without a right piece in between', () => {
    const fail = (seeds: WebSeedRoster, count: number): number | undefined => {
      let waitMs: number | undefined;
      for (let at = 0; at < count; at += 1) {
        seeds.handleOpened(1, A);
        waitMs = seeds.handleFailed(1, passing, 0);
        seeds.handleClosed(1, 0);
      }
      return waitMs;
    };
    const seeds = roster(A);

    expect(fail(seeds, 5)).to.be.a('number');
    seeds.handleOpened(1, A);
    seeds.handleVerified(1);
    seeds.handleClosed(1, 0);
    expect(fail(seeds, 5)).to.be.a('number');
    expect(fail(seeds, 1)).to.equal(undefined);
  });

  it('never opens one again that sent wrong data', () => {
    const seeds = roster(A);
    seeds.handleOpened(1, A);
    seeds.handleBanned(1, 'lied');
    seeds.handleClosed(1, 0);

    expect(seeds.pickOpen(1e9)).to.equal(undefined);
  });

  it('tells how each stands, without passwords', () => {
    const seeds = roster('http://u:p@a/', B);
    seeds.handleOpened(1, 'http://u:p@a/');

    expect(seeds.snapshot(0)).to.deep.equal([
      { url: 'http://a/', state: 'open', message: '' },
      { url: B, state: 'idle', message: '' },
    ]);
    seeds.handleFailed(1, passing, 0);
    seeds.handleClosed(1, 0);
    expect(seeds.snapshot(0)[0]).to.include({ state: 'waiting', message: 'answers 503' });
  });
});
