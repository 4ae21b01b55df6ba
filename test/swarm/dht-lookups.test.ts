import { expect } from 'chai';

import { DhtLookups } from '../../src/swarm/dht-lookups.js';

describe('DhtLookups', () => {
  it('looks soon again at first, and then every five minutes', () => {
    const lookups = new DhtLookups();
    lookups.add('a', 0);
    const times: number[] = [];

    for (let count = 0; count < 6; count += 1) {
      const nowMs = lookups.nextMs ?? -1;
      times.push(nowMs);
      expect(lookups.poll(nowMs)).to.equal('a');
      expect(lookups.poll(nowMs)).to.equal(undefined);
      lookups.handleDone('a', nowMs);
    }

    expect(times).to.deep.equal([0, 3_000, 13_000, 43_000, 343_000, 643_000]);
  });

  it('has at most four look-ups under way', () => {
    const lookups = new DhtLookups();
    for (const name of ['a', 'b', 'c', 'd', 'e']) lookups.add(name, 0);
    const begun = (): string[] => {
      const names: string[] = [];
      for (let name = lookups.poll(0); name !== undefined; name = lookups.poll(0)) names.push(name);
      return names;
    };

    expect(begun()).to.deep.equal(['a', 'b', 'c', 'd']);
    expect(lookups.nextMs).to.equal(undefined);
    lookups.remove('b');

    expect(begun()).to.deep.equal(['e']);
  });

  it('looks for a thousand torrents no more often than one a second', () => {
    const lookups = new DhtLookups();
    for (let n = 0; n < 1_000; n += 1) lookups.add(String(n), 0);
    lookups.remove('999');
    for (let times = 0; times < 4; times += 1) {
      const nowMs = times * 1_000_000;
      expect(lookups.poll(nowMs)).to.equal('0');
      lookups.handleDone('0', nowMs);
    }
    for (let n = 1; n < 999; n += 1) lookups.remove(String(n));

    expect(lookups.nextMs).to.equal(3_000_000 + 999_000);
  });

  it('passes over what is gone', () => {
    const lookups = new DhtLookups();
    lookups.add('a', 0);
    lookups.poll(0);
    lookups.remove('a');
    lookups.handleDone('a', 0);

    expect(lookups.nextMs).to.equal(undefined);
    expect(lookups.poll(0)).to.equal(undefined);
  });
});
