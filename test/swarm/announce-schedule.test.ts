import { expect } from 'chai';
import { AnnounceSchedule, type AnnounceNeed } from '../../src/swarm/announce-schedule.js';
import { seededRandom } from '../../src/swarm/seeded-random.js';

const [A, B, C] = ['http://a/announce', 'http://b/announce', 'http://c/announce'] as const;
const CONTENT: AnnounceNeed = { isNeedy: false, isPartialSeed: false };
const NEEDY: AnnounceNeed = { isNeedy: true, isPartialSeed: false };

describe('AnnounceSchedule', () => {
  it('says started first, then nothing at each interval', () => {
    const schedule = aSchedule([[A]]);

    expect(schedule.poll(CONTENT, 0)).to.deep.equal({ url: A, event: 'started' });
    expect(schedule.nextMs(CONTENT)).to.equal(undefined);
    answer(schedule, A, 100);

    expect(schedule.nextMs(CONTENT)).to.equal(120_100);
    expect(schedule.poll(CONTENT, 120_099)).to.equal(undefined);
    expect(schedule.poll(CONTENT, 120_100)).to.deep.equal({ url: A, event: 'none' });
  });

  it('comes back at the min interval when a source is lacking', () => {
    const schedule = aSchedule([[A]]);
    schedule.poll(NEEDY, 0);
    answer(schedule, A, 0);

    expect(schedule.nextMs(NEEDY)).to.equal(15_000);
    expect(schedule.nextMs(CONTENT)).to.equal(120_000);
  });

  it('says completed once, at once, to a tracker that knows us', () => {
    const schedule = aSchedule([[A]]);
    schedule.poll(CONTENT, 0);
    answer(schedule, A, 0);

    schedule.handleComplete(5_000);

    expect(schedule.poll(CONTENT, 5_000)).to.deep.equal({ url: A, event: 'completed' });
    answer(schedule, A, 5_100);
    expect(schedule.poll(CONTENT, 200_000)).to.deep.equal({ url: A, event: 'none' });
  });

  it('says completed after an announce that was under way', () => {
    const schedule = aSchedule([[A]]);
    schedule.poll(CONTENT, 0);
    answer(schedule, A, 0);
    schedule.poll(CONTENT, 120_000);

    schedule.handleComplete(120_001);
    answer(schedule, A, 120_050);

    expect(schedule.poll(CONTENT, 120_050)).to.deep.equal({ url: A, event: 'completed' });
  });

  it('says paused at every announce of a partial seed', () => {
    const schedule = aSchedule([[A]]);
    const need = { isNeedy: false, isPartialSeed: true };

    expect(schedule.poll(need, 0)?.event).to.equal('paused');
    answer(schedule, A, 0);
    expect(schedule.poll(need, 120_000)?.event).to.equal('paused');
  });

  it('goes to the next tracker at once when one fails, and comes back to the first after its rest', () => {
    const schedule = aSchedule([[A], [B]]);
    schedule.poll(CONTENT, 0);

    schedule.handleFailed(A, 'refused', 10);
    expect(schedule.poll(CONTENT, 10)).to.deep.equal({ url: B, event: 'started' });
    answer(schedule, B, 20);

    expect(schedule.poll(CONTENT, 120_020)).to.include({ url: A, event: 'started' });
  });

  it('says whether another tracker is ready, should this one be silent', () => {
    const schedule = aSchedule([[A], [B]]);

    expect(schedule.poll(CONTENT, 0)).to.have.property('hasAlternative', true);
    schedule.handleFailed(A, 'silent', 10);
    expect(schedule.poll(CONTENT, 10)).to.not.have.property('hasAlternative');
  });

  it('backs off from 5 seconds, doubling up to the interval, when all fail', () => {
    const schedule = aSchedule([[A]]);
    const waits: number[] = [];

    let nowMs = 0;
    for (let failure = 0; failure < 7; failure += 1) {
      schedule.poll(CONTENT, nowMs);
      schedule.handleFailed(A, 'refused', nowMs);
      const nextMs = schedule.nextMs(CONTENT) ?? 0;
      waits.push(nextMs - nowMs);
      nowMs = nextMs;
    }

    expect(waits).to.deep.equal([5_000, 10_000, 20_000, 40_000, 80_000, 120_000, 120_000]);
  });

  it('moves the tracker that answers to the front of its tier', () => {
    const schedule = aSchedule([[A, B, C]]);
    const first = schedule.poll(CONTENT, 0)?.url ?? '';
    schedule.handleFailed(first, 'refused', 0);
    const second = schedule.poll(CONTENT, 0)?.url ?? '';
    answer(schedule, second, 0);

    expect(schedule.poll(CONTENT, 120_000)?.url).to.equal(second);
  });

  it('draws lots within a tier, never between tiers', () => {
    const firsts = new Set<string | undefined>();
    for (let seed = 0; seed < 30; seed += 1) {
      firsts.add(new AnnounceSchedule([[A, B], [C]], seededRandom(seed), 0).poll(CONTENT, 0)?.url);
    }

    expect([...firsts].sort()).to.deep.equal([A, B]);
  });

  it('says stopped to every tracker that knows us, and nothing after', () => {
    const schedule = aSchedule([[A], [B]]);
    schedule.poll(CONTENT, 0);
    answer(schedule, A, 0);

    expect(schedule.stop()).to.deep.equal([{ url: A, event: 'stopped' }]);
    expect(schedule.stop()).to.deep.equal([]);
    expect(schedule.nextMs(NEEDY)).to.equal(undefined);
  });

  it('is silent without trackers', () => {
    const schedule = aSchedule([]);

    expect(schedule.poll(NEEDY, 0)).to.equal(undefined);
    expect(schedule.nextMs(NEEDY)).to.equal(undefined);
  });

  it('shows how each tracker stands', () => {
    const schedule = aSchedule([[A], [B]]);
    schedule.poll(CONTENT, 0);
    schedule.handleFailed(A, 'no route', 0);
    schedule.poll(CONTENT, 0);
    answer(schedule, B, 0);

    const [a, b] = schedule.snapshot(CONTENT, 1_000);

    expect(a).to.deep.include({ url: A, state: 'failed', message: 'no route', everAnswered: false });
    expect(b).to.deep.include({ url: B, state: 'ok', message: '', seeders: 3, everAnswered: true });
  });
});

function aSchedule(tiers: readonly (readonly string[])[]): AnnounceSchedule {
  return new AnnounceSchedule(tiers, seededRandom(1), 0);
}

function answer(schedule: AnnounceSchedule, url: string, nowMs: number): void {
  schedule.handleSucceeded({ url, intervalMs: 120_000, minIntervalMs: 15_000, seeders: 3, leechers: 1 }, nowMs);
}
