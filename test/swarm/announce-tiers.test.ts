import { expect } from 'chai';
import type { AnnounceNeed } from '../../src/swarm/announce-schedule.js';
import { AnnounceTiers } from '../../src/swarm/announce-tiers.js';
import { seededRandom } from '../../src/swarm/seeded-random.js';

const [A, B, C] = ['http://a/announce', 'http://b/announce', 'http://c/announce'] as const;
const CONTENT: AnnounceNeed = { isNeedy: false, isPartialSeed: false };

/** Everything that is due. */
function due(tiers: AnnounceTiers, nowMs: number): string[] {
  const urls: string[] = [];
  for (let next = tiers.poll(CONTENT, nowMs); next; next = tiers.poll(CONTENT, nowMs)) urls.push(next.url);
  return urls;
}

function answer(tiers: AnnounceTiers, url: string, nowMs: number, intervalMs = 120_000): void {
  tiers.handleSucceeded({ url, intervalMs, minIntervalMs: 0 }, nowMs);
}

describe('AnnounceTiers', () => {
  it('announces to each tier, so that peers meet whatever their first tracker is', () => {
    const tiers = new AnnounceTiers([[A], [B], [C]], seededRandom(1), 0);

    expect(due(tiers, 0)).to.deep.equal([A, B, C]);
  });

  it('keeps the time of each tier apart', () => {
    const tiers = new AnnounceTiers([[A], [B]], seededRandom(1), 0);
    due(tiers, 0);
    expect(tiers.nextMs(CONTENT)).to.equal(undefined);

    answer(tiers, A, 0, 60_000);
    tiers.handleFailed(B, 'no route', 0);

    expect(tiers.nextMs(CONTENT)).to.equal(5_000);
    expect(due(tiers, 5_000)).to.deep.equal([B]);
    answer(tiers, B, 5_000);
    expect(tiers.nextMs(CONTENT)).to.equal(60_000);
    expect(tiers.everAnswered).to.equal(true);
  });

  it('asks one tracker of a tier, the other when that fails', () => {
    const tiers = new AnnounceTiers([[A, B]], seededRandom(1), 0);

    const [first = ''] = due(tiers, 0);
    tiers.handleFailed(first, 'no route', 0);

    expect(due(tiers, 0)).to.deep.equal([first === A ? B : A]);
  });

  it('counts a tracker once that stands in several tiers', () => {
    const tiers = new AnnounceTiers([[A], [A, B], [B]], seededRandom(1), 0);

    expect(due(tiers, 0)).to.deep.equal([A, B]);
    expect(tiers.snapshot(CONTENT, 0).map(({ url }) => url)).to.deep.equal([A, B]);
  });

  it('tells each of them of the completion, and says goodbye to those that know us', () => {
    const tiers = new AnnounceTiers([[A], [B], [C]], seededRandom(1), 0);
    due(tiers, 0);
    answer(tiers, A, 0);
    answer(tiers, B, 0);
    tiers.handleFailed(C, 'no route', 0);

    tiers.handleComplete(10);

    expect([tiers.poll(CONTENT, 10), tiers.poll(CONTENT, 10)]).to.deep.equal([
      { url: A, event: 'completed' },
      { url: B, event: 'completed' },
    ]);
    expect(tiers.stop().map(({ url, event }) => ({ url, event }))).to.deep.equal([
      { url: A, event: 'stopped' },
      { url: B, event: 'stopped' },
    ]);
    expect(tiers.nextMs(CONTENT)).to.equal(undefined);
  });

  it('is silent without trackers', () => {
    const tiers = new AnnounceTiers([], seededRandom(1), 0);

    expect(due(tiers, 0)).to.deep.equal([]);
    expect(tiers.nextMs(CONTENT)).to.equal(undefined);
    expect(tiers.everAnswered).to.equal(false);
  });
});
