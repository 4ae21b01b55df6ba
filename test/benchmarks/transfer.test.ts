import { expect } from 'chai';
import { fluidBoundSeconds } from '../../benchmarks/engine/fluid-bound.js';
import { caseName, pairName, parseCases, parsePairs } from '../../benchmarks/engine/transfer-plan.js';
import { parseLinkCounters } from '../../benchmarks/hosts/link-counters.js';
import { isRunning, leftoverOwner, namespaceName } from '../../benchmarks/hosts/namespace-names.js';

const MIB = 1_048_576;

describe('parseCases', () => {
  it('reads how many seeders and downloaders', () => {
    expect(parseCases('1-1,4-12').map(caseName)).to.deep.equal(['1 to 1', '4 to 12']);
  });

  it('refuses what is no case', () => {
    for (const text of ['', '1', '0-1', '1-100', '1-1,', '1:1']) expect(() => parseCases(text), text).to.throw('4-1');
  });
});

describe('parsePairs', () => {
  const clients = ['p2p', 'aria2'];

  it('reads a name as one with itself, and two as seeder and downloader', () => {
    expect(parsePairs('p2p,aria2:p2p', clients).map(pairName)).to.deep.equal(['p2p', 'p2p from aria2']);
  });

  it('names a client that it does not know', () => {
    expect(() => parsePairs('p2p:utorrent', clients)).to.throw("'utorrent': p2p, aria2");
    expect(() => parsePairs('p2p:p2p:p2p', clients)).to.throw('SEEDER:DOWNLOADER');
  });
});

describe('fluidBoundSeconds', () => {
  it('is the time in which the seeder sends one copy, where the crowd carries the rest', () => {
    const crowd = {
      sizeBytes: 128 * MIB,
      downloaderCount: 8,
      seedBytesPerSec: 12_500_000,
      uploadBytesPerSec: 12_500_000,
    };

    expect(fluidBoundSeconds(crowd)).to.be.closeTo(10.74, 0.01);
  });

  it('is that of all uploads together, where seeders alone would be faster', () => {
    expect(
      fluidBoundSeconds({ sizeBytes: 120, downloaderCount: 8, seedBytesPerSec: 40, uploadBytesPerSec: 10 }),
    ).to.equal(8);
  });

  it('is that of a download, where links into the peers are slow', () => {
    const rates = { seedBytesPerSec: 100, uploadBytesPerSec: 100, downloadBytesPerSec: 10 };

    expect(fluidBoundSeconds({ sizeBytes: 120, downloaderCount: 2, ...rates })).to.equal(12);
  });
});

describe('parseLinkCounters', () => {
  it('reads what each device received', () => {
    const text = [
      'Inter-|   Receive                                                |  Transmit',
      ' face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets',
      '    lo:       0       0    0    0    0     0          0         0        0       0',
      ' link2: 1234567     100    0    0    0     0          0         0      999       9',
    ].join('\n');

    expect([...parseLinkCounters(text)]).to.deep.equal([
      ['lo', 0],
      ['link2', 1_234_567],
    ]);
  });
});

describe('names of what a benchmark makes', () => {
  it('tell the process that they belong to', () => {
    expect(leftoverOwner(namespaceName(4_194_304, 'hub'))).to.equal(4_194_304);
    for (const name of ['p2p-lan-1-host', 'p2p-bench-x-1', 'p2p-bench-1', ''])
      expect(leftoverOwner(name)).to.equal(undefined);
  });

  it('are left over when that process is gone', () => {
    expect(isRunning(process.pid)).to.equal(true);
    expect(isRunning(2 ** 30)).to.equal(false);
  });
});
